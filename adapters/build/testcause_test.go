package build

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python"
)

func TestCauses(t *testing.T) {
	t.Parallel()
	dir := project(t, files{"requirements.txt": plainFlask, "app.py": flaskApp + "import os\nos.environ.get('DATABASE_URL')\nos.environ.get('REDIS_URL')\nos.environ.get('JWT_SECRET_KEY')\n", "lib/shop/core.py": "", "conftest.py": "import os\nTOKEN = os.environ.get('ITS_TOKEN', '')\n", "test_app.py": "def test_a():\n    pass\n"})
	p, err := python.Detect(os.DirFS(dir), python.Options{Interpreters: interpreters})
	if err != nil {
		t.Fatal(err)
	}
	for output, says := range map[string]string{
		"ModuleNotFoundError: No module named 'psycopg'\nDuring handling of it\nModuleNotFoundError: No module named 'responses.matchers'": "the tests import responses.matchers, which is not installed for them; no dependency that the project states has it: slipway service set SERVICE --set 'test.packages=[responses]'",
		"ModuleNotFoundError: No module named 'shop.core'":                                                                                                                                                    "which lies in lib: slipway service set SERVICE --set test.env.PYTHONPATH=lib",
		"ModuleNotFoundError: No module named 'app.views'":                                                                                                                                                    "which the project doesn't have",
		"    raise KeyError(key) from None\n  os.environ['API_KEY']\nKeyError: 'API_KEY'":                                                                                                                     "the variable API_KEY",
		"django.core.exceptions.ImproperlyConfigured: Set the DATABASE_URL environment variable":                                                                                                              "slipway service set SERVICE --set test.env.DATABASE_URL=sqlite:///test.sqlite3 (or test",
		"decouple.UndefinedValueError: SECRET not found. Declare it as envvar or define a default value.":                                                                                                     "the variable SECRET",
		"E   pydantic_core._pydantic_core.ValidationError: 1 validation error for Settings\nE   project_name\nE     Field required":                                                                           "the variable PROJECT_NAME",
		"django.db.utils.OperationalError: connection to server at \"db.local\" (10.0.0.1), port 5432 failed: Connection refused":                                                                             "the tests want a server of PostgreSQL at db.local:5432, and none answers: state one that they may use, by slipway service set SERVICE --set test.env.DATABASE_URL=... (or",
		"OSError: Multiple exceptions: [Errno 111] Connect call failed ('127.0.0.1', 5432)":                                                                                                                   "a server of PostgreSQL at 127.0.0.1:5432",
		"(2003, \"Can't connect to MySQL server on 'mysql' ([Errno -2])\")":                                                                                                                                   "a server of MySQL at mysql",
		"redis.exceptions.ConnectionError: Error 111 connecting to localhost:6379. Connection refused.":                                                                                                       "--set test.env.REDIS_URL=...",
		"django.db.utils.OperationalError: connection failed: Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?":                                                     "the tests want a server of PostgreSQL, and none answers where they look for it: state one that they may use, by slipway service set SERVICE --set test.env.DATABASE_URL=...",
		"requests.exceptions.ConnectionError: HTTPSConnectionPool(host='api.example.com', port=443): Max retries exceeded with url: / (Caused by NewConnectionError('[Errno -2] Name or service not known'))": "the tests ask api.example.com, which this machine doesn't reach: have them do without it, or release without them by slipway service set SERVICE --set test.skip=true",
		"E       httpx.ConnectError: [Errno -2] Name or service not known":                                                                                                                                    "the tests ask a server that this machine doesn't reach (httpx.ConnectError: [Errno -2] Name or service not known): give",
		"FATAL:  password authentication failed for user \"shop\"":                                                                                                                                            "a database that doesn't let them in",
		"selenium.common.exceptions.NoSuchDriverException: Message: Unable to obtain driver for chrome":                                                                                                       "test: {command: python -m pytest --ignore=tests/test_ui.py}",
		"ERROR: usage: pytest\npytest: error: unrecognized arguments: --cov=app":                                                                                                                              "pytest is told --cov, which takes pytest-cov; no dependency",
		"E       fixture 'mocker' not found":                                                                                                                                                                  "the fixture mocker, which is of pytest-mock",
		"async def functions are not natively supported.":                                                                                                                                                     "pytest-asyncio",
		"django.core.exceptions.ImproperlyConfigured: Requested setting X, but settings are not configured. You must either define the environment variable DJANGO_SETTINGS_MODULE or call":                   "--set test.env.DJANGO_SETTINGS_MODULE=...",
		"uv run pytest\nmake: uv: No such file or directory\nmake: *** [Makefile:2: test] Error 127":                                                                                                          "the test command calls uv, which is not there, as Slipway has made the environment",
		"/bin/sh: 1: npm: not found": "the test command calls npm",
		"E   RuntimeError: secret or public key should be provided for correct work": "the tests ask for the variable JWT_SECRET_KEY, and nothing gives it: slipway service set SERVICE --set test.env.JWT_SECRET_KEY=...",
		"E   RuntimeError: ITS_TOKEN is not set":                                     "the tests ask for the variable ITS_TOKEN, and nothing gives it: slipway service set SERVICE --set test.env.ITS_TOKEN=...",
		"E   RuntimeError: OTHER is not set":                                         "",
		"E   ValueError: a token must be provided":                                   "",
		"E   docker.errors.DockerException: Error while fetching server API version: ('Connection aborted.', FileNotFoundError(2, 'No such file'))": "the tests start containers by Docker, which they don't reach here",
		"AssertionError: 1 != 2": "",
	} {
		got := cause(p, dir, output, []slipway.TestFailure{{File: "tests/test_ui.py"}})
		if !strings.Contains(got, says) || says == "" && got != "" {
			t.Errorf("%q: %q, want %q", output, got, says)
		}
	}
}

func TestSummaries(t *testing.T) {
	for output, want := range map[string]slipway.TestReport{
		"py: commands\n===== 2 failed, 3 passed, 1 skipped, 2 warnings in 0.12s =====\n===== 1 passed in 1.00s =====\n": {Total: 7, Passed: 4, Failed: 2, Skipped: 1},
		"3 passed, 1 error in 0.10s\n": {Total: 4, Passed: 3, Errors: 1},
		"......\n----------\nRan 6 tests in 0.003s\n\nFAILED (failures=1, errors=2, skipped=1)\n": {Total: 6, Passed: 2, Failed: 1, Errors: 2, Skipped: 1},
		"Ran 0 tests in 0.000s\n\nOK\n": {},
		"the 3 passed in review\n":      {},
	} {
		var got slipway.TestReport
		readSummary(output, &got)
		if got.Total != want.Total || got.Passed != want.Passed || got.Failed != want.Failed || got.Errors != want.Errors || got.Skipped != want.Skipped {
			t.Errorf("%q: %+v, want %+v", output, got, want)
		}
	}
}

func TestStepsWithout(t *testing.T) {
	dir := t.TempDir()
	exported := filepath.Join(dir, "exported.txt")
	l := plan{uv: "uv", venv: "/venv", root: dir, tree: dir, home: dir}
	for manager, want := range map[python.Manager]string{python.UV: "--no-install-package", python.Pip: "--override", python.Poetry: "--no-deps"} {
		p := &python.Project{Manager: manager, Install: python.Install{Requirements: []string{"requirements.txt"}}, Test: python.Test{Without: []string{"mysqlclient"}, Packages: []string{"pytest"}}}
		found := false
		for _, s := range testSteps(p, l) {
			if s.kind == installing && slices.Contains(s.args, want) {
				found = true
			}
			if s.kind == installing && slices.Contains(s.args, "pytest") && !slices.Contains(s.args, "--override") {
				t.Errorf("%s: %q brings what is left out", manager, s.args)
			}
		}
		if !found {
			t.Errorf("%s: nothing is left out", manager)
		}
	}
	write(t, dir, files{"exported.txt": "flask==3 \\\n    --hash=sha256:1\nMySQLclient==2 ; python_version > '3' \\\n    --hash=sha256:2\n-e ./mysqlclient\n"})
	if err := dropFrom(exported, []string{"mysqlclient"}); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(exported); string(text) != "flask==3 \\\n    --hash=sha256:1\n-e ./mysqlclient\n" {
		t.Errorf("what is left is %q", text)
	}
}

func TestWithoutFailing(t *testing.T) {
	p := &python.Project{Root: ".", Test: python.Test{Runner: "pytest", Command: "python -m pytest"}}
	failure := func(file, name string) slipway.TestFailure { return slipway.TestFailure{File: file, Name: name} }
	many := func(file, module string, n int) (out []slipway.TestFailure) {
		for i := range n {
			out = append(out, failure(file, module+"::test_"+strconv.Itoa(i)))
		}
		return out
	}
	for _, c := range []struct {
		command  python.Command
		failures []slipway.TestFailure
		more     int
		seen     string
		want     string
	}{
		{failures: []slipway.TestFailure{failure("shop/tests/test_a.py", "shop.tests.test_a.TestCart::test_b[1-'x']"), failure("test_c.py", "test_c::test_d")},
			want: "--set 'test.command=python -m pytest --deselect shop/tests/test_a.py::TestCart::test_b --deselect test_c.py::test_d'"},
		{seen: "platform linux -- Python 3.7.16, pytest-3.2.5, py-1.11.0", failures: []slipway.TestFailure{failure("test_a.py", "test_a.TestCart::test_b"), failure("test_c.py", "test_c::test_d")},
			want: "--set 'test.command=python -m pytest --deselect \"test_a.py::TestCart::()::test_b\" --deselect test_c.py::test_d'"},
		{failures: many("docker/test_docker.py", "docker.test_docker", 9), want: "--set 'test.command=python -m pytest --ignore=docker/test_docker.py'"},
		{failures: slices.Concat(many("a.py", "a", 3), many("b.py", "b", 3), many("c.py", "c", 3), many("d.py", "d", 3)), want: "--set test.skip=true"},
		{command: "python -m pytest --deselect test_c.py::test_d", failures: []slipway.TestFailure{failure("test_c.py", "test_c::test_d")}, want: "--set test.skip=true"},
		{failures: []slipway.TestFailure{failure("test_c.py", "test_c::test_d")}, more: 1, want: "--set test.skip=true"},
		{failures: []slipway.TestFailure{failure("", "elsewhere::test_d")}, want: "--set test.skip=true"},
		{command: "cd shop && python -m pytest", failures: []slipway.TestFailure{failure("test_c.py", "test_c::test_d")}, want: "--set test.skip=true"},
	} {
		with := *p
		if c.command != "" {
			with.Test.Command = c.command
		}
		if got := withoutFailing(&with, slipway.TestReport{Failed: len(c.failures) + c.more, Failures: c.failures}, c.seen); !strings.HasSuffix(got, c.want) {
			t.Errorf("%v: %q, want %q", c.failures, got, c.want)
		}
	}
}
