package python

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	slipway "github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/shell"
	"github.com/slipway-dev/slipway/python/tree"
)

var (
	// cliCommand is a command of Flask's or Quart's: its decorators, and the function's name.
	cliCommand = regexp.MustCompile(`(?m)^@(?:\w+\.)*(?:cli\.)?command\(\s*(?:name\s*=\s*)?(?:["']([\w-]+)["'])?[^\n]*\n(?:@[^\n]*\n)*def (\w+)\(`)
	// makesTables are the names of what makes the tables of a database.
	makesTables = regexp.MustCompile(`^(?:init|create|setup|make)[-_]?(?:the[-_])?(?:db|database|tables|schema|all)$|^(?:db|database)[-_]?(?:init|create|setup)$`)
)

// tables finds the project's own command that makes the tables of its database, where
// nothing runs before a start that would; nil for none. It is only ever proposed: what it
// does to tables that are there is its author's.
func (d *detection) tables() *slipway.Tables {
	if d.project.ReleaseCommand != "" {
		return nil
	}
	made := d.tableCommand()
	if made.command == "" {
		return nil
	}
	state := func(command string) string {
		return "slipway service set SERVICE --set " + shell.Quote([]string{"release_command=" + command})
	}
	t := &slipway.Tables{Command: made.command, State: state(made.command)}
	if d.emptiesTables(made) {
		t.Once = state(d.once(made.command))
	}
	return t
}

// once runs a command that empties what is kept only where nothing is kept yet, by what
// stays as long as that does. A file that the code names need not be the database that
// the command works on, as a variable may name another: it counts once there is something
// in it, and where the command leaves it empty a mark of its own does.
func (d *detection) once(command string) string {
	mark := `"$SLIPWAY_DATA/.tables"`
	kept, ok := d.onlyData()
	name := shell.Quote([]string{d.nameOf(kept)})
	switch {
	case ok && !kept.Directory && databaseFile.MatchString(path.Base(string(kept.Path))):
		written := "test -s " + name
		return written + " || test -e " + mark + " || { " + command + " && { " + written + " || touch " + mark + "; }; }"
	case ok && kept.Directory && slices.Contains(d.project.Data, kept): // a mark in any other goes away with the release
		mark = shell.Quote([]string{d.nameOf(kept) + "/.tables"})
	}
	return "test -e " + mark + " || { " + command + " && touch " + mark + "; }"
}

// onlyData is where the code writes all of its data, be it kept or not; ok is false when
// that is more than one place, or none.
func (d *detection) onlyData() (at slipway.DataPath, ok bool) {
	var found []slipway.DataPath
	d.eachData(func(name string, _ tree.Evidence) {
		if at, ok := d.dataPath(name); ok {
			found, _ = withData(found, at)
		}
	})
	if len(found) == 0 {
		found = d.project.Data
	}
	if len(found) != 1 {
		return at, false
	}
	return found[0], true
}

// tableMaker is a command that makes tables, with the code that it runs: of a command of
// Flask's the function, else the whole file.
type tableMaker struct{ command, file, text, body string }

func (d *detection) tableCommand() tableMaker {
	for _, f := range d.sources() {
		text, ok := d.tree.Read(f)
		if !ok || !strings.Contains(text, "command(") {
			continue
		}
		for _, at := range cliCommand.FindAllStringSubmatchIndex(text, -1) {
			name := text[at[4]:at[5]]
			if at[2] >= 0 {
				name = text[at[2]:at[3]]
			} else if makesTables.MatchString(name) {
				name = strings.ReplaceAll(name, "_", "-") // as click writes it since 7
			}
			if flask, ok := d.flaskCommand(); ok && makesTables.MatchString(name) {
				body := block(text[at[1]:], 0)
				asked := withoutAsked(text[at[0]:at[1]], body)
				return tableMaker{command: flask + " " + name, file: f, text: text[:at[1]] + asked + text[at[1]+len(body):], body: asked}
			}
		}
	}
	for _, table := range [][]string{{"project", "scripts"}, {"tool", "poetry", "scripts"}} {
		scripts := manifest.DigTable(d.pyproject.Data, table...)
		for _, name := range slices.Sorted(maps.Keys(scripts)) {
			if target, ok := scripts[name].(string); ok && makesTables.MatchString(name) {
				module, _, _ := strings.Cut(target, ":")
				file := strings.ReplaceAll(module, ".", "/") + ".py"
				for _, dir := range []string{"", "src/"} {
					for _, f := range []string{dir + file, dir + strings.TrimSuffix(file, ".py") + "/__init__.py"} {
						if text, ok := d.tree.Read(f); ok {
							return tableMaker{command: name, file: f, text: text, body: text}
						}
					}
				}
				return tableMaker{command: name}
			}
		}
	}
	for _, f := range d.sources() {
		if path.Dir(f) == "." && makesTables.MatchString(strings.TrimSuffix(f, ".py")) {
			text, ok := d.tree.Read(f)
			if !ok {
				return tableMaker{command: "python " + f}
			}
			return tableMaker{command: "python " + f, file: f, text: text, body: text}
		}
	}
	return tableMaker{}
}

// flaskCommand is Flask's command with the application that it loads.
func (d *detection) flaskCommand() (string, bool) {
	app := d.project.Application
	if d.project.Framework != "flask" || app == nil {
		return "", false
	}
	command := "flask"
	if !d.namesFlaskApp() {
		target := app.Module + ":" + app.Object
		if app.Factory && (app.Object == "create_app" || app.Object == "make_app") {
			target = app.Module // which it looks for itself
		} else if app.Factory {
			target = "'" + target + "()'"
		}
		command = "flask --app " + target
		if d.olderFlask() {
			command = "FLASK_APP=" + target + " flask"
		}
		if dir := d.tree.Below(app.Dir); dir != "." {
			command = "PYTHONPATH=" + dir + " " + command
		}
	}
	return command, true
}
