package python

import (
	"cmp"
	"path"
	"strings"

	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/shell"
	"github.com/slipway-dev/slipway/python/tree"
)

// migration is one way to bring the database up to date.
type migration struct {
	command string
	rule    string
	at      tree.Evidence
}

// detectMigrations settles the command that runs once per deploy, before
// traffic. What the web process already does is not done twice.
func (d *detection) detectMigrations() {
	if d.config != nil && d.config.ReleaseCommand != "" {
		var rivals []string
		if old, ok := d.procfile["release"]; ok {
			rivals = append(rivals, old+" (Procfile)")
		}
		at := d.stated("release_command")
		d.project.ReleaseCommand = d.runnable(d.config.ReleaseCommand, at.Evidence)
		d.checkTools("release", d.project.ReleaseCommand, at.Evidence)
		d.find(Finding{What: "release", Value: string(d.project.ReleaseCommand), File: at.File, Line: at.Line, Rule: "release." + at.rule, Rivals: rivals})
		d.warnTwice()
		return
	}
	if d.project.ReleaseCommand != "" {
		d.warnTwice()
		return
	}
	found := d.migrations()
	if len(found) == 0 {
		d.suggestedRelease()
		return
	}
	if _, serves := d.project.Processes["web"]; serves && migrates(string(d.project.Processes["web"])) {
		at := d.evidenceOf("web")
		d.warn(Problem{Code: "release.in_web", Message: "the web command migrates the database itself, each time an instance starts",
			File: at.File, Line: at.Line, Remedy: "take it out: Slipway runs \"" + found[0].command + "\" once per deploy"})
		return
	}
	if m, ok := d.namedMigration(found); ok {
		found = []migration{m}
	}
	if len(found) > 1 {
		var names []string
		for _, m := range found {
			names = append(names, m.command+" ("+m.at.File+")")
		}
		d.problem(Problem{Code: "release.ambiguous", Message: "several tools could migrate the database: " + strings.Join(names, ", "),
			File: d.configFile(), Remedy: "say which one: " + d.stating("release_command", found[0].command)})
		return
	}
	m := found[0]
	var rivals []string
	for _, s := range d.suggestions() {
		if s.what == "release" {
			rivals = append(rivals, s.String())
		}
	}
	d.project.ReleaseCommand = Command(m.command)
	d.find(Finding{What: "release", Value: m.command, File: m.at.File, Line: m.at.Line, Rule: m.rule, Confidence: Medium, Rivals: rivals})
}

func migrates(command string) bool { return migrating.MatchString(command) }

// suggestedRelease takes the one release command that other platforms' files state, or
// that an image's script runs before its server, where no rule has found one.
func (d *detection) suggestedRelease() {
	var found []suggestion
	for _, s := range d.suggestions() {
		if s.what != "release" || len(found) > 0 && found[0].value == s.value {
			continue
		}
		found = append(found, s)
	}
	if len(found) != 1 || !d.canRelease(found[0].value) {
		return
	}
	s := found[0]
	d.project.ReleaseCommand = d.runnable(Command(s.value), s.Evidence)
	d.checkTools("release", d.project.ReleaseCommand, s.Evidence)
	d.find(Finding{What: "release", Value: string(d.project.ReleaseCommand), File: s.File, Line: s.Line, Rule: "release.suggestion", Confidence: Medium})
	d.warnTwice()
}

// canRelease tells whether each part of a chain can start.
func (d *detection) canRelease(command string) bool {
	_, rest := shell.GoesTo(command)
	parts, _, ok := shell.Chain(cmp.Or(rest, command))
	for _, part := range parts {
		ok = ok && d.canStart(strings.TrimSpace(part))
	}
	return ok
}

// namedMigration is the only one of several ways to migrate that other platforms' files
// take.
func (d *detection) namedMigration(found []migration) (m migration, ok bool) {
	for _, s := range d.suggestions() {
		for _, f := range found {
			tool := map[string]string{"release.flask_migrate": "flask ", "release.alembic": "alembic ", "release.aerich": "aerich "}[f.rule]
			if s.what != "release" || tool == "" || !strings.Contains(s.value, tool) {
				continue
			}
			if ok && m != f {
				return migration{}, false
			}
			m, ok = f, true
		}
	}
	return m, ok
}

func (d *detection) warnTwice() {
	if web := string(d.project.Processes["web"]); migrates(web) && migrates(string(d.project.ReleaseCommand)) {
		at := d.evidenceOf("web")
		d.warn(Problem{Code: "release.twice", Message: "both the web command and the release command migrate the database",
			File: at.File, Line: at.Line, Remedy: "take the migration out of the web command"})
	}
}

// migrations are the tools that the project is set up for.
func (d *detection) migrations() []migration {
	if f := d.django(); f.manage != "" {
		at, ok := d.djangoDatabase(f)
		if !ok {
			return nil
		}
		command := "python manage.py migrate --no-input"
		if f.manageConfig != f.settings && f.settings != "" && !d.statedSettings() {
			command = "DJANGO_SETTINGS_MODULE=" + f.settings + " " + command
		}
		return []migration{{string(within(path.Dir(f.manage), command)), "release.django", at}}
	}
	var out []migration
	flask, hasFlask := d.flaskMigrate()
	if hasFlask {
		out = append(out, flask)
	}
	for _, file := range d.alembicFiles() {
		if hasFlask && path.Dir(file) == path.Dir(flask.at.File) {
			continue // Flask-Migrate's own
		}
		out = append(out, migration{d.alembicCommand(file), "release.alembic", tree.Evidence{File: file, Line: d.lineOf(file, "script_location")}})
	}
	if ev, ok := d.deps.Has("aerich"); ok && d.pyproject.Has("tool", "aerich") {
		out = append(out, migration{"aerich upgrade", "release.aerich", ev})
	}
	return out
}

// alembicCommand runs Alembic beside its settings, against which it reads the
// places in them, unless those are written for the service's directory.
func (d *detection) alembicCommand(file string) string {
	if file == "alembic.ini" {
		return "alembic upgrade head"
	}
	for _, l := range d.tree.Lines(file) {
		key, value, _ := strings.Cut(l, "=")
		if value = strings.TrimSpace(value); strings.TrimSpace(key) == "script_location" && (d.tree.IsDir(path.Clean(value)) || strings.Contains(value, ":")) {
			return "alembic -c " + file + " upgrade head"
		}
	}
	return string(within(path.Dir(file), "alembic upgrade head"))
}

// djangoDatabase says whether the project has a database at all: an app with
// migrations, or DATABASES that states one.
func (d *detection) djangoDatabase(f djangoFacts) (tree.Evidence, bool) {
	for _, file := range d.tree.Walk(false) {
		if path.Base(path.Dir(file)) == "migrations" && path.Base(file) != "__init__.py" {
			return tree.Evidence{File: file, Line: 1}, true
		}
	}
	for _, file := range append([]string{f.settingsFile}, d.settingsModules()...) {
		m := d.module(file)
		if file == "" || m == nil {
			continue
		}
		if a, ok := m.Last("DATABASES"); ok && len(a.Value) > 2 {
			return tree.Evidence{File: file, Line: a.Line}, true
		}
	}
	return tree.Evidence{}, false
}

// flaskMigrate needs the extension, its migrations and an application for
// the flask command to find.
func (d *detection) flaskMigrate() (migration, bool) {
	if _, ok := d.deps.Has("flask-migrate"); !ok {
		return migration{}, false
	}
	env := ""
	for _, f := range d.tree.Walk(false) {
		if path.Base(f) == "env.py" && path.Base(path.Dir(f)) == "migrations" {
			env = f
			break
		}
	}
	if env == "" {
		return migration{}, false
	}
	command := "flask"
	app := d.project.Application
	if app != nil && !d.namesFlaskApp() {
		target := app.Module + ":" + app.Object
		if app.Factory {
			target = "'" + target + "()'"
		}
		command += " --app " + target
		if d.olderFlask() {
			command = "FLASK_APP=" + target + " flask"
		}
		if dir := d.tree.Below(app.Dir); dir != "." {
			command = "PYTHONPATH=" + dir + " " + command
		}
	}
	command += " db upgrade"
	if dir := path.Dir(env); dir != "migrations" {
		command += " --directory " + dir
	}
	return migration{command, "release.flask_migrate", tree.Evidence{File: env, Line: 1}}, true
}

// namesFlaskApp says that .flaskenv tells the flask command to load what is served;
// python-dotenv has to be there for it to be read. Another one may take other settings,
// and with them another database.
func (d *detection) namesFlaskApp() bool {
	if !d.installs("python-dotenv") {
		return false
	}
	for _, l := range d.tree.Lines(".flaskenv") {
		key, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(l), "export "), "=")
		if !ok || strings.TrimSpace(key) != "FLASK_APP" {
			continue
		}
		module, _, _ := strings.Cut(shell.Bare(strings.TrimSpace(value)), ":")
		module = strings.ReplaceAll(strings.TrimSuffix(path.Clean(module), ".py"), "/", ".")
		app := d.project.Application
		return app == nil || strings.TrimPrefix(module, "src.") == app.Module
	}
	return false
}

func (d *detection) alembicFiles() []string {
	if !d.installs("alembic") && !d.installs("flask-migrate") {
		if line, dep, ok := d.outsideProduction("alembic"); ok && d.tree.Exists("alembic.ini") {
			d.warn(Problem{Code: "release.not_in_production", Message: "alembic.ini is here, and alembic is not installed in production: no release command migrates the database",
				File: dep.File, Line: dep.Line, Remedy: "put \"" + line + "\" in " + d.configFile() + ", or move alembic to the dependencies"})
		}
		return nil
	}
	out := d.tree.Glob("alembic.ini")
	for _, pattern := range []string{"*/alembic.ini", "src/*/alembic.ini"} {
		for _, f := range d.tree.Glob(pattern) {
			if head, _, _ := strings.Cut(f, "/"); !tree.SkippedDirs[head] && !notServices[head] || head == "migrations" {
				out = append(out, f)
			}
		}
	}
	return manifest.SortedUnique(out)
}
