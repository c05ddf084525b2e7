package e2e

import (
	"maps"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// TestStaticFilesOfDjango: the admin of a project as django-admin startproject makes
// it has its looks, and so have projects with the usual settings for static files.
func TestStaticFilesOfDjango(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	whitenoise := `["django.middleware.security.SecurityMiddleware", "whitenoise.middleware.WhiteNoiseMiddleware"] + MIDDLEWARE[1:]`
	storage := func(backend string) string {
		return `{"default": {"BACKEND": "django.core.files.storage.FileSystemStorage"}, "staticfiles": {"BACKEND": "` + backend + `"}}`
	}
	const closed = `[".localhost"]`
	for _, c := range []struct {
		name     string
		settings map[string]string
		files    map[string]string
		edge     bool   // whose answer a style sheet is
		log      string // of the build
		lacks    bool
	}{
		{name: "plain", edge: true, log: "which the edge serves below /static/"},
		{name: "asgi", files: map[string]string{"requirements.txt": "django==5.2.8\nuvicorn==0.38.0\n",
			"mysite/asgi.py": "import os\nfrom django.core.asgi import get_asgi_application\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'mysite.settings')\napplication = get_asgi_application()\n"}, edge: true},
		{name: "procfile", files: map[string]string{"Procfile": "web: gunicorn mysite.wsgi --workers 2 --bind 127.0.0.1:$PORT\n"}, edge: true},
		{name: "closed", settings: map[string]string{"DEBUG": "False", "ALLOWED_HOSTS": closed, "STATIC_ROOT": `BASE_DIR / "staticfiles"`}, edge: true},
		{name: "manifest", settings: map[string]string{"DEBUG": "False", "ALLOWED_HOSTS": closed, "STATIC_ROOT": `BASE_DIR / "staticfiles"`, "STORAGES": storage("django.contrib.staticfiles.storage.ManifestStaticFilesStorage")}, edge: true},
		{name: "outside", settings: map[string]string{"STATIC_ROOT": `"/var/www/of-a-test/static"`, "STATIC_URL": `"/assets/css/"`}, edge: true, log: "below /assets/css/"},
		{name: "everything", settings: map[string]string{"STATIC_ROOT": "BASE_DIR"}, edge: true},
		{name: "prefixed", settings: map[string]string{"FORCE_SCRIPT_NAME": `"/shop"`}, edge: true, log: "below /shop/static/"},
		{name: "whitenoise", settings: map[string]string{"DEBUG": "False", "ALLOWED_HOSTS": closed, "STATIC_ROOT": `BASE_DIR / "staticfiles"`, "MIDDLEWARE": whitenoise, "STORAGES": storage("whitenoise.storage.CompressedManifestStaticFilesStorage")},
			files: map[string]string{"requirements.txt": "django==5.2.8\nwhitenoise==6.11.0\n"}, log: "WhiteNoiseMiddleware of the application serves them"},
		{name: "elsewhere", settings: map[string]string{"STATIC_URL": `"https://cdn.example.com/static/"`}, log: "pages fetch them from cdn.example.com"},
		{name: "without", files: map[string]string{"slipway.yaml": "static_files: application\n"}, lacks: true},
	} {
		files := djangoProject(c.settings)
		maps.Copy(files, c.files)
		repo := newRepository(t, files)
		s.must("service", "add", repo.url(), "--name", c.name)
		out := s.must("promote", c.name, "--follow", "--verbose")
		if !strings.Contains(out, c.log) {
			t.Errorf("%s: the build doesn't say %q\n%s", c.name, c.log, out)
		}
		if lacks := strings.Contains(out, "that do not come"); lacks != c.lacks {
			t.Errorf("%s: the verification says so: %t\n%s", c.name, lacks, out)
		}
		_, page := s.get(c.name, "dev", "/admin/login/")
		sheet := regexp.MustCompile(`href="([^"]*base[^"]*\.css)"`).FindStringSubmatch(page)
		if sheet == nil {
			t.Errorf("%s has no style sheet\n%.500s", c.name, page)
			continue
		}
		if c.lacks || strings.HasPrefix(sheet[1], "https:") {
			continue
		}
		req, err := http.NewRequest(http.MethodGet, "http://"+s.edge+sheet[1], nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = c.name + ".dev.localhost"
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		byEdge := strings.HasPrefix(answer.Header.Get("ETag"), `"`) && answer.Header.Get("Last-Modified") == "" // WhiteNoise sends both
		if answer.StatusCode != http.StatusOK || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/css") || byEdge != c.edge {
			t.Errorf("%s: GET %s: %d %v", c.name, sheet[1], answer.StatusCode, answer.Header)
		}
		if c.name == "plain" { // now with a database, of which a rehearsal sees nothing
			repo.commit("Again", map[string]string{"README.md": "# Again\n"})
			s.must("promote", c.name, "--follow")
		}
		// What is below the path and wasn't collected is nobody's.
		if status, body := s.get(c.name, "dev", sheet[1][:strings.Index(sheet[1], "admin/")]+"mysite/settings.py"); status == http.StatusOK || strings.Contains(body, "SECRET_KEY = ") {
			t.Errorf("%s serves its settings: %d", c.name, status)
		}
	}
}
