package build

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
)

func buildOf(t *testing.T, b *Builder, dir, day string) (slipway.Artifact, string) {
	t.Helper()
	written, err := time.Parse(time.DateOnly, day)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	a, err := b.Build(t.Context(), slipway.BuildRequest{Service: "svc", Dir: dir, Commit: day, Written: written, RunID: runID("b"+day, t)}, &log)
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	return a, log.String()
}

func versionOf(t *testing.T, b *Builder, a slipway.Artifact, name string) string {
	t.Helper()
	all, err := b.Dependencies(t.Context(), a.Digest)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		if d.Name == name {
			return d.Version
		}
	}
	return ""
}

// TestPackagesOfTheCommitsDay: the same files give what there was on the day of the
// commit, in production and for the tests, and one environment as long as that is the same.
func TestPackagesOfTheCommitsDay(t *testing.T) {
	t.Parallel()
	app := "import six\n\n\ndef app(environ, start_response):\n    return []\n"
	dir := project(t, files{"requirements.txt": "six\n", "app.py": app, "requirements-dev.txt": "toml\n",
		"test_app.py": "import unittest, toml\n\n\nclass T(unittest.TestCase):\n    def test_toml(self):\n        self.assertEqual(toml.__version__, '0.10.1')\n"})
	a, log := buildOf(t, shared, dir, "2020-10-20")
	if v := versionOf(t, shared, a, "six"); v != "1.15.0" || a.Manifest.PackagesAsOf != "2020-10-20" || !strings.HasPrefix(a.Manifest.Python, "3.9.") {
		t.Errorf("six %s of %q on Python %s; 1.16.0 came in May 2021\n%s", v, a.Manifest.PackagesAsOf, a.Manifest.Python, log)
	}
	if !strings.Contains(log, "those of before 2020-10-20 are installed, without what was mended since") {
		t.Errorf("the log doesn't say it:\n%s", log)
	}
	var tests bytes.Buffer
	if report, err := shared.Test(t.Context(), slipway.TestRequest{Artifact: a.Digest, RunID: runID("t", t)}, &tests); err != nil || report.Passed != 1 {
		t.Errorf("toml 0.10.2 came in November 2020: %+v %v\n%s", report, err, tests.String())
	}

	write(t, dir, files{"requirements.txt": "six==1.15.0\n"})
	first, _ := buildOf(t, shared, dir, "2020-10-20")
	later, log := buildOf(t, shared, dir, "2020-10-21")
	if first.Manifest.Environment != later.Manifest.Environment || !later.Reused {
		t.Errorf("all versions are stated, and another day made another environment:\n%s", log)
	}
	write(t, dir, files{"requirements.txt": "six\n"})
	if other, _ := buildOf(t, shared, dir, "2020-10-21"); other.Manifest.Environment == a.Manifest.Environment {
		t.Error("the environment of another day was taken")
	}
}

// TestTestsOfAnotherCommitsDay: what comes on the day itself doesn't count, as that day may not
// be over, and what only the tests add, and nothing holds, is that of each day.
func TestTestsOfAnotherCommitsDay(t *testing.T) {
	t.Parallel()
	dir := project(t, files{"requirements.txt": "six==1.15.0\n", "app.py": "import six\n\n\ndef app(environ, start_response):\n    return []\n", "slipway.yaml": "test: {packages: [toml]}\n",
		"test_app.py": "import unittest, toml\n\n\nclass T(unittest.TestCase):\n    def test_toml(self):\n        print('toml', toml.__version__)\n"})
	for day, want := range map[string]string{"2020-11-01": "toml 0.10.1", "2020-11-02": "toml 0.10.2"} { // which came on the first
		a, _ := buildOf(t, shared, dir, day)
		var log bytes.Buffer
		if _, err := shared.Test(t.Context(), slipway.TestRequest{Artifact: a.Digest, RunID: runID("t"+day, t)}, &log); err != nil || !strings.Contains(log.String(), want) {
			t.Errorf("packages before %s: %v, want %s\n%s", day, err, want, log.String())
		}
	}
}

// TestWhatBuildsIsOfTheCommitsDay: the project's own build gets what it requires, and what
// its backend asks for besides, as it was then.
func TestWhatBuildsIsOfTheCommitsDay(t *testing.T) {
	t.Parallel()
	for name, requires := range map[string]string{"in an environment that is kept": `"setuptools", "wheel"`, "in one of uv's": `"setuptools"`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := project(t, files{"pyproject.toml": "[build-system]\nrequires = [" + requires + "]\nbuild-backend = \"setuptools.build_meta\"\n",
				"setup.py":         "import setuptools\n\nsetuptools.setup(name='shop', version=setuptools.__version__, packages=['shop'], install_requires=['six'], entry_points={'console_scripts': ['shop = shop:main']})\n",
				"shop/__init__.py": "import six\n\n\ndef main():\n    print(six)\n", "slipway.yaml": shopRuns})
			if a, log := buildOf(t, shared, dir, "2020-10-20"); !strings.Contains(log, "installed the project itself: shop 50.3.2\n") || a.Manifest.PackagesAsOf != "2020-10-20" {
				t.Errorf("setuptools 50.3.2 was the newest: %q\n%s", a.Manifest.PackagesAsOf, log)
			}
		})
	}
}

// TestIndexThatTellsNoDays: packages of the commit's day can't be told from others, so
// today's are taken, which the record doesn't call anything else.
func TestIndexThatTellsNoDays(t *testing.T) {
	place := t.TempDir()
	interpreter, err := toolInterpreter(shared.o.Interpreters)
	if err != nil {
		t.Fatal(err)
	}
	get := exec.CommandContext(t.Context(), interpreter, "-m", "pip", "download", "--no-deps", "-d", place, "six==1.16.0")
	if out, err := get.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	wheels, err := filepath.Glob(filepath.Join(place, "*.whl"))
	if err != nil || len(wheels) != 1 {
		t.Fatal(wheels, err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		wheel := filepath.Base(wheels[0])
		switch r.URL.Path {
		case "/six/":
			w.Header().Set("Content-Type", "text/html")
			_, _ = fmt.Fprintf(w, `<a href="/%s">%s</a>`, wheel, wheel)
		case "/" + wheel:
			http.ServeFile(w, r, wheels[0])
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	t.Setenv("UV_DEFAULT_INDEX", server.URL)
	dir := project(t, files{"requirements.txt": "six\n", "app.py": "import six\n\nprint(six)\n", "slipway.yaml": "processes: {worker: python app.py}\n"})
	a, log := buildOf(t, shared, dir, "2021-10-20")
	if v := versionOf(t, shared, a, "six"); v != "1.16.0" || a.Manifest.PackagesAsOf != "" || !strings.Contains(log, "it is built once more, with today's") {
		t.Errorf("six %s of %q\n%s", v, a.Manifest.PackagesAsOf, log)
	}
	if err := os.WriteFile(filepath.Join(dir, "slipway.yaml"), []byte("packages_as_of: 2021-10-20\nprocesses: {worker: python app.py}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, log, err = build(t, dir)
	wantRefused(t, err, log, "the index had no six that fits from before the day of the packages, or doesn't tell when it came", "packages_as_of=newest")
}
