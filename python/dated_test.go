package python

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/slipway-dev/slipway"
)

// What no lock holds is of the day of the commit, or as the owners say.
func TestPackagesOfADay(t *testing.T) {
	const app = "from flask import Flask\n\napp = Flask(__name__)\n"
	only313 := []Interpreter{{Version: "3.13.0", Path: "/p/3.13"}}
	for name, c := range map[string]struct {
		files     map[string]string
		written   string
		overrides slipway.Overrides
		have      []Interpreter
		day       string
		python    string
		warns     string // part of a warning
		refuses   string // code
	}{
		"open requirements":           {files: map[string]string{"requirements.txt": "flask\n"}, written: "2023-05-31", day: "2023-05-31", python: "3.11.7", warns: "those of before 2023-05-31 are installed"},
		"what pins bring is open":     {files: map[string]string{"requirements.txt": "flask==2.3.0\n"}, written: "2023-05-31", day: "2023-05-31", python: "3.11.7"},
		"a project without a lock":    {files: map[string]string{"pyproject.toml": "[project]\nname = \"x\"\nversion = \"1\"\ndependencies = [\"flask\"]\n"}, written: "2023-05-31", day: "2023-05-31", python: "3.11.7", warns: "packages_as_of=newest"},
		"a commit of these days":      {files: map[string]string{"requirements.txt": "flask\n"}, written: "2026-11-20", day: "2026-11-20", python: "3.13.0"},
		"a commit of days to come":    {files: map[string]string{"requirements.txt": "flask\n"}, written: "2031-01-01", day: "2026-11-29", python: "3.13.0"},
		"a working tree":              {files: map[string]string{"requirements.txt": "flask\n"}, python: "3.13.0", warns: "the next build may install others"},
		"hashes":                      {files: map[string]string{"requirements.txt": "flask==3.0.3 --hash=sha256:" + strings.Repeat("0", 64) + "\n"}, written: "2023-05-31", python: "3.13.0"},
		"nothing to install":          {files: map[string]string{"wsgi.py": "def app(environ, start_response):\n    return []\n"}, written: "2023-05-31", python: "3.13.0"},
		"today's are asked for":       {files: map[string]string{"requirements.txt": "flask\n", "slipway.yaml": "packages_as_of: newest\n"}, written: "2023-05-31", python: "3.13.0"},
		"another day, without quotes": {files: map[string]string{"requirements.txt": "flask\n", "slipway.yaml": "packages_as_of: 2024-01-31\n"}, written: "2023-05-31", day: "2024-01-31", python: "3.12.1"},
		"no day":                      {files: map[string]string{"requirements.txt": "flask\n", "slipway.yaml": "packages_as_of: yesterday\n"}, refuses: "config.value"},
		"this day":                    {files: map[string]string{"requirements.txt": "flask\n", "slipway.yaml": "packages_as_of: 2026-11-29\n"}, written: "2023-05-31", day: "2026-11-29", python: "3.13.0"},
		"a day to come":               {files: map[string]string{"requirements.txt": "flask\n", "slipway.yaml": "packages_as_of: 2026-11-30\n"}, refuses: "config.value"},
		"a day to come, overridden":   {files: map[string]string{"requirements.txt": "flask\n"}, overrides: "packages_as_of: 2026-11-30\n", refuses: "config.value"},
		"what the project tells uv":   {files: map[string]string{"requirements.txt": "flask\n", "uv.toml": "exclude-newer = \"2022-01-01\"\n"}, written: "2023-05-31", python: "3.13.0"},
		"no Python of those days":     {files: map[string]string{"requirements.txt": "flask\n"}, written: "2021-05-31", have: only313, python: "3.13.0", warns: "came later: today's packages are installed"},
		"and the day is stated":       {files: map[string]string{"requirements.txt": "flask\n", "slipway.yaml": "packages_as_of: commit\n"}, written: "2021-05-31", have: only313, day: "2021-05-31", python: "3.13.0"},
	} {
		t.Run(name, func(t *testing.T) {
			tree := fstest.MapFS{}
			if c.files["wsgi.py"] == "" {
				tree["app.py"] = &fstest.MapFile{Data: []byte(app)}
			}
			for name, text := range c.files {
				tree[name] = &fstest.MapFile{Data: []byte(text)}
			}
			o := Options{Interpreters: defaultInterpreters(), Overrides: c.overrides, Today: time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC)}
			if c.have != nil {
				o.Interpreters = c.have
			}
			if c.written != "" {
				o.Written, _ = time.Parse(time.DateOnly, c.written)
			}
			p, err := Detect(tree, o)
			if err != nil {
				t.Fatal(err)
			}
			if c.refuses != "" {
				if len(p.Problems) == 0 || p.Problems[0].Code != c.refuses {
					t.Errorf("problems %v, want %s", p.Problems, c.refuses)
				}
				return
			}
			if p.PackagesAsOf != c.day || p.Python.Version != c.python || len(p.Problems) > 0 {
				t.Errorf("packages of %q on Python %s, want %q on %s; problems %v", p.PackagesAsOf, p.Python.Version, c.day, c.python, p.Problems)
			}
			said := ""
			for _, w := range p.Warnings {
				said += w.Sentence() + "\n"
			}
			if !strings.Contains(said, c.warns) {
				t.Errorf("%q isn't said:\n%s", c.warns, said)
			}
		})
	}
}
