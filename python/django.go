package python

import (
	"cmp"
	"path"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/syntax"
	"github.com/slipway-dev/slipway/python/tree"
)

// djangoFacts is what a Django project's files state.
type djangoFacts struct {
	manage       string // manage.py
	manageLine   int
	manageConfig string // settings module in manage.py
	wsgi, asgi   string // files
	wsgiConfig   string // settings module in wsgi.py or asgi.py
	settings     string // the settings module to use
	settingsAt   tree.Evidence
	settingsFile string
}

func (f djangoFacts) any() bool { return f.manage != "" || f.wsgi != "" || f.asgi != "" }

func (f djangoFacts) has(file string) bool { return file != "" && (file == f.wsgi || file == f.asgi) }

// django looks for manage.py, wsgi.py and asgi.py and the settings they name.
func (d *detection) django() djangoFacts {
	var f djangoFacts
	_, declared := d.deps.Has("django")
	var wsgi, asgi []string
	stated := d.webDir()
	for _, file := range d.sources() {
		base := path.Base(file)
		if dir := path.Base(path.Dir(file)); base == "__init__.py" && (dir == "wsgi" || dir == "asgi") {
			base = dir + ".py" // a package in its place
		}
		if base != "manage.py" && base != "wsgi.py" && base != "asgi.py" {
			continue
		}
		text, _ := d.tree.Read(file)
		switch {
		case base == "manage.py" && strings.Contains(text, "django.core.management") && (f.manage == "" || path.Dir(file) == stated && path.Dir(f.manage) != stated):
			f.manage = file
		case base == "wsgi.py" && strings.Contains(text, "get_wsgi_application"):
			wsgi = append(wsgi, file)
		case base == "asgi.py" && (strings.Contains(text, "get_asgi_application") || strings.Contains(text, "channels.routing")):
			asgi = append(asgi, file)
		}
	}
	if f.manage == "" && (!declared || len(wsgi)+len(asgi) == 0) {
		return djangoFacts{}
	}
	f.wsgi, f.asgi = d.djangoEntry(wsgi, "WSGI_APPLICATION"), d.djangoEntry(asgi, "ASGI_APPLICATION")
	manageAt, wsgiAt := tree.Evidence{}, tree.Evidence{}
	f.manageConfig, manageAt = d.settingsIn(f.manage)
	f.manageLine = max(1, manageAt.Line)
	for _, file := range []string{f.wsgi, f.asgi} {
		if f.wsgiConfig == "" {
			f.wsgiConfig, wsgiAt = d.settingsIn(file)
		}
	}
	f.settings, f.settingsAt = f.wsgiConfig, wsgiAt
	if f.settings == "" {
		f.settings, f.settingsAt = f.manageConfig, manageAt
	}
	if f.settings == "" {
		f.settings, f.settingsAt = d.pytestSettings()
	}
	if f.settings != "" {
		if file, rest, ok := d.locate(cmp.Or(f.manage, f.wsgi, f.asgi), f.settings); ok && rest == "" {
			f.settingsFile = file
		}
	}
	return f
}

// djangoEntry picks one of several wsgi.py or asgi.py: the one the settings
// name, else the first.
func (d *detection) djangoEntry(files []string, setting string) string {
	if len(files) == 0 {
		return ""
	}
	for _, s := range d.settingsModules() {
		if m := d.module(s); m != nil {
			if name := m.Strings[setting]; name != "" {
				for _, f := range files {
					if _, module, ok := d.importable(f); ok && strings.HasPrefix(name, module+".") {
						return f
					}
				}
			}
		}
	}
	return files[0]
}

// settingsModules are the files that look like Django settings.
func (d *detection) settingsModules() []string {
	var out []string
	for _, f := range d.sources() {
		dir, base := path.Base(path.Dir(f)), path.Base(f)
		if strings.HasPrefix(base, "settings") || dir == "settings" {
			out = append(out, f)
		}
	}
	return out
}

// settingsIn finds "DJANGO_SETTINGS_MODULE" and the string after it.
func (d *detection) settingsIn(file string) (string, tree.Evidence) {
	m := d.module(file)
	if file == "" || m == nil {
		return "", tree.Evidence{}
	}
	for _, st := range m.All {
		for i, t := range st.Tokens {
			if t.Kind != syntax.TokenString || t.Text != "DJANGO_SETTINGS_MODULE" {
				continue
			}
			for _, next := range st.Tokens[i+1:] {
				if next.Kind == syntax.TokenString && next.Plain && dottedName(next.Text) {
					return next.Text, tree.Evidence{File: file, Line: next.Line}
				}
			}
		}
	}
	return "", tree.Evidence{}
}

// pytestSettings reads DJANGO_SETTINGS_MODULE from pytest's configuration.
func (d *detection) pytestSettings() (string, tree.Evidence) {
	if s := manifest.DigString(d.pyproject.Data, "tool", "pytest", "ini_options", "DJANGO_SETTINGS_MODULE"); s != "" {
		return s, tree.Evidence{File: "pyproject.toml", Line: d.pyproject.Line("tool.pytest.ini_options", "DJANGO_SETTINGS_MODULE")}
	}
	for _, f := range []string{"pytest.ini", "setup.cfg", "tox.ini"} {
		for i, l := range d.tree.Lines(f) {
			if key, value, ok := strings.Cut(l, "="); ok && strings.TrimSpace(key) == "DJANGO_SETTINGS_MODULE" && dottedName(strings.TrimSpace(value)) {
				return strings.TrimSpace(value), tree.Evidence{File: f, Line: i + 1}
			}
		}
	}
	return "", tree.Evidence{}
}

// djangoWeb serves a Django project.
func (d *detection) djangoWeb(f djangoFacts) {
	if f.settings == "" {
		d.setFramework(candidate{framework: "django", file: f.manage, line: 1})
		if !d.statedSettings() {
			d.problem(Problem{Code: "django.settings", Message: cmp.Or(f.manage, f.wsgi, f.asgi) + " names no DJANGO_SETTINGS_MODULE, and neither does anything else",
				File: cmp.Or(f.manage, f.wsgi, f.asgi), Line: 1, Remedy: d.stating("env.DJANGO_SETTINGS_MODULE", "project.settings")})
			return
		}
	} else if f.settingsFile == "" && d.settingsNowhere(f) {
		d.setFramework(candidate{framework: "django", file: f.settingsAt.File, line: f.settingsAt.Line})
		d.problem(Problem{Code: "django.settings_nowhere", Message: f.settingsAt.File + " names " + f.settings + ", and there is no such module in the repository or the dependencies; manage.py uses " + f.manageConfig,
			File: f.settingsAt.File, Line: f.settingsAt.Line, Remedy: "say which settings it runs with, such as " + d.stating("env.DJANGO_SETTINGS_MODULE", f.manageConfig)})
		return
	} else if f.settingsFile == "" {
		d.warn(Problem{Code: "django.settings_missing", Message: f.settingsAt.File + " names " + f.settings + ", and there is no such module",
			File: f.settingsAt.File, Line: f.settingsAt.Line, Remedy: "correct DJANGO_SETTINGS_MODULE there"})
	} else if m := d.module(f.settingsFile); m != nil && len(m.All) == 0 && f.manageConfig != "" && f.manageConfig != f.settings && !d.statedSettings() {
		d.setFramework(candidate{framework: "django", file: f.settingsAt.File, line: f.settingsAt.Line})
		d.problem(Problem{Code: "django.settings_empty", Message: f.settingsAt.File + " uses " + f.settings + ", which has no settings in it; manage.py uses " + f.manageConfig,
			File: f.settingsAt.File, Line: f.settingsAt.Line, Remedy: "say which: " + d.stating("env.DJANGO_SETTINGS_MODULE", f.manageConfig)})
		return
	} else {
		d.find(Finding{What: "settings", Value: f.settings, File: f.settingsAt.File, Line: f.settingsAt.Line, Rule: "django.settings"})
	}
	if f.wsgiConfig != "" && f.manageConfig != "" && f.wsgiConfig != f.manageConfig {
		d.warn(Problem{Code: "django.settings_differ", Message: "manage.py uses " + f.manageConfig + " and the server " + f.wsgiConfig + "; migrations run with the server's",
			File: f.manage, Line: f.manageLine, Remedy: "set DJANGO_SETTINGS_MODULE in the environment to use the same for both"})
	}
	c := candidate{framework: "django", object: "application"}
	var rivals []string
	asynchronous, why, _ := d.deps.HasAny("channels", "daphne", "uvicorn", "hypercorn")
	_, gunicorn := d.deps.Has("gunicorn")
	switch {
	case f.asgi != "" && (f.wsgi == "" || asynchronous != "" && !(gunicorn && asynchronous == "hypercorn")):
		c.file, c.iface, c.rule = f.asgi, ASGI, "app.django.asgi"
		if f.wsgi != "" {
			rivals = append(rivals, f.wsgi+" (WSGI); "+asynchronous+" at "+why.File+":"+strconv.Itoa(why.Line)+" speaks for ASGI")
		}
	case f.wsgi != "":
		c.file, c.iface, c.rule = f.wsgi, WSGI, "app.django.wsgi"
	default:
		d.setFramework(candidate{framework: "django", file: f.manage, line: 1})
		d.problem(Problem{Code: "django.no_wsgi", Message: f.manage + " belongs to a Django project without wsgi.py or asgi.py",
			File: f.manage, Line: 1, Remedy: "add the wsgi.py that django-admin startproject makes, or state processes: in " + d.configFile()})
		return
	}
	m := d.module(c.file)
	if m != nil {
		if _, ok := m.Last("application"); !ok {
			if _, ok := m.Last("app"); ok {
				c.object = "app"
			}
		}
		if a, ok := m.Last(c.object); ok {
			c.line = a.Line
		}
	}
	c.dir, c.module, _ = d.importable(c.file)
	if base := path.Dir(f.manage); f.manage != "" && base != "." && strings.HasPrefix(c.file, base+"/") {
		c.dir, c.module = base, strings.ReplaceAll(strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(c.file, base+"/"), ".py"), "/__init__"), "/", ".")
	}
	d.inferWeb(c, High, nil, rivals...)
}

// settingsNowhere tells whether the settings that the server names are made by nobody:
// importing them fails, while those of manage.py are there.
func (d *detection) settingsNowhere(f djangoFacts) bool {
	head, _, _ := strings.Cut(f.settings, ".")
	if f.wsgiConfig != f.settings || f.manageConfig == "" || f.manageConfig == f.settings || d.statedSettings() || d.installs(manifest.Normalize(head)) || d.makesFiles() {
		return false
	}
	_, rest, ok := d.locate(f.manage, f.manageConfig)
	return ok && rest == ""
}

// statedSettings says that slipway.yaml or .env-like config gives the module.
func (d *detection) statedSettings() bool {
	return d.config != nil && d.config.Env["DJANGO_SETTINGS_MODULE"] != ""
}
