"""Loaded at the start of each Python process of a test run: gives it reports of its
own, writes one JSON line per test that unittest runs, and keeps in a file which test
is running, by which a run that doesn't end is explained."""

import importlib.machinery
import json
import os
import sys
import time
import traceback


def own_reports():
    # Named after those of the process above it: a command may run tests several times,
    # and tests may run tests, which are part of them.
    above = os.environ.get("SLIPWAY_TEST_RESULTS")
    own = "%s.%d" % (above, os.getpid())
    if not above or len(os.path.basename(own)) > 200:
        return above
    options = os.environ.get("PYTEST_ADDOPTS", "")
    os.environ["PYTEST_ADDOPTS"] = options.replace("--junitxml=%s.xml" % above, "--junitxml=%s.xml" % own)
    os.environ["SLIPWAY_TEST_RESULTS"] = own
    return own


class Now:
    """The test that is running, and how many have ended."""

    def __init__(self, path):
        self.path, self.ended, self.failed, self.said = path, 0, 0, ""

    def write(self, test):
        # A test may have left the process no descriptor, or the disk no room.
        try:
            with open(self.path, "w", encoding="utf-8") as f:
                json.dump({"test": test, "since": time.time(), "ended": self.ended, "failed": self.failed, "said": self.said}, f)
        except Exception:
            pass

    def begin(self, test):
        self.write(test)

    def end(self, said=""):
        self.ended += 1
        if said:
            self.failed, self.said = self.failed + 1, said[-8000:]
        self.write("")


class Pytest:
    """Follows pytest's tests, once it is imported."""

    def __init__(self, now):
        self.now = now

    def find_spec(self, name, where=None, target=None):
        if name != "_pytest.runner":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, where)
        if spec is None or spec.loader is None:
            return None
        execute, now = spec.loader.exec_module, self.now

        def exec_module(module):
            execute(module)
            protocol = module.runtestprotocol

            def followed(item, *args, **kwargs):
                now.begin(item.nodeid)
                said = ""
                try:
                    reports = protocol(item, *args, **kwargs)
                    for report in reports or []:
                        if report.failed:
                            said = str(report.longrepr)
                    return reports
                finally:
                    now.end(said)

            module.runtestprotocol = followed

        spec.loader.exec_module = exec_module
        return spec


def install():
    path = own_reports()
    if not path:
        return
    now = Now(path + ".now")
    sys.meta_path.insert(0, Pytest(now))
    path += ".jsonl"
    from unittest.runner import TextTestResult

    def write(test, status, err=None):
        record = {"name": test.id() if hasattr(test, "id") else str(test), "status": status}
        if isinstance(err, tuple):
            record["message"] = ("%s: %s" % (err[0].__name__, err[1]))[:2000]
            record["excerpt"] = "".join(traceback.format_exception(*err))[-4000:]
            # The innermost line of the project: unittest's own frames are
            # around the test and, for a failed assertion, below it.
            tb = err[2]
            while tb is not None:
                if "/unittest/" not in tb.tb_frame.f_code.co_filename:
                    record["file"], record["line"] = tb.tb_frame.f_code.co_filename, tb.tb_lineno
                tb = tb.tb_next
        elif err is not None:
            record["message"] = str(err)[:2000]
        with open(path, "a", encoding="utf-8") as f:
            f.write(json.dumps(record) + "\n")

    # The class is changed in place: its own methods name it, so that a subclass
    # under its name would call itself without end.
    def record(method, status):
        original = getattr(TextTestResult, method)

        def recorded(self, test, *args):
            original(self, test, *args)
            write(test, status, *args[:1])

        setattr(TextTestResult, method, recorded)

    record("addSuccess", "passed")
    record("addError", "error")
    record("addFailure", "failed")
    record("addSkip", "skipped")
    record("addUnexpectedSuccess", "failed")
    expected, sub = TextTestResult.addExpectedFailure, TextTestResult.addSubTest

    def add_expected_failure(self, test, err):
        expected(self, test, err)
        write(test, "passed")

    def add_sub_test(self, test, subtest, err):
        sub(self, test, subtest, err)
        if err is not None:
            write(subtest, "failed", err)

    start, stop = TextTestResult.startTest, TextTestResult.stopTest

    def start_test(self, test):
        now.begin(test.id() if hasattr(test, "id") else str(test))
        start(self, test)

    def stop_test(self, test):
        stop(self, test)
        now.end()

    TextTestResult.startTest, TextTestResult.stopTest = start_test, stop_test
    TextTestResult.addExpectedFailure = add_expected_failure
    TextTestResult.addSubTest = add_sub_test


try:
    install()
except Exception as e:  # a recorder must never break a test run
    print("the test recorder could not be installed:", e, file=sys.stderr)
