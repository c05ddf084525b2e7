package build

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python"
)

func TestCauses(t *testing.T) {
	t.Parallel()
	dir := project(t, files{"requirements.txt": plainFlask, "app.py": flaskApp + "import os\nos.environ.get('DATABASE_URL')\nos.environ.get('REDIS_URL')\n", "lib/shop/core.py": "", "test_app.py": "def test_a():\n    pass\n"})
	p, err := python.Detect(os.DirFS(dir), python.Options{Interpreters: interpreters})
	if err != nil {
		t.Fatal(err)
	}
	for output, says := range map[string]string{
		"ModuleNotFoundError: No module named 'psycopg'\nDuring handling of it\nModuleNotFoundError: No module named 'responses.matchers'": "the tests import responses.matchers, which is not installed for them; no dependency that the project states has it: state test: {packages: [responses]}",
		"ModuleNotFoundError: No module named 'shop.core'":                                                                                                                                  "which lies in lib: state test: {env: {PYTHONPATH: lib}}",
		"ModuleNotFoundError: No module named 'app.views'":                                                                                                                                  "which the project doesn't have",
		"    raise KeyError(key) from None\n  os.environ['API_KEY']\nKeyError: 'API_KEY'":                                                                                                   "the variable API_KEY",
		"django.core.exceptions.ImproperlyConfigured: Set the DATABASE_URL environment variable":                                                                                            `state test: {env: {DATABASE_URL: "sqlite:///test.sqlite3"}}`,
		"decouple.UndefinedValueError: SECRET not found. Declare it as envvar or define a default value.":                                                                                   "the variable SECRET",
		"E   pydantic_core._pydantic_core.ValidationError: 1 validation error for Settings\nE   project_name\nE     Field required":                                                         "the variable PROJECT_NAME",
		"django.db.utils.OperationalError: connection to server at \"db.local\" (10.0.0.1), port 5432 failed: Connection refused":                                                           "the tests want a server at db.local:5432, and none answers: state one that they may use as test: {env: {DATABASE_URL: ...}}",
		"OSError: Multiple exceptions: [Errno 111] Connect call failed ('127.0.0.1', 5432)":                                                                                                 "a server at 127.0.0.1:5432",
		"(2003, \"Can't connect to MySQL server on 'mysql' ([Errno -2])\")":                                                                                                                 "a server at mysql",
		"redis.exceptions.ConnectionError: Error 111 connecting to localhost:6379. Connection refused.":                                                                                     "{REDIS_URL: ...}",
		"FATAL:  password authentication failed for user \"shop\"":                                                                                                                          "a database that doesn't let them in",
		"selenium.common.exceptions.NoSuchDriverException: Message: Unable to obtain driver for chrome":                                                                                     "test: {command: python -m pytest --ignore=tests/test_ui.py}",
		"ERROR: usage: pytest\npytest: error: unrecognized arguments: --cov=app":                                                                                                            "pytest is told --cov, which takes pytest-cov; no dependency",
		"E       fixture 'mocker' not found":                                                                                                                                                "the fixture mocker, which is of pytest-mock",
		"async def functions are not natively supported.":                                                                                                                                   "pytest-asyncio",
		"django.core.exceptions.ImproperlyConfigured: Requested setting X, but settings are not configured. You must either define the environment variable DJANGO_SETTINGS_MODULE or call": "{DJANGO_SETTINGS_MODULE: ...}",
		"uv run pytest\nmake: uv: No such file or directory\nmake: *** [Makefile:2: test] Error 127":                                                                                        "the test command calls uv, which is not there, as Slipway has made the environment",
		"/bin/sh: 1: npm: not found": "the test command calls npm",
		"AssertionError: 1 != 2":     "",
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
