package python

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/tools/txtar"

	"github.com/slipway-dev/slipway"
)

// TestUnsetVariables imports applications that fail for want of variables without
// naming them, and reads which ones a failure is put down to.
func TestUnsetVariables(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(`
-- app.py --
application = lambda environ, start_response: []
-- gunicorn.conf.py --
from os import environ

KIND = environ.get("KIND")
level = environ.get("LEVEL", "info")
if KIND != "production":
    raise ValueError("unknown kind of environment: %s" % KIND)
-- ends.py --
import os, sys

import settings

if not settings.SITES:
    print("no site is configured")
    sys.exit(1)
-- settings.py --
import os

SITES = os.getenv("SITES")
-- titled.py --
import os

TITLE, PLACE = os.getenv("TITLE", ""), os.getenv("PLACE", "here")
if not TITLE:
    raise AssertionError("A title must be provided")
-- other.py --
import os

os.getenv("EMPTY", "")

os.environ.get("UNASKED")
application = 1 / 0
-- requirements.txt --
gunicorn==23.0.0
`)).Files {
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, err := Detect(os.DirFS(dir), Options{Interpreters: defaultInterpreters(), Overrides: slipway.Overrides(`{"application": "app:application", "server": "gunicorn"}`)})
	if err != nil || len(p.Trials) == 0 {
		t.Fatalf("%v: %v", p.Problems, err)
	}
	trial := p.Trials[0]
	answer := filepath.Join(t.TempDir(), "answer")
	out, err := exec.CommandContext(t.Context(), "/bin/sh", append([]string{"-c", `cd "$0" && exec "$@"`, dir, "python3"}, append(trial.Args[1:], answer)...)...).CombinedOutput()
	text, _ := os.ReadFile(answer)
	judged := JudgeTrial(slipway.TrialResult{Name: trial.Name, Exit: 1, Answer: string(text)})
	if want := "gunicorn.conf.py:6: ValueError: unknown kind of environment: None; it reads KIND (gunicorn.conf.py:3), which has no value: slipway config set SERVICE --env ENVIRONMENT KIND=..."; judged.Text != want || judged.State != slipway.Unready {
		t.Errorf("the rehearsal says %q, want %q (%v, %s)", judged.Text, want, err, out)
	}
	for module, want := range map[string]string{
		"ends":   "it reads SITES (settings.py:3), which has no value: slipway service set SERVICE --set env.SITES=...",
		"titled": "it reads TITLE (titled.py:3), which has no value: slipway service set SERVICE --set env.TITLE=...",
		"other":  "correct it there, or name another object with application: in slipway.yaml",
	} {
		app := Application{Module: module, Object: "application"}
		p := &Project{Application: &app}
		if problem := p.Judge(runImportCheck(t, "python3", dir, app)); problem == nil || !strings.HasSuffix(problem.Remedy, want) {
			t.Errorf("%s: %v, want %q", module, problem, want)
		}
	}
}

// TestSettingsWithWhatTheirCommandSets: gunicorn's settings are read beforehand only as
// they are where it starts.
func TestSettingsWithWhatTheirCommandSets(t *testing.T) {
	for command, read := range map[string]string{
		"gunicorn app:app":                                             "gunicorn.conf.py",
		"gunicorn -c gunicorn.conf.py app:app":                         "gunicorn.conf.py",
		"KIND=production gunicorn app:app":                             "",
		"gunicorn --env KIND=production app:app":                       "",
		"gunicorn -e KIND=production -c gunicorn.conf.py app:app":      "",
		"cd deploy && gunicorn -c gunicorn.conf.py --chdir .. app:app": "",
	} {
		p, err := Detect(fstest.MapFS{
			"app.py": {Data: []byte("from flask import Flask\napp = Flask(__name__)\n")}, "requirements.txt": {Data: []byte("flask==3.0.0\ngunicorn==23.0.0\n")},
			"gunicorn.conf.py": {Data: []byte("import os\nos.environ['KIND']\n")}, "deploy/gunicorn.conf.py": {Data: []byte("open('here')\n")}, "Procfile": {Data: []byte("web: " + command + "\n")},
		}, Options{Interpreters: defaultInterpreters()})
		if err != nil || len(p.Trials) == 0 {
			t.Fatalf("%s: %v: %v", command, p.Problems, err)
		}
		if args := p.Trials[0].Args; args[len(args)-1] != read {
			t.Errorf("%s: %q is read", command, args[len(args)-1])
		}
	}
}
