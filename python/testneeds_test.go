package python

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"
)

const (
	flaskFiles = "-- app.py --\nfrom flask import Flask\napp = Flask(__name__)\n"
	aTest      = "def test_app():\n    pass\n"
	djangoApp  = "-- manage.py --\nimport os\nos.environ.setdefault(\"DJANGO_SETTINGS_MODULE\", \"shop.settings\")\nfrom django.core.management import execute_from_command_line\n" +
		"-- shop/__init__.py --\n-- shop/settings.py --\nROOT_URLCONF = \"shop.urls\"\n-- shop/wsgi.py --\nfrom django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n"
)

func pyprojectOf(text string) string {
	return "-- pyproject.toml --\n[project]\nname = \"shop\"\nversion = \"1\"\ndependencies = [\"flask==3.1.0\"]\n" + text + flaskFiles
}

// TestTestNeeds detects projects and compares what their tests get.
func TestTestNeeds(t *testing.T) {
	tests := []struct {
		name, files string
		want        string // the fields of Test that are named in it, as JSON
		warning     string // code, and part of its message
		problem     string // part of the sentence
	}{
		{name: "a second group by import", files: pyprojectOf("[dependency-groups]\ntest = [\"pytest\"]\nmocks = [\"responses\"]\nlint = [\"ruff\"]\n") + "-- tests/test_a.py --\nimport os, responses\n" + aTest,
			want: `{"groups": ["test", "mocks"], "extras": [], "packages": []}`},
		{name: "by the import of a conftest", files: pyprojectOf("[dependency-groups]\ntest = [\"pytest\"]\nfactories = [\"factory-boy\"]\n") + "-- tests/conftest.py --\nimport factory.fuzzy\n-- tests/test_a.py --\n" + aTest,
			want: `{"groups": ["test", "factories"]}`},
		{name: "by an import beside the tests", files: pyprojectOf("[dependency-groups]\ntest = [\"pytest\"]\nfactories = [\"factory-boy\"]\n") + "-- tests/factories.py --\nimport factory\n-- tests/test_a.py --\n" + aTest,
			want: `{"groups": ["test", "factories"]}`},
		{name: "an extra of production", files: pyprojectOf("[project.optional-dependencies]\npostgres = [\"psycopg[binary]\"]\ntest = [\"pytest\"]\n") + "-- test_a.py --\nimport psycopg\n" + aTest,
			want: `{"groups": [], "extras": ["test", "postgres"]}`},
		{name: "a second file", files: "-- requirements.txt --\nflask==3.1.0\n-- requirements-test.txt --\npytest\n-- requirements-mocks.txt --\nresponses\n" + flaskFiles + "-- test_a.py --\nimport responses\n" + aTest,
			want: `{"requirements": ["requirements-test.txt", "requirements-mocks.txt"]}`},
		{name: "optional imports ask for nothing", files: pyprojectOf("[dependency-groups]\ntest = [\"pytest\"]\nmocks = [\"responses\"]\n") + "-- test_a.py --\ntry:\n    import responses\nexcept ImportError:\n    responses = None\n" + aTest,
			want: `{"groups": ["test"]}`},
		{name: "the project's own module of that name", files: pyprojectOf("[dependency-groups]\ntest = [\"pytest\"]\nmocks = [\"responses\"]\n") + "-- responses.py --\nA = 1\n-- test_a.py --\nimport responses\n" + aTest,
			want: `{"groups": ["test"]}`},
		{name: "a plugin by an option", files: pyprojectOf("[tool.pytest.ini_options]\naddopts = [\"-q\", \"--cov=shop\"]\n[dependency-groups]\ntest = [\"pytest\"]\nci = [\"pytest-cov\"]\n") + "-- test_a.py --\n" + aTest,
			want: `{"groups": ["test", "ci"]}`},
		{name: "a plugin by pytest.ini", files: pyprojectOf("[dependency-groups]\ntest = [\"pytest\"]\nci = [\"pytest-django\"]\n") + "-- pytest.ini --\n[pytest]\npython_files =\n    check_*.py\n    tests.py\nDJANGO_SETTINGS_MODULE = shop.settings\n-- check_a.py --\n" + aTest,
			want: `{"groups": ["test", "ci"], "runner": "pytest"}`},
		{name: "a plugin by a fixture", files: pyprojectOf("[dependency-groups]\ntest = [\"pytest\"]\nci = [\"pytest-mock\"]\n") + "-- test_a.py --\ndef test_a(mocker):\n    pass\n",
			want: `{"groups": ["test", "ci"]}`},
		{name: "an extra of the project's own extra", files: pyprojectOf("[project.optional-dependencies]\ntest = [\"pytest\"]\nall = [\"shop[test]\"]\n") + "-- test_a.py --\n" + aTest,
			want: `{"extras": ["test"], "packages": []}`},
		{name: "stated groups are all", files: pyprojectOf("[dependency-groups]\ntest = [\"pytest\"]\nmocks = [\"responses\"]\n") + "-- test_a.py --\nimport responses\n" + aTest + "-- slipway.yaml --\ntest: {groups: [test]}\n",
			want: `{"groups": ["test"], "extras": [], "packages": []}`},
		{name: "stated groups without the runner", files: pyprojectOf("[dependency-groups]\nmocks = [\"responses\"]\n") + "-- test_a.py --\nimport pytest\n" + aTest + "-- slipway.yaml --\ntest: {groups: [mocks]}\n",
			want: `{"groups": ["mocks"], "packages": ["pytest>=8,<9"]}`},
		{name: "no files", files: "-- requirements.txt --\nflask==3.1.0\n-- requirements-dev.txt --\npytest\nmysqlclient\n" + flaskFiles + "-- test_a.py --\n" + aTest + "-- slipway.yaml --\ntest: {requirements: []}\n",
			want: `{"requirements": [], "packages": ["pytest>=8,<9"]}`},
		{name: "no files but an extra", files: pyprojectOf("[project.optional-dependencies]\ntest = [\"pytest\"]\n") + "-- requirements-dev.txt --\npytest\n-- test_a.py --\n" + aTest + "-- slipway.yaml --\ntest: {requirements: [], groups: []}\n",
			want: `{"requirements": [], "extras": ["test"], "packages": []}`},
		{name: "single packages", files: "-- requirements.txt --\nflask==3.1.0\n-- requirements-dev.txt --\npytest\n" + flaskFiles + "-- test_a.py --\n" + aTest + "-- slipway.yaml --\ntest: {packages: [faker>=20], without: [mysqlclient]}\n",
			want: `{"requirements": ["requirements-dev.txt"], "packages": ["faker>=20"], "without": ["mysqlclient"]}`},
		{name: "a package that is an option", files: "-- requirements.txt --\nflask==3.1.0\n" + flaskFiles + "-- slipway.yaml --\ntest: {packages: [--index-url=https://x.example]}\n", problem: "test.packages.0"},
		{name: "a package of the tree", files: "-- requirements.txt --\nflask==3.1.0\n" + flaskFiles + "-- slipway.yaml --\ntest: {packages: [./lib]}\n", problem: "belongs into a file"},
		{name: "left out with a version", files: "-- requirements.txt --\nflask==3.1.0\n" + flaskFiles + "-- slipway.yaml --\ntest: {without: [\"mysqlclient==2\"]}\n", problem: "its name only"},
		{name: "an extra beside the project in a file", files: "-- requirements.txt --\n-e .[web]\n-- setup.py --\nfrom setuptools import setup\nsetup(name='shop', version='1', install_requires=['flask'], extras_require={'web': ['gunicorn'], 'test': ['pytest', 'responses']})\n" + flaskFiles + "-- test_a.py --\n" + aTest,
			want: `{"extras": ["test"], "packages": []}`},
		{name: "a file that asks for an extra", files: pyprojectOf("[project.optional-dependencies]\nqa = [\"pytest\"]\n") + "-- requirements.txt --\n.\n-- requirements-qa.txt --\n-e .[qa]\n-- test_a.py --\n" + aTest,
			want: `{"extras": ["qa"], "packages": []}`},

		{name: "app.json", files: "-- requirements.txt --\nflask==3.1.0\npytest==8.3.0\n" + flaskFiles + "-- tests/test_a.py --\n" + aTest + "-- app.json --\n{\"environments\": {\"test\": {\"scripts\": {\"test-setup\": \"python -m compileall app.py\",\n \"test\": \"python -m pytest -x tests\"}, \"env\": {\"LEVEL\": \"2\", \"KEY\": {\"value\": \"k\"}}}}, \"scripts\": {\"postdeploy\": \"true\"}}\n",
			want: `{"command": "python -m pytest -x tests", "runner": "pytest", "before": ["python -m compileall app.py"], "env": {"LEVEL": "2", "KEY": "k"}}`},
		{name: "app.json of before environments", files: "-- requirements.txt --\nflask==3.1.0\n" + flaskFiles + "-- app.json --\n{\"scripts\": {\"test\": \"python check.py\"}}\n", want: `{"command": "python check.py", "runner": "custom"}`},
		{name: "app.json for the pages", files: "-- requirements.txt --\nflask==3.1.0\n" + flaskFiles + "-- test_a.py --\n" + aTest + "-- app.json --\n{\"scripts\": {\"test\": \"npm test\"}}\n", want: `{"command": "python -m pytest"}`, warning: "test.app_json npm is not in"},
		{name: "slipway.yaml before app.json", files: "-- requirements.txt --\nflask==3.1.0\n" + flaskFiles + "-- app.json --\n{\"scripts\": {\"test\": \"python check.py\"}}\n-- slipway.yaml --\ntest: {command: python other.py}\n", want: `{"command": "python other.py"}`},

		{name: "the tests.py of django-admin", files: "-- requirements.txt --\ndjango==5.1\n" + djangoApp + "-- shop/tests.py --\nfrom django.test import TestCase\n\n# Create your tests here.\n", want: `{"command": "", "runner": ""}`, warning: "test.none shop/tests.py has none in it"},
		{name: "a test is seen", files: "-- requirements.txt --\ndjango==5.1\n" + djangoApp + "-- shop/tests.py --\nfrom django.test import TestCase\n\nclass A(TestCase):\n    async def test_a(self):\n        pass\n", want: `{"runner": "django", "seen": "shop/tests.py:4"}`},
		{name: "scattered", files: "-- requirements.txt --\nflask==3.1.0\n" + flaskFiles + "-- a/test_a.py --\nimport unittest\nclass A(unittest.TestCase):\n    def test_a(self): pass\n-- b/test_b.py --\nimport unittest\nclass B(unittest.TestCase):\n    def test_b(self): pass\n",
			want: `{"command": "python -m pytest", "runner": "pytest", "packages": ["pytest>=8,<9"]}`},
		{name: "below a directory that is no package", files: "-- requirements.txt --\nflask==3.1.0\n" + flaskFiles + "-- qa/unit/__init__.py --\n-- qa/unit/test_a.py --\nimport unittest\nclass A(unittest.TestCase):\n    def test_a(self): pass\n", want: `{"command": "python -m unittest discover -s qa", "runner": "unittest"}`},
		{name: "stated pytest that nothing brings", files: "-- requirements.txt --\nflask==3.1.0\n" + flaskFiles + "-- slipway.yaml --\ntest: {command: pytest -q}\n", want: `{"packages": ["pytest>=8,<9"], "runner": "pytest"}`},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			p := detectKind(t, kind{files: tc.files})
			text, err := json.Marshal(p.Test)
			if err != nil {
				t.Fatal(err)
			}
			var got, want map[string]any
			if err := json.Unmarshal(text, &got); err != nil {
				t.Fatal(err)
			}
			if tc.want != "" {
				if err := json.Unmarshal([]byte(tc.want), &want); err != nil {
					t.Fatal(err)
				}
			}
			for _, difference := range differences("", want, got) {
				t.Error(difference)
			}
			said, code := "", ""
			if code, tc.warning, _ = strings.Cut(tc.warning, " "); code != "" {
				for _, w := range p.Warnings {
					if w.Code == code {
						said += w.Sentence()
					}
				}
				if !strings.Contains(said, tc.warning) || said == "" {
					t.Errorf("no warning %s with %q in %v", code, tc.warning, p.Warnings)
				}
			}
			for _, problem := range p.Problems {
				said += problem.Sentence()
			}
			if (tc.problem == "") != (len(p.Problems) == 0) || !strings.Contains(said, tc.problem) {
				t.Errorf("problems %v, want %q", p.Problems, tc.problem)
			}
			if t.Failed() {
				t.Logf("%s\n%v", text, p.Findings)
			}
		})
	}
}

func TestTestRemedies(t *testing.T) {
	for _, tc := range []struct{ name, files, module, says string }{
		{"a group", pyprojectOf("[dependency-groups]\ntest = [\"pytest\"]\nmocks = [\"factory-boy\"]\n") + "-- test_a.py --\n" + aTest, "factory.django", "the group mocks has factory-boy: slipway service set SERVICE --set 'test.groups=[test, mocks]'"},
		{"a file beside an extra", pyprojectOf("[project.optional-dependencies]\ntest = [\"pytest\"]\n") + "-- more-requirements.txt --\nresponses\n-- test_a.py --\n" + aTest, "responses", "slipway service set SERVICE --set 'test.extras=[test]' --set 'test.requirements=[more-requirements.txt]' (or"},
		{"nothing", pyprojectOf("") + "-- test_a.py --\n" + aTest + "-- slipway.yaml --\ntest: {packages: [faker]}\n", "responses", "slipway service set SERVICE --set 'test.packages=[faker, responses]'"},
		{"left out", pyprojectOf("") + "-- test_a.py --\n" + aTest + "-- slipway.yaml --\ntest: {without: [mysqlclient]}\n", "MySQLdb", "test.without leaves mysqlclient out"},
	} {
		if got := detectKind(t, kind{files: tc.files}).TestRemedy(tc.module); !strings.Contains(got, tc.says) {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.says)
		}
	}
}

// TestPytestForAnOldPython: what is given to tests that state no pytest can be had by
// their Python.
func TestPytestForAnOldPython(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{"3.7": oldPytestPin, "3.8": pytestPin} {
		p, err := Detect(fstest.MapFS{
			"requirements.txt": {Data: []byte("flask==2.0.0\n")}, ".python-version": {Data: []byte(version + "\n")},
			"app.py": {Data: []byte("from flask import Flask\napp = Flask(__name__)\n")}, "tests/test_a.py": {Data: []byte("def test_a():\n    pass\n")},
		}, Options{Interpreters: []Interpreter{{Version: version + ".16", Path: "/python"}}})
		if err != nil || len(p.Test.Packages) != 1 || p.Test.Packages[0] != want {
			t.Errorf("Python %s: %v, %v: want %s", version, p.Test.Packages, err, want)
		}
	}
}
