package python

import (
	"cmp"
	"path"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/shell"
	"github.com/slipway-dev/slipway/python/syntax"
	"github.com/slipway-dev/slipway/python/tree"
)

// testFiles are the files that hold tests, by their names or by the names that
// pytest is told.
func (d *detection) testFiles() []string {
	patterns := append([]string{"test_*.py", "*_test.py", "tests.py", "test.py"}, strings.Fields(d.pytestOption("python_files"))...)
	var out []string
	for _, f := range d.everyFile() {
		for _, pattern := range patterns {
			if fits, _ := path.Match(pattern, path.Base(f)); fits {
				out = append(out, f)
				break
			}
		}
	}
	return out
}

// withTests leaves out the files in which nothing is that could be a test: only
// imports and texts, such as django-admin's tests.py.
func (d *detection) withTests(files []string) []string {
	var out []string
	for _, f := range files {
		m := d.module(f)
		if m == nil { // too many, or too large to look into
			out = append(out, f)
			continue
		}
		for _, st := range m.All {
			text := len(st.Tokens) == 1 && st.Tokens[0].Kind == syntax.TokenString
			if !text && !st.Starts("import") && !st.Starts("from") && !st.Starts("pass") {
				out = append(out, f)
				break
			}
		}
	}
	return out
}

// maxTestFiles bounds into how many of them is looked.
const maxTestFiles = 200

// seenTest is where the first test stands that a reader would call one, as
// file:line; "" when none was seen.
func (d *detection) seenTest(files []string) string {
	for _, f := range files[:min(len(files), maxTestFiles)] {
		m := d.module(f)
		if m == nil {
			continue
		}
		for _, st := range m.All {
			at := 1
			if st.Starts("async", "def") {
				at = 2
			} else if !st.Starts("def") {
				continue
			}
			if len(st.Tokens) > at && strings.HasPrefix(st.Tokens[at].Text, "test") {
				return d.tree.Path(f) + ":" + strconv.Itoa(st.Line)
			}
		}
	}
	return ""
}

// discovers is the directory from which unittest reaches all the files: it goes
// into packages only.
func (d *detection) discovers(files []string) (start string, all bool) {
	common := path.Dir(files[0])
	for _, f := range files {
		for common != "." && !strings.HasPrefix(f, common+"/") {
			common = path.Dir(common)
		}
	}
	parts := strings.Split(common, "/")
	for n := range len(parts) + 1 {
		start := path.Join(append([]string{"."}, parts[:n]...)...)
		if d.discoversFrom(start, files) {
			return start, true
		}
	}
	return ".", false
}

func (d *detection) discoversFrom(start string, files []string) bool {
	for _, f := range files {
		for dir := path.Dir(f); dir != start; dir = path.Dir(dir) {
			if dir == "." || !d.tree.Exists(path.Join(dir, "__init__.py")) {
				return false
			}
		}
	}
	return true
}

// pytestFiles are where pytest is configured, the first before the others.
var pytestFiles = []struct{ name, section string }{
	{"pytest.ini", "[pytest]"}, {".pytest.ini", "[pytest]"}, {"pytest.toml", "[pytest]"}, {".pytest.toml", "[pytest]"},
	{"tox.ini", "[pytest]"}, {"setup.cfg", "[tool:pytest]"},
}

// pytestOption is what pytest's configuration says of an option, lists with
// blanks between; "" for nothing.
func (d *detection) pytestOption(name string) string {
	for _, at := range [][]string{{"tool", "pytest", "ini_options", name}, {"tool", "pytest", name}} {
		switch v := manifest.Dig(d.pyproject.Data, at...).(type) {
		case string:
			return v
		case []any:
			return strings.Join(manifest.StringsOf(v), " ")
		}
	}
	for _, f := range pytestFiles {
		if value := iniOption(d.tree.Lines(f.name), f.section, name); value != "" {
			return value
		}
	}
	return ""
}

// iniOption reads one option of a section, with the lines that go on with it.
func iniOption(lines []string, section, name string) string {
	inside, taking := false, false
	var values []string
	for _, l := range lines {
		trimmed := strings.TrimSpace(l)
		switch {
		case trimmed == "" || strings.HasPrefix(trimmed, "#") || strings.HasPrefix(trimmed, ";"):
		case strings.HasPrefix(l, "["):
			inside, taking = trimmed == section, false
		case inside && !strings.HasPrefix(l, " ") && !strings.HasPrefix(l, "\t"):
			key, value, _ := strings.Cut(l, "=")
			if taking = strings.TrimSpace(key) == name; taking {
				values = append(values, strings.Trim(strings.TrimSpace(value), `"'[]`))
			}
		case taking:
			values = append(values, trimmed)
		}
	}
	return strings.TrimSpace(strings.Join(values, " "))
}

// herokuTests takes the test script of an app.json, as Heroku CI does.
func (d *detection) herokuTests(files []string) bool {
	app := d.json("app.json")
	command, setup := "", ""
	for _, at := range [][]string{{"environments", "test", "scripts"}, {"scripts"}} {
		command = cmp.Or(command, strings.TrimSpace(manifest.DigString(app, append(at, "test")...)))
		setup = cmp.Or(setup, strings.TrimSpace(manifest.DigString(app, append(at, "test-setup")...)))
	}
	if command == "" || len(command) > shell.MaxCommand || len(setup) > shell.MaxCommand {
		return false
	}
	at := tree.Evidence{File: "app.json", Line: d.lineOf("app.json", `"test":`), Text: command}
	for i, l := range d.tree.Lines("app.json") {
		if strings.Contains(l, `"test"`) && strings.Contains(l, quoted(command)) {
			at.Line = i + 1
		}
	}
	if program := Command(command).Program(); nodePrograms[program] {
		d.warn(Problem{Code: "test.app_json", Message: "app.json tests by " + command + ", and " + program + " is not in the environment of the tests",
			File: at.File, Line: at.Line, Remedy: "state test: {command: ...} in " + d.configFile() + " if the tests found are not the right ones"})
		return false
	}
	t := &d.project.Test
	for name, v := range manifest.DigTable(app, "environments", "test", "env") {
		if text := cmp.Or(manifest.DigString(map[string]any{"v": v}, "v"), manifest.DigString(v, "value")); text != "" && shell.Identifier(name) {
			if t.Env == nil {
				t.Env = map[string]string{}
			}
			t.Env[name] = text
		}
	}
	if setup != "" {
		t.Before = append(t.Before, d.runnable(Command(setup), at))
	}
	d.statedTests(Command(command), at, "test.app_json", files)
	return true
}

// nodePrograms test what is not Python's.
var nodePrograms = map[string]bool{"npm": true, "yarn": true, "pnpm": true, "npx": true, "node": true, "bun": true, "jest": true, "vitest": true}

// quoted is a text as JSON has it.
func quoted(s string) string {
	text, err := manifest.JSON(s)
	if err != nil {
		return s
	}
	return text
}
