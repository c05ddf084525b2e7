"""Loaded at the start of a test run: writes one JSON line per test that unittest runs."""

import json
import os
import sys


def install():
    path = os.environ.get("SLIPWAY_TEST_RESULTS")
    if not path:
        return
    import unittest
    import unittest.runner as runner

    base = runner.TextTestResult

    class Recorder(base):
        def _slipway(self, test, status, err=None):
            record = {"name": test.id() if hasattr(test, "id") else str(test), "status": status}
            if err is not None:
                if isinstance(err, tuple):
                    record["message"] = ("%s: %s" % (err[0].__name__, err[1]))[:2000]
                    record["excerpt"] = self._exc_info_to_string(err, test)[-4000:]
                    tb = err[2]
                    while tb is not None and tb.tb_next is not None:
                        tb = tb.tb_next
                    if tb is not None:
                        record["file"], record["line"] = tb.tb_frame.f_code.co_filename, tb.tb_lineno
                else:
                    record["message"] = str(err)[:2000]
            with open(path, "a", encoding="utf-8") as f:
                f.write(json.dumps(record) + "\n")

        def addSuccess(self, test):
            super().addSuccess(test)
            self._slipway(test, "passed")

        def addError(self, test, err):
            super().addError(test, err)
            self._slipway(test, "error", err)

        def addFailure(self, test, err):
            super().addFailure(test, err)
            self._slipway(test, "failed", err)

        def addSkip(self, test, reason):
            super().addSkip(test, reason)
            self._slipway(test, "skipped", reason)

        def addExpectedFailure(self, test, err):
            super().addExpectedFailure(test, err)
            self._slipway(test, "passed")

        def addUnexpectedSuccess(self, test):
            super().addUnexpectedSuccess(test)
            self._slipway(test, "failed", "succeeded, though it is expected to fail")

        def addSubTest(self, test, subtest, err):
            super().addSubTest(test, subtest, err)
            if err is not None:
                self._slipway(subtest, "failed", err)

    runner.TextTestResult = Recorder
    unittest.TextTestResult = Recorder
    runner.TextTestRunner.resultclass = Recorder


try:
    install()
except Exception as e:  # a recorder must never break a test run
    print("the test recorder could not be installed:", e, file=sys.stderr)
