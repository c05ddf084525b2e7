package build

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
)

const plainFlask = "flask>=3,<4\n"

func TestRefusedBuilds(t *testing.T) {
	flask := files{"app.py": flaskApp}
	payments := example(t, "payments")
	forged := regexp.MustCompile(`sha256:[0-9a-f]{8}`).ReplaceAllString(payments["requirements.txt"], "sha256:00000000")
	locked := func(t *testing.T, dir string) { lock(t, dir, uv, nil, "lock") }
	tests := []struct {
		name   string
		files  files
		lock   func(t *testing.T, dir string)
		change files // after the lock
		says   []string
		code   slipway.Code // Refused unless given
	}{
		{name: "unsatisfiable", files: with(flask, files{"requirements.txt": "flask==3.0.0\nwerkzeug<2\n"}), says: []string{"contradict"}},
		{name: "no such version", files: with(flask, files{"requirements.txt": "flask==99.0\n"}), says: []string{"flask==99.0"}},
		{name: "unknown package", files: with(flask, files{"requirements.txt": plainFlask + "slipway-no-such-package-41\n"}), says: []string{"slipway-no-such-package-41", "spelt"}},
		{name: "hash mismatch", files: with(payments, files{"requirements.txt": forged}), says: []string{"hash differs", " is not the package that was locked"}},
		{name: "broken lock", files: with(flask, files{"pyproject.toml": flaskProject, "uv.lock": "version = [1\n"}), says: []string{"uv.lock:1: ", "uv lock"}, code: slipway.Invalid},
		{name: "stale lock", files: with(flask, files{"pyproject.toml": flaskProject}), lock: locked,
			change: files{"pyproject.toml": strings.Replace(flaskProject, "flask>=3,<4\"", "flask>=3,<4\", \"attrs\"", 1)}, says: []string{"uv.lock", "does not match"}, code: slipway.Invalid},
		{name: "syntax error", files: files{"requirements.txt": plainFlask, "app.py": flaskApp + "\ndef broken(:\n"}, says: []string{"app.py"}},
		{name: "import error", files: files{"requirements.txt": plainFlask, "app.py": "import nowhere_to_be_found\n" + flaskApp}, says: []string{"nowhere_to_be_found"}},
		{name: "hangs on import", files: files{"requirements.txt": plainFlask, "app.py": flaskApp + "\nimport threading\nthreading.Event().wait()\n",
			"slipway.yaml": "build: {timeout_seconds: 20}\n"}, says: []string{"build.timeout_seconds"}},
		{name: "no Python", files: files{"README.md": "# Nothing\n"}, says: []string{"Python"}, code: slipway.Invalid},
		{name: "a key of slipway.yaml", files: with(flask, files{"requirements.txt": plainFlask, "slipway.yaml": "env: {}\nprocesess: {}\n"}),
			says: []string{"slipway.yaml:2: there is no key procesess; did you mean processes?"}, code: slipway.Invalid},
		{name: "build command", files: files{"requirements.txt": plainFlask, "app.py": flaskApp,
			"slipway.yaml": "build: {commands: [\"python -c 'raise SystemExit(7)'\"]}\n"}, says: []string{"build command", "exit code 7"}},
		{name: "no such program", files: files{"requirements.txt": plainFlask, "app.py": flaskApp, "slipway.yaml": "processes: {web: LEVEL=2 gunicorn-of-ours app:app}\n"},
			says: []string{"the process web starts gunicorn-of-ours", "the dependencies that production installs"}},
		{name: "no program of the platform's", files: files{"requirements.txt": plainFlask, "app.py": flaskApp, "slipway.yaml": "processes: {web: \"python app.py\"}\nbuild: {commands: [" + planted + "-tool]}\n"},
			says: []string{planted + "-tool is not in the release's environment"}},
		{name: "release command", files: files{"requirements.txt": plainFlask, "app.py": flaskApp, "slipway.yaml": "processes: {web: python app.py}\nrelease_command: alembic upgrade head && true\n"},
			says: []string{"the release command starts alembic"}},
		{name: "no such script", files: files{"app.py": "print('one')\n", "slipway.yaml": "processes: {web: ./bin/start}\n"}, says: []string{"./bin/start, which is not in the release"}},
		{name: "no executable", files: files{"app.py": "print('one')\n", "bin/start": "#!/bin/sh\nexec python app.py\n", "slipway.yaml": "processes: {web: bin/start}\n"},
			says: []string{"bin/start", "git update-index --chmod=+x bin/start"}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dir := project(t, tc.files)
			if tc.lock != nil {
				tc.lock(t, dir)
			}
			write(t, dir, tc.change)
			_, log, err := build(t, dir)
			if tc.code == "" {
				tc.code = slipway.Refused
			}
			wantCode(t, err, tc.code, log, tc.says...)
			if strings.Count(err.Error(), "\n") > 0 || len(err.Error()) > 900 {
				t.Errorf("the error is no sentence: %q", err)
			}
		})
	}
}

const (
	idle       = "processes: {web: python app.py}\n"
	pytestOnly = "pytest>=8,<9\n"
)

// unit is a project without dependencies whose tests run by unittest.
func unit(body string, config ...string) files {
	return files{
		"app.py": "print('one')\n", "slipway.yaml": idle + strings.Join(config, ""),
		"test_app.py": "import os, subprocess, sys, threading, unittest\n\n\nclass AppTest(unittest.TestCase):\n    def test_app(self):\n        " + body + "\n",
	}
}

func TestTestRuns(t *testing.T) {
	pytestProject := func(text string) files {
		return files{"requirements.txt": plainFlask, "app.py": flaskApp, "test_app.py": text}
	}
	orders := example(t, "orders")
	tests := []struct {
		name    string
		files   files
		says    []string // nil: the tests pass
		inLog   string
		report  slipway.TestReport // its counts
		failure slipway.TestFailure
		verdict slipway.TestVerdict // passed, or failed with says, unless given
	}{
		{name: "pytest red", files: pytestProject("import pytest\n\n\ndef test_red():\n    assert 1 == 2\n\n\ndef test_green():\n    pass\n\n\n@pytest.mark.skip\ndef test_skipped():\n    pass\n\n\n@pytest.fixture\ndef bad():\n    raise KeyError('x')\n\n\ndef test_error(bad):\n    pass\n"),
			says: []string{"2 of 4 tests failed", "test_red", "(assert 1 == 2); mend that, or leave it out by", "--deselect test_app.py::test_red --deselect test_app.py::test_error"}, report: slipway.TestReport{Total: 4, Passed: 1, Failed: 1, Errors: 1, Skipped: 1},
			failure: slipway.TestFailure{Name: "test_app::test_red", File: "test_app.py", Message: "assert 1 == 2"}},
		{name: "pytest broken file", files: pytestProject("import pytest\nimport nowhere\n\n\ndef test_a():\n    pass\n"),
			says: []string{"the tests import nowhere, ", "--set 'test.packages=[nowhere]'", "can't be collected: test_app.py"}, report: slipway.TestReport{Total: 1, Errors: 1},
			failure: slipway.TestFailure{Name: "test_app", File: "test_app.py", Message: "ModuleNotFoundError: No module named 'nowhere'"}},
		{name: "pytest broken conftest", files: with(pytestProject("def test_a():\n    pass\n"), files{"conftest.py": "import os\nos.environ['ASKED_FOR']\n", "requirements-test.txt": pytestOnly}),
			says: []string{"the variable ASKED_FOR", "--set test.env.ASKED_FOR=...", "conftest.py, which the tests load first"}},
		{name: "several runs, of which one starts another", files: with(pytestProject("def test_red():\n    assert 1 == 2\n\n\ndef test_green():\n    pass\n"), files{
			"test_b.py": "import subprocess\nimport sys\n\n\ndef test_runner():\n    assert subprocess.run([sys.executable, '-m', 'pytest', 'inner.py']).returncode == 1\n",
			"inner.py":  "def test_inner():\n    assert 3 == 4\n", "test_c.py": "import unittest\n\n\nclass CTest(unittest.TestCase):\n    def test_c(self):\n        pass\n",
			"run.py": "import subprocess\nimport sys\n\nsubprocess.run([sys.executable, '-m', 'pytest', 'test_app.py'])\nsubprocess.run([sys.executable, '-m', 'unittest', 'test_c'])\n", "requirements-test.txt": pytestOnly,
			"slipway.yaml": "test: {command: python run.py && python -m pytest test_b.py}\n"}),
			says: []string{"1 of 4 tests failed", "test_red"}, report: slipway.TestReport{Total: 4, Passed: 3, Failed: 1}, failure: slipway.TestFailure{Name: "test_app::test_red", File: "test_app.py"}},
		{name: "pytest without tests", files: with(pytestProject("VALUE = 1\n"), files{"pytest.ini": "[pytest]\n"}), inLog: "python -m pytest found no tests", verdict: slipway.TestsNone},
		{name: "pytest overlooks", files: with(pytestProject("def test_a():\n    pass\n"), files{"pytest.ini": "[pytest]\ntestpaths = other\n", "other/kept": ""}),
			says: []string{"found no tests, though there is one at test_app.py:1", "test: {skip: true}"}},
		{name: "a plugin's option", files: with(pytestProject("def test_a():\n    pass\n"), files{"pytest.ini": "[pytest]\naddopts = --cov=app\n"}), says: []string{"pytest is told --cov", "--set 'test.packages=[pytest-cov]'"}},
		{name: "one extra package and one left out", files: with(pytestProject("import responses\n\n\ndef test_a():\n    pass\n"), files{"requirements-test.txt": pytestOnly + "slipway-no-such-package-42\n",
			"slipway.yaml": "test: {packages: [responses], without: [slipway-no-such-package-42]}\n"}), report: slipway.TestReport{Total: 1, Passed: 1}},
		{name: "an extra beside requirements", files: with(pytestProject("import responses\n\n\ndef test_a():\n    pass\n"), files{"requirements.txt": plainFlask + ".[web]\n",
			"setup.py": "from setuptools import setup\nsetup(name='shop', version='1', py_modules=['app'], extras_require={'web': [], 'test': ['pytest<9', 'responses']})\n"}), report: slipway.TestReport{Total: 1, Passed: 1}},
		{name: "a path of its own", files: with(unit("pass", "test: {command: PYTHONPATH=. python -m unittest}\n")), report: slipway.TestReport{Total: 1, Passed: 1}},
		{name: "unittest broken file", files: with(unit("pass"), files{"test_b.py": "import unittest\nimport nowhere\n"}), says: []string{"the tests import nowhere", "can't be collected: test_b"},
			report: slipway.TestReport{Total: 2, Passed: 1, Errors: 1}},
		{name: "counted by its output", files: with(unit("pass", "test: {command: \"sh -c 'env -u PYTHONPATH -u SLIPWAY_TEST_RESULTS python -m unittest'\"}\n")), report: slipway.TestReport{Total: 1, Passed: 1}},
		{name: "django green", files: orders, report: slipway.TestReport{Total: 2, Passed: 2}},
		{name: "django red", files: with(orders, files{"shop/tests.py": strings.Replace(orders["shop/tests.py"], "201", "202", 1)}),
			says: []string{"1 of 2 tests failed"}, report: slipway.TestReport{Total: 2, Passed: 1, Failed: 1},
			failure: slipway.TestFailure{Name: "shop.tests.OrdersTest.test_an_order_is_kept", File: "shop/tests.py", Line: 9, Message: "AssertionError: 201 != 202"}},
		{name: "unittest green", files: unit("pass"), report: slipway.TestReport{Total: 1, Passed: 1}},
		{name: "unittest red", files: unit("self.assertEqual(1, 2)"), says: []string{"1 of 1 tests failed"}, report: slipway.TestReport{Total: 1, Failed: 1},
			failure: slipway.TestFailure{Name: "test_app.AppTest.test_app", File: "test_app.py", Line: 6, Message: "1 != 2"}},
		{name: "unittest error", files: unit("raise KeyError('x')"), says: []string{"1 of 1 tests failed"}, report: slipway.TestReport{Total: 1, Errors: 1},
			failure: slipway.TestFailure{Name: "test_app.AppTest.test_app", Message: "KeyError"}},
		{name: "subtests", files: unit("for i in range(3):\n            with self.subTest(i=i):\n                self.assertNotEqual(i, 1)"),
			says: []string{"1 of 1 tests failed"}, report: slipway.TestReport{Total: 1, Failed: 1}, failure: slipway.TestFailure{Message: "1 == 1"}},
		{name: "hangs", files: unit("threading.Event().wait()", "test: {timeout_seconds: 2}\n"), says: []string{"within 2s", "test.timeout_seconds"}},
		{name: "floods", files: unit("[sys.stdout.write('x' * 65536) for _ in range(2000)]"), says: []string{"64 MiB", "print less"}},
		{name: "exits", files: unit("os._exit(0)"), says: []string{"found no tests, though there is one at test_app.py:5"}},
		{name: "crashes", files: unit("os.kill(os.getpid(), 11)"), says: []string{`ended by the signal "`}},
		{name: "dependency missing", files: with(pytestProject("def test_a():\n    pass\n"), files{"requirements-test.txt": "pytest>=8,<9\nslipway-no-such-package-42\n"}),
			says: []string{"test dependencies can't be installed", "slipway-no-such-package-42"}},
		{name: "runner missing", files: unit("pass", "test: {command: nose9 -v}\n"), says: []string{"the test command starts nose9", "the test dependencies"}},
		{name: "environment", files: unit("print('ENV', dict(os.environ))", "test: {env: {ASKED: 'for'}}\nbuild: {commands: [\"python -c 'import os; print(dict(os.environ))'\"]}\n"),
			report: slipway.TestReport{Total: 1, Passed: 1}, inLog: "'ASKED': 'for'"},
		{name: "no tests", files: files{"app.py": "print('one')\n", "slipway.yaml": idle}, inLog: "no tests found", verdict: slipway.TestsNone},
		{name: "skipped", files: unit("self.fail()", "test: {skip: true}\n"), inLog: slipway.SkippedByOwner, verdict: slipway.TestsSkipped},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			report, log, err := runTests(t, project(t, tc.files), 0)
			if tc.says == nil && err != nil {
				t.Fatalf("%v\n%.4000s", err, log)
			}
			if tc.says != nil {
				wantRefused(t, err, log, tc.says...)
			}
			if strings.Contains(log, planted) || !strings.Contains(log, tc.inLog) {
				t.Errorf("the log has the platform's environment, or not %q:\n%.4000s", tc.inLog, log)
			}
			got := slipway.TestReport{Total: report.Total, Passed: report.Passed, Failed: report.Failed, Errors: report.Errors, Skipped: report.Skipped}
			if got.Total != tc.report.Total || got.Passed != tc.report.Passed || got.Failed != tc.report.Failed || got.Errors != tc.report.Errors || got.Skipped != tc.report.Skipped {
				t.Errorf("counts %+v, want %+v\n%.4000s", got, tc.report, log)
			}
			want := tc.verdict
			if want == "" && tc.says == nil {
				want = slipway.TestsPassed
			} else if want == "" {
				want = slipway.TestsFailed
			}
			if judged := report.Judged(err); judged.Verdict != want {
				t.Errorf("the verdict is %s, want %s", judged.Verdict, want)
			}
			checkFailure(t, report.Failures, tc.failure)
		})
	}
}

func checkFailure(t *testing.T, all []slipway.TestFailure, want slipway.TestFailure) {
	t.Helper()
	if want.Message == "" {
		return
	}
	if len(all) == 0 {
		t.Fatalf("no failures, want %+v", want)
	}
	f := all[0]
	for _, one := range all {
		if want.Name != "" && one.Name == want.Name {
			f = one
		}
	}
	if want.Name != "" && f.Name != want.Name || !strings.Contains(f.Message, want.Message) || want.File != "" && (f.File != want.File || f.Line != want.Line) || f.Excerpt == "" || strings.Contains(f.Excerpt, os.TempDir()+"/slipway-build") {
		t.Errorf("failure %+v, want %+v", f, want)
	}
}

func TestBuildsDoNotSeeThePlatform(t *testing.T) {
	t.Parallel()
	_, log := mustBuild(t, project(t, unit("pass", "build: {commands: [\"python -c 'import os; print(dict(os.environ))'\"], env: {GIVEN: yes-it-is}}\n")))
	if strings.Contains(log, planted) || !strings.Contains(log, "yes-it-is") {
		t.Errorf("the build saw the wrong environment:\n%s", log)
	}
}

func TestLeftProcessesAreEnded(t *testing.T) {
	t.Parallel()
	report, log, err := runTests(t, project(t, unit(`p = subprocess.Popen([sys.executable, "-c", "import os, threading; os.setsid() if os.getpid() != os.getsid(0) else None; threading.Event().wait()", "left-4f1c"], start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)`)), 0)
	if err != nil || report.Passed != 1 {
		t.Fatalf("%+v %v\n%s", report, err, log)
	}
	if !strings.Contains(log, "left 1 processes") {
		t.Fatalf("the log doesn't tell of the process:\n%s", log)
	}
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range lines {
		if line, err := os.ReadFile(name); err == nil && strings.HasSuffix(string(line), "\x00left-4f1c\x00") {
			t.Errorf("%s is still there", filepath.Dir(name))
		}
	}
}
