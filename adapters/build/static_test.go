package build

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python"
)

// djangoSite is a small project with one style sheet of its own.
func djangoSite(settings string) files {
	return files{
		"requirements.txt": "django==5.2.8\n",
		"manage.py":        "import os\nimport sys\n\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n\nif __name__ == '__main__':\n    from django.core.management import execute_from_command_line\n    execute_from_command_line(sys.argv)\n",
		"shop/__init__.py": "",
		"shop/settings.py": "import os\nfrom pathlib import Path\n\nBASE_DIR = Path(__file__).resolve().parent.parent\nSECRET_KEY = os.environ['SECRET_KEY']\nROOT_URLCONF = 'shop.urls'\nINSTALLED_APPS = ['django.contrib.staticfiles']\nSTATIC_URL = 'static/'\nSTATICFILES_DIRS = [BASE_DIR / 'assets']\nWSGI_APPLICATION = 'shop.wsgi.application'\n" + settings,
		"shop/urls.py":     "urlpatterns = []\n",
		"shop/wsgi.py":     "import os\n\nfrom django.core.wsgi import get_wsgi_application\n\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\napplication = get_wsgi_application()\n",
		"assets/a.css":     "a { color: red }\n",
	}
}

// TestStaticFilesAreCollected: what pages of a Django project ask for is in the
// release, whatever its settings say of where.
func TestStaticFilesAreCollected(t *testing.T) {
	manifest := "STORAGES = {'default': {'BACKEND': 'django.core.files.storage.FileSystemStorage'}, 'staticfiles': {'BACKEND': 'django.contrib.staticfiles.storage.ManifestStaticFilesStorage'}}\n"
	for _, c := range []struct {
		name     string
		settings string
		files    files
		dir      slipway.SourcePath // "" when the edge serves nothing
		has      string             // a file of the release
		lacks    string
		log      string
	}{
		{name: "unset", dir: ".slipway-static", has: ".slipway-static/a.css"},
		{name: "inside", settings: "STATIC_ROOT = BASE_DIR / 'out'\n", dir: "out", has: "out/a.css"},
		{name: "there already", settings: "STATIC_ROOT = BASE_DIR / 'out'\n", files: files{"out/committed.css": "b {}\n"}, dir: "out", has: "out/a.css"},
		{name: "around the code", settings: "STATIC_ROOT = BASE_DIR / 'shop'\n", dir: ".slipway-static", has: ".slipway-static/a.css", lacks: "shop/a.css"},
		{name: "moved by an option", settings: "STORAGES = {'staticfiles': {'BACKEND': 'django.contrib.staticfiles.storage.StaticFilesStorage', 'OPTIONS': {'location': '/srv/of-a-test', 'base_url': '/static/'}}}\n", dir: ".slipway-static", has: ".slipway-static/a.css"},
		{name: "a manifest outside", settings: "STATIC_ROOT = '/srv/of-a-test'\n" + manifest, dir: ".slipway-static", has: ".slipway-static/staticfiles.json", log: "let STATIC_ROOT lie inside the project"},
		{name: "a reference to nothing", settings: manifest, files: files{"assets/a.css": "a { background: url(none.png) }\n"}, log: "note: the static files are not as pages expect them: ValueError: The file 'none.png' could not be found", lacks: ".slipway-static"},
		{name: "settings that want a variable", settings: "STORAGES = {'staticfiles': {'BACKEND': os.environ.get('BACKEND', 'shop.bucket')}}\n", log: "the static files are not as pages expect them: "},
		{name: "kept elsewhere", settings: "STORAGES = {'staticfiles': {'BACKEND': 'shop.bucket.Bucket'}}\n", files: files{"shop/bucket.py": "from django.core.files.storage import Storage\n\n\nclass Bucket(Storage):\n    def _save(self, name, content):\n        raise SystemExit('sent away')\n"}, log: "Bucket keeps them elsewhere"},
		{name: "the whole of the service", settings: "STATIC_URL = '/'\nMEDIA_URL = 'media/'\n", log: `STATIC_URL is "/"`},
		{name: "collected by a build command", settings: "STATIC_ROOT = BASE_DIR / 'out'\n", dir: "out", has: "out/b.css", lacks: "out/a.css",
			files: files{"assets/b.css": "b {}\n", "slipway.yaml": "build:\n  commands: [python manage.py collectstatic --no-input -i a.css]\n"}},
		{name: "one of several directories", dir: "server/.slipway-static", has: "server/.slipway-static/b.css",
			files: files{"slipway.yaml": "root: server\n", "server/requirements.txt": "django==5.2.8\n", "server/manage.py": djangoSite("")["manage.py"], "server/shop/__init__.py": "", "server/shop/settings.py": djangoSite("")["shop/settings.py"],
				"server/shop/urls.py": "urlpatterns = []\n", "server/shop/wsgi.py": djangoSite("")["shop/wsgi.py"], "server/assets/b.css": "b {}\n"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := project(t, with(djangoSite(c.settings), c.files))
			a, log := mustBuild(t, dir)
			if got := a.Manifest.Static; (got == nil) != (c.dir == "") || got != nil && (*got != slipway.Static{Path: "/static/", Dir: c.dir}) {
				t.Errorf("%+v\n%s", got, log)
			}
			if _, err := os.Stat(filepath.Join(a.Path, "source", c.has)); err != nil {
				t.Error(err, log)
			}
			if _, err := os.Stat(filepath.Join(a.Path, "source", c.lacks)); c.lacks != "" && err == nil {
				t.Errorf("there is %s", c.lacks)
			}
			if !strings.Contains(log, c.log) {
				t.Errorf("the log doesn't say %q\n%s", c.log, log)
			}
			if again, _ := mustBuild(t, dir); again.Digest != a.Digest {
				t.Errorf("built again it is %s, and was %s", again.Digest, a.Digest)
			}
		})
	}
}

// TestServable: what code of a project says of its files binds nobody.
func TestServable(t *testing.T) {
	tree := t.TempDir()
	write(t, tree, files{"out/a.css": "", "real/a.css": ""})
	if err := os.Symlink("real", filepath.Join(tree, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc", filepath.Join(tree, "etc")); err != nil {
		t.Fatal(err)
	}
	for root, want := range map[string]string{
		filepath.Join(tree, "out"): "", tree: "no directory of their own", "/etc": "no directory of their own", filepath.Dir(tree): "no directory of their own", "out": "no directory of their own", tree + "/../x": "no directory of their own",
		filepath.Join(tree, "link"): "by a link", filepath.Join(tree, "etc"): "by a link", filepath.Join(tree, "none"): "by a link",
	} {
		served, why := servable(tree, python.StaticResult{URL: "/static/", Root: root})
		if (served == nil) != (want != "") || !strings.Contains(why, want) {
			t.Errorf("%s: %+v %q", root, served, why)
		}
	}
}
