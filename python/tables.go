package python

import (
	"path"
	"regexp"
	"strings"

	slipway "github.com/slipway-dev/slipway"
)

var (
	// cliCommand is a command of Flask's or Quart's: its decorators, and the function's name.
	cliCommand = regexp.MustCompile(`(?m)^@(?:\w+\.)*(?:cli\.)?command\(\s*(?:name\s*=\s*)?(?:["']([\w-]+)["'])?[^\n]*\n(?:@[^\n]*\n)*def (\w+)\(`)
	// makesTables are the names of what makes the tables of a database.
	makesTables = regexp.MustCompile(`^(?:init|create|setup|make)[-_]?(?:the[-_])?(?:db|database|tables|schema|all)$|^(?:db|database)[-_]?(?:init|create|setup)$`)
	dropsTables = regexp.MustCompile(`(?i)\bDROP\s+TABLE\b`)
)

// tables finds the project's own command that makes the tables of its database, where
// nothing runs before a start that would; nil for none. It is only ever proposed: what it
// does to tables that are there is its author's.
func (d *detection) tables() *slipway.Tables {
	if d.project.ReleaseCommand != "" {
		return nil
	}
	command, file, body := d.tableCommand()
	if command == "" {
		return nil
	}
	state := func(command string) string {
		return "slipway service set SERVICE --set " + quoteWords([]string{"release_command=" + command})
	}
	t := &slipway.Tables{Command: command, State: state(command)}
	if d.emptiesTables(file, body) {
		t.Once = state(d.once(command))
	}
	return t
}

// once runs a command that empties what is kept only where nothing is kept yet, by what
// stays as long as that does.
func (d *detection) once(command string) string {
	mark := "$SLIPWAY_DATA/.tables"
	if len(d.project.Data) == 1 {
		kept := d.project.Data[0]
		mark = d.tree.below(kept.Path)
		if !kept.Directory {
			return "test -s " + quoteWords([]string{mark}) + " || " + command
		}
		mark = quoteWords([]string{mark + "/.tables"})
	}
	return "test -e " + mark + " || { " + command + " && touch " + mark + "; }"
}

// tableCommand is the command, where it is written, and the lines of its function.
func (d *detection) tableCommand() (command, file, body string) {
	for _, f := range d.sources() {
		text, ok := d.tree.read(f)
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
				return flask + " " + name, f, bodyAfter(text[at[1]:])
			}
		}
	}
	for _, table := range [][]string{{"project", "scripts"}, {"tool", "poetry", "scripts"}} {
		scripts := digTable(d.pyproject.data, table...)
		for _, name := range sortedKeys(scripts) {
			if target, ok := scripts[name].(string); ok && makesTables.MatchString(name) {
				module, _, _ := strings.Cut(target, ":")
				file := strings.ReplaceAll(module, ".", "/") + ".py"
				for _, dir := range []string{"", "src/"} {
					for _, f := range []string{dir + file, dir + strings.TrimSuffix(file, ".py") + "/__init__.py"} {
						if text, ok := d.tree.read(f); ok {
							return name, f, text
						}
					}
				}
				return name, "", ""
			}
		}
	}
	for _, f := range d.sources() {
		if path.Dir(f) == "." && makesTables.MatchString(strings.TrimSuffix(f, ".py")) {
			text, _ := d.tree.read(f)
			return "python " + f, f, text
		}
	}
	return "", "", ""
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
		if dir := d.tree.below(app.Dir); dir != "." {
			command = "PYTHONPATH=" + dir + " " + command
		}
	}
	return command, true
}

// bodyAfter are the indented lines that follow the head of a function.
func bodyAfter(text string) string {
	_, rest, _ := strings.Cut(text, "\n")
	end := 0
	for line := range strings.Lines(rest) {
		if strings.TrimSpace(line) != "" && !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "\t") {
			break
		}
		end += len(line)
	}
	return rest[:end]
}

// emptiesTables says that a function drops tables whatever it is asked for, or may run a
// script that does.
func (d *detection) emptiesTables(file, body string) bool {
	for line := range strings.Lines(body) {
		indent := len(line) - len(strings.TrimLeft(line, " \t"))
		if strings.Contains(line, "drop_all(") && indent <= 4 {
			return true
		}
	}
	text, ok := d.tree.read(file)
	if dropsTables.MatchString(text) || !ok {
		return true
	}
	if !strings.Contains(text, "executescript") && !strings.Contains(text, ".sql") {
		return false
	}
	for _, name := range d.tree.list(path.Dir(file)) {
		if script, ok := d.tree.read(path.Join(path.Dir(file), name)); ok && strings.HasSuffix(name, ".sql") && dropsTables.MatchString(script) {
			return true
		}
	}
	return false
}
