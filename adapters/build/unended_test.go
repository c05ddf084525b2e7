package build

import (
	"strings"
	"testing"
	"time"
)

// TestWhatKeepsTests: a run that doesn't end says how far it came, and which test keeps it.
func TestWhatKeepsTests(t *testing.T) {
	t.Parallel()
	_, log, err := runTests(t, project(t, files{"requirements.txt": plainFlask, "app.py": flaskApp,
		"test_app.py": "import threading\n\nimport pytest\n\n\ndef test_quick():\n    pass\n\n\n@pytest.mark.parametrize('n', [1, 2])\ndef test_waits(n):\n    threading.Event().wait()\n"}), 15*time.Second)
	wantRefused(t, err, log, "did not end within 15s", "test_app.py::test_waits[1] had been running for", "after 1 test", "--set 'test.command=python -m pytest --deselect test_app.py::test_waits'", "--set test.timeout_seconds=45", "--set test.skip=true")

	_, log, err = runTests(t, project(t, files{"requirements.txt": plainFlask, "app.py": flaskApp,
		"test_app.py": "import threading\n\n\ndef test_asks():\n    raise ConnectionRefusedError('connection to server at \"127.0.0.1\", port 5432 failed: Connection refused')\n\n\ndef test_waits():\n    threading.Event().wait()\n"}), 15*time.Second)
	wantRefused(t, err, log, "the tests want a server of PostgreSQL at 127.0.0.1:5432, and none answers", "did not end within 15s", "1 had failed", "--set test.timeout_seconds=45", "--set test.skip=true")

	_, log, err = runTests(t, project(t, unit("threading.Thread(target=threading.Event().wait).start()")), 5*time.Second)
	wantRefused(t, err, log, "did not end within 5s", "1 test had ended, and none was running")
}

// TestTestsThatAskForOlderSetuptools get it, as an import of the application does.
func TestTestsThatAskForOlderSetuptools(t *testing.T) {
	t.Parallel()
	report, log, err := runTests(t, project(t, files{"requirements.txt": plainFlask, "app.py": flaskApp, "conftest.py": "import pkg_resources\n", "test_app.py": "def test_a():\n    pass\n"}), 0)
	if err != nil || report.Passed != 1 || !strings.Contains(log, "once more with setuptools<82") {
		t.Errorf("%v %+v\n%s", err, report, log)
	}
}
