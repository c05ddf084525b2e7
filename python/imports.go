package python

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/syntax"
	"github.com/slipway-dev/slipway/python/tree"
)

// distributionOf names the distribution that brings a module whose name is
// another. What is not here is looked for under its own name.
var distributionOf = map[string][]string{
	"yaml": {"pyyaml"}, "PIL": {"pillow"}, "cv2": {"opencv-python", "opencv-python-headless"}, "bs4": {"beautifulsoup4"}, "sklearn": {"scikit-learn"},
	"dotenv": {"python-dotenv"}, "jwt": {"pyjwt"}, "dateutil": {"python-dateutil"}, "psycopg2": {"psycopg2", "psycopg2-binary"}, "MySQLdb": {"mysqlclient"},
	"rest_framework": {"djangorestframework"}, "environ": {"django-environ", "environ-config"}, "corsheaders": {"django-cors-headers"}, "storages": {"django-storages"},
	"debug_toolbar": {"django-debug-toolbar"}, "django_extensions": {"django-extensions"}, "whitenoise": {"whitenoise"}, "decouple": {"python-decouple"},
	"dj_database_url": {"dj-database-url"}, "flask_sqlalchemy": {"flask-sqlalchemy"}, "flask_cors": {"flask-cors"}, "flask_login": {"flask-login"}, "flask_migrate": {"flask-migrate"},
	"jose": {"python-jose"}, "multipart": {"python-multipart"}, "magic": {"python-magic"}, "fitz": {"pymupdf"}, "telegram": {"python-telegram-bot"}, "socketio": {"python-socketio"},
	"fasthtml": {"python-fasthtml"}, "prometheus_client": {"prometheus-client"}, "sentry_sdk": {"sentry-sdk"}, "pydantic_settings": {"pydantic-settings"}, "crispy_forms": {"django-crispy-forms"},
	"allauth": {"django-allauth"}, "redis": {"redis"}, "celery": {"celery"}, "requests": {"requests"}, "httpx": {"httpx"}, "flask": {"flask"}, "django": {"django"}, "fastapi": {"fastapi"},
	"sqlalchemy": {"sqlalchemy"}, "sqlmodel": {"sqlmodel"}, "numpy": {"numpy"}, "pandas": {"pandas"}, "boto3": {"boto3"}, "stripe": {"stripe"}, "openai": {"openai"}, "pymongo": {"pymongo"},
	"motor": {"motor"}, "asyncpg": {"asyncpg"}, "psycopg": {"psycopg", "psycopg-binary", "psycopg-c"}, "aiohttp": {"aiohttp"}, "structlog": {"structlog"}, "loguru": {"loguru"},
	"streamlit": {"streamlit"}, "gradio": {"gradio"}, "dash": {"dash"}, "plotly": {"plotly"}, "litestar": {"litestar"}, "sanic": {"sanic"}, "quart": {"quart"}, "tornado": {"tornado"},
	"bottle": {"bottle"}, "falcon": {"falcon"}, "alembic": {"alembic"}, "pytest": {"pytest"}, "httpie": {"httpie"}, "rq": {"rq"}, "dramatiq": {"dramatiq"}, "apscheduler": {"apscheduler"},
}

// startImport is an import that runs before anything else of a module.
type startImport struct {
	name string // dotted
	tree.Evidence
}

// startImports are the imports at a module's margin: what stands in a try, a
// function or a condition may be missed on purpose.
func (d *detection) startImports(file string) []startImport {
	m := d.module(file)
	if m == nil {
		return nil
	}
	var out []startImport
	for _, st := range m.All {
		if st.Indent > 0 || !st.Starts("import") && !st.Starts("from") || len(st.Tokens) < 2 || st.Tokens[1].Is(".") {
			continue
		}
		toks := st.Tokens[1:]
		for len(toks) > 0 {
			name, rest := syntax.Dotted(toks)
			if name == "" {
				break
			}
			out = append(out, startImport{name, tree.Evidence{File: file, Line: st.Line}})
			for len(rest) > 0 && !rest[0].Is(",") {
				rest = rest[1:]
			}
			if st.Starts("from") || len(rest) == 0 {
				break
			}
			toks = rest[1:]
		}
	}
	return out
}

// maxStarted bounds how many modules the start of a service is followed into.
const maxStarted = 150

// startedFiles are the application's module and those that it imports while
// it starts, in the order in which they are read.
func (d *detection) startedFiles() []string {
	first := d.startedProgram()
	if app := d.project.Application; app != nil {
		file, rest, ok := d.locateIn(d.tree.Below(app.Dir), app.Module)
		if !ok || rest != "" {
			return nil
		}
		first = file
	}
	if first == "" {
		return nil
	}
	files, seen := []string{first}, map[string]bool{first: true}
	for i := 0; i < len(files) && len(files) < maxStarted; i++ {
		m := d.module(files[i])
		if m == nil {
			continue
		}
		names := append([]string{}, m.Modules...)
		for _, local := range slices.Sorted(maps.Keys(m.Imports)) {
			names = append(names, m.Imports[local])
		}
		for _, n := range names {
			if f, _, ok := d.locate(files[i], n); ok && !seen[f] {
				seen[f] = true
				files = append(files, f)
			}
		}
	}
	return files
}

// startedProgram is the file of the service's own that the first of its processes
// runs, web before others, where there is no object to import; "" for none.
func (d *detection) startedProgram() string {
	for _, name := range append([]string{"web"}, slices.Sorted(maps.Keys(d.project.Processes))...) {
		line, err := d.project.Processes[name].Parse()
		if err != nil || line.Script || len(line.Args) < 2 || !strings.HasPrefix(path.Base(line.Args[0].String()), "python") {
			continue
		}
		if file := path.Join(line.Dir, line.Args[1].String()); strings.HasSuffix(file, ".py") && path.Base(file) != "manage.py" && d.tree.Exists(file) {
			return file
		}
	}
	return ""
}

// checkImports says at detection which import of the starting service
// production doesn't install: because only a group or an extra brings it, or
// because nothing does.
func (d *detection) checkImports() {
	if len(d.deps.Production) == 0 && d.project.Lock == nil && d.project.Manager != NoDeps && !d.statesNone() {
		return
	}
	said := map[string]bool{}
	for _, file := range d.startedFiles() {
		for _, imported := range d.startImports(file) {
			head, _, _ := strings.Cut(imported.name, ".")
			d.refuseBeside(head, imported)
			if said[head] || d.ownModule(file, imported.name, head) {
				continue
			}
			said[head] = true
			d.checkImport(head, imported)
		}
	}
}

// refuseBeside refuses an import, in a file of a package, of what lies beside the file
// and nowhere else: Python 2 looked there, Python 3 doesn't. Code that changes where
// Python looks is left alone.
func (d *detection) refuseBeside(head string, at startImport) {
	app, dir := d.project.Application, path.Dir(at.File)
	if app == nil || syntax.StandardModules[head] || d.broken("python.two") || !d.tree.Exists(path.Join(dir, "__init__.py")) {
		return
	}
	is := func(dir string) bool {
		return d.tree.Exists(path.Join(dir, head)+".py") || d.tree.IsDir(path.Join(dir, head))
	}
	for _, from := range []string{d.tree.Below(app.Dir), ".", "src", d.workDir()} {
		if dir == path.Clean(from) || is(from) {
			return
		}
	}
	if !is(dir) || d.installs(manifest.Normalize(head)) || d.installsAny(distributionOf[head]) || d.broughtBy(manifest.Normalize(head)) || d.config != nil && d.config.Env["PYTHONPATH"] != "" {
		return
	}
	for _, f := range append([]string{"Dockerfile", "Procfile"}, d.startedFiles()...) {
		if text, _ := d.tree.Read(f); strings.Contains(text, "sys.path") || strings.Contains(text, "PYTHONPATH") {
			return
		}
	}
	d.problem(Problem{Code: "python.two_import", Message: at.File + " imports " + head + ", which lies beside it: Python 3 looks for that at the top only", File: at.File, Line: at.Line,
		Remedy: "write \"from . import " + head + "\" there, or \"from ." + at.name + " import ...\""})
}

func (d *detection) ownModule(file, name, head string) bool {
	if _, _, ok := d.locate(file, name); ok {
		return true
	}
	dirs := []string{"", "src/", path.Dir(file) + "/"}
	if app := d.project.Application; app != nil {
		dirs = append(dirs, d.tree.Below(app.Dir)+"/")
	}
	for _, dir := range dirs {
		if d.tree.IsDir(dir+head) || d.tree.Exists(dir+head+".py") {
			return true
		}
	}
	return false
}

func (d *detection) checkImport(head string, at startImport) {
	names, known := distributionOf[head]
	if !known {
		names = []string{manifest.Normalize(head)}
	}
	for _, n := range names {
		if d.installs(n) || d.broughtBy(n) {
			return
		}
	}
	for _, n := range names {
		if line, _, ok := d.outsideProduction(n); ok {
			if d.takeExtra(n, at.Evidence) {
				return
			}
			d.warn(Problem{Code: "import.not_in_production", Message: fmt.Sprintf("%s imports %s, and %s is not installed in production", at.File, head, n),
				File: at.File, Line: at.Line, Remedy: "put \"" + line + "\" in " + d.configFile() + ", or move " + n + " to the dependencies"})
			return
		}
		if where, ev, ok := d.deps.Dev(n); ok {
			d.warn(Problem{Code: "import.not_in_production", Message: fmt.Sprintf("%s imports %s, and only %s has %s", at.File, head, ev.File, n),
				File: at.File, Line: at.Line, Remedy: "add " + n + " to the dependencies in " + cmp.Or(d.firstManifest(), strings.TrimPrefix(where, "file:"))})
			return
		}
	}
	if known && d.project.Manager == NoDeps && (d.config == nil || d.config.Manager == "") {
		d.problem(Problem{Code: "import.undeclared", Message: fmt.Sprintf("%s imports %s, and there is no file that states dependencies", at.File, head),
			File: at.File, Line: at.Line, Remedy: "add a requirements.txt with " + names[0] + " and what else the service imports, such as by pip freeze"})
		return
	}
	if known && d.surelyMissing(names) {
		d.problem(Problem{Code: "import.undeclared", Message: fmt.Sprintf("%s imports %s, and no dependency brings it", at.File, head),
			File: at.File, Line: at.Line, Remedy: "add " + names[0] + " to the dependencies in " + cmp.Or(d.firstManifest(), "requirements.txt")})
		return
	}
	if known {
		d.warn(Problem{Code: "import.undeclared", Message: fmt.Sprintf("%s imports %s, and no dependency brings it", at.File, head),
			File: at.File, Line: at.Line, Remedy: "add " + names[0] + " to the dependencies in " + cmp.Or(d.firstManifest(), "requirements.txt")})
	}
}

// statesNone tells whether the project says that it depends on nothing.
func (d *detection) statesNone() bool {
	for _, f := range []string{"setup.py", "setup.cfg"} {
		if d.tree.Exists(f) {
			return false
		}
	}
	_, poetry := manifest.Dig(d.pyproject.Data, "tool", "poetry", "dependencies").(map[string]any)
	_, project := manifest.Dig(d.pyproject.Data, "project").(map[string]any)
	return d.manifests.main == "" && len(d.manifests.requirements) == 0 && len(d.deps.Production) == 0 &&
		(poetry || project && !slices.Contains(manifest.DigStrings(d.pyproject.Data, "project", "dynamic"), "dependencies"))
}

// makesFiles tells whether the build runs commands of the project, which may bring more
// than can be read.
func (d *detection) makesFiles() bool {
	return d.config != nil && d.config.Build != nil && len(d.config.Build.Commands) > 0
}

// surelyMissing tells whether a framework isn't installed by what is certain: a lock that
// holds all of it, or dependencies that are none.
func (d *detection) surelyMissing(names []string) bool {
	if d.production == nil && !d.statesNone() || d.makesFiles() {
		return false
	}
	for _, f := range frameworkOf {
		if slices.Contains(names, f.distribution) {
			return true
		}
	}
	return false
}

// bringers name what comes with others, where no lock says so.
var bringers = map[string][]string{
	"sqlalchemy": {"flask-sqlalchemy", "sqlmodel", "alembic", "flask-migrate", "fastapi-users"}, "numpy": {"pandas", "scipy", "scikit-learn", "matplotlib", "opencv-python", "streamlit", "gradio", "torch", "transformers"},
	"pandas": {"streamlit", "gradio", "seaborn", "plotly-express", "geopandas"}, "requests": {"streamlit", "huggingface-hub", "transformers", "stripe", "dash", "spotipy", "tweepy", "gspread"},
	"httpx": {"openai", "gradio", "anthropic", "fastapi-cli", "python-telegram-bot", "litestar", "python-fasthtml"}, "redis": {"celery", "rq", "django-redis", "channels-redis", "django-rq", "arq", "huey"},
	"fastapi": {"gradio", "nicegui", "chainlit", "sqladmin", "fastapi-users", "fastapi-slim"}, "plotly": {"dash"}, "flask": {"dash"}, "pillow": {"streamlit", "gradio", "matplotlib", "wagtail"},
	"pyyaml": {"gradio", "uvicorn", "transformers", "litestar", "drf-spectacular", "huggingface-hub"}, "aiohttp": {"aiogram", "discord-py", "slack-bolt"}, "alembic": {"flask-migrate"},
	"python-dateutil": {"pandas", "celery", "boto3", "arrow"}, "django": {"djangorestframework", "wagtail", "django-ninja", "channels", "django-cms", "django-environ"}, "celery": {"django-celery-beat", "django-celery-results"},
	"python-multipart": {"python-fasthtml", "gradio", "fastapi"}, "tornado": {"streamlit", "panel", "bokeh", "flower"}, "boto3": {"django-storages"}, "beautifulsoup4": {"wagtail", "python-fasthtml"}, "python-dotenv": {"uvicorn", "gradio", "fastapi", "pydantic-settings"},
}

// broughtBy says that a declared dependency is known to bring name, where the
// closure isn't known from a lock.
func (d *detection) broughtBy(name string) bool {
	if d.production != nil {
		return false
	}
	for _, dep := range d.deps.Production {
		if slices.Contains(bringers[name], dep.Name) || dep.Name != name && strings.Contains(dep.Name, name) || dep.Name == "" || dep.URL != "" {
			return true
		}
	}
	return false
}
