package python_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python"
)

// TestAcceptedHosts reads lists of hosts as people write them, and the variables that
// they come from.
func TestAcceptedHosts(t *testing.T) {
	const (
		flask     = "from flask import Flask\napp = Flask(__name__)\n"
		starlette = "from starlette.applications import Starlette\nfrom starlette.middleware.trustedhost import TrustedHostMiddleware\n"
		middle    = "app = Starlette()\napp.add_middleware(TrustedHostMiddleware, allowed_hosts="
	)
	for _, c := range []struct {
		name, code string // of the settings, or of the application
		django     bool
		names      string
		variable   string
		form       slipway.ListForm
		warns      string // a part of the remedy; "" for no warning
	}{
		{"a list", `ALLOWED_HOSTS = ["shop.example.com", "www.example.com"]`, true, "shop.example.com www.example.com", "", "", "slipway domain add <service> shop.example.com --env <environment>"},
		{"everything", `ALLOWED_HOSTS = ["*"]`, true, "*", "", "", ""},
		{"the default names", `ALLOWED_HOSTS = [".localhost"]`, true, ".localhost", "", "", ""},
		{"django-environ", `ALLOWED_HOSTS = env.list("DJANGO_ALLOWED_HOSTS")`, true, "", "DJANGO_ALLOWED_HOSTS", "", "'DJANGO_ALLOWED_HOSTS=<service>.<environment>.localhost'"},
		{"with a default", `ALLOWED_HOSTS = env.list("HOSTS", default=["a.example.com"])`, true, "a.example.com", "HOSTS", "", "HOSTS="},
		{"with an open default", `ALLOWED_HOSTS = env.list("HOSTS", default=["*"])`, true, "*", "HOSTS", "", ""},
		{"by comma", `ALLOWED_HOSTS = os.environ["HOSTS"].split(",")`, true, "", "HOSTS", "", "HOSTS="},
		{"by space", `ALLOWED_HOSTS = os.environ.get("HOSTS", "a.com b.com").split(" ")`, true, "a.com b.com", "HOSTS", slipway.ListBySpace, "HOSTS="},
		{"by any space", `ALLOWED_HOSTS = os.getenv("HOSTS", "").split()`, true, "", "HOSTS", slipway.ListBySpace, "HOSTS="},
		{"trimmed", `ALLOWED_HOSTS = [h.strip() for h in os.environ.get("HOSTS", "").split(",")]`, true, "", "HOSTS", "", "HOSTS="},
		{"JSON", `ALLOWED_HOSTS = json.loads(os.environ["HOSTS"])`, true, "", "HOSTS", slipway.ListByJSON, `HOSTS=["`},
		{"decouple", `ALLOWED_HOSTS = config("HOSTS", cast=Csv())`, true, "", "HOSTS", "", "HOSTS="},
		{"one of them", `ALLOWED_HOSTS = ["localhost", os.environ["HOST"]]`, true, "localhost", "HOST", slipway.ListAlone, "HOST="},
		{"by another name", "HOSTS = os.environ[\"HOSTS\"]\nALLOWED_HOSTS = HOSTS.split(\",\")", true, "", "HOSTS", "", "HOSTS="},
		{"added", "ALLOWED_HOSTS = []\nif os.environ.get(\"HOST\"):\n    ALLOWED_HOSTS.append(os.environ[\"HOST\"])", true, "", "HOST", slipway.ListAlone, "HOST="},
		{"added to", `ALLOWED_HOSTS = ["a.com"]` + "\n" + `ALLOWED_HOSTS += ["b.com"]`, true, "a.com b.com", "", "", "domain add <service> a.com"},
		{"this machine alone", `ALLOWED_HOSTS = ["localhost", "127.0.0.1"]`, true, "localhost 127.0.0.1", "", "", `slipway domain add <service> localhost --env <environment>`},
		{"none, as a new project has it", "DEBUG = True\nALLOWED_HOSTS = []", true, ".localhost 127.0.0.1 [::1]", "", "", ""},
		{"none, as an old one has it", "DEBUG = True # Django 1.11\nALLOWED_HOSTS = []", true, "localhost 127.0.0.1 [::1]", "", "", "slipway domain add <service> localhost --env <environment>"},
		{"none, and perhaps no debugging", "DEBUG = hosts_of(machine)\nALLOWED_HOSTS = []", true, "", "", "", ""},
		{"computed", `ALLOWED_HOSTS = hosts_of(machine)`, true, "", "", "", ""},
		{"middleware", starlette + middle + `["api.example.com"])`, false, "api.example.com", "", "", "slipway domain add <service> api.example.com"},
		{"middleware of a variable", "import os\n" + starlette + middle + `os.environ["HOSTS"].split(","))`, false, "", "HOSTS", "", "HOSTS="},
		{"middleware of a name", "import os\n" + starlette + "HOSTS = os.environ[\"HOSTS\"].split(\",\")\n" + middle + `HOSTS)`, false, "", "HOSTS", "", "HOSTS="},
		{"Flask", flask + `app.config["TRUSTED_HOSTS"] = ["shop.example.com"]`, false, "shop.example.com", "", "", "domain add <service> shop.example.com"},
		{"Flask's config", flask + `app.config.update(TRUSTED_HOSTS=["shop.example.com"])`, false, "shop.example.com", "", "", "domain add <service> shop.example.com"},
		{"bound routes", "from flask import Flask\napp = Flask(__name__, host_matching=True, static_host=\"shop.example.com\")\n\n@app.route(\"/\", host=\"www.example.com\")\ndef index():\n    return \"\"\n", false, "shop.example.com www.example.com", "", "", "domain add <service> shop.example.com"},
		{"nothing", flask, false, "", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := map[string]string{"requirements.txt": "flask==3.1.2\ngunicorn==23.0.0\n", "app.py": c.code}
			if strings.Contains(c.code, "tarlette") {
				files["requirements.txt"] = "starlette==0.48.0\nuvicorn==0.37.0\n"
			}
			if c.django {
				files = map[string]string{
					"requirements.txt": "django==5.2.8\n", "shop/__init__.py": "", "shop/settings.py": "import os\nROOT_URLCONF = \"shop.urls\"\n" + c.code + "\n",
					"manage.py":    "import os\nos.environ.setdefault(\"DJANGO_SETTINGS_MODULE\", \"shop.settings\")\nfrom django.core.management import execute_from_command_line\n",
					"shop/wsgi.py": "import os\nos.environ.setdefault(\"DJANGO_SETTINGS_MODULE\", \"shop.settings\")\nfrom django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n",
				}
			}
			if strings.Contains(c.code, "Django 1.11") {
				files["requirements.txt"] = "django==1.11.29\n"
			}
			tree := fstest.MapFS{}
			for name, text := range files {
				tree[name] = &fstest.MapFile{Data: []byte(text)}
			}
			p, err := python.Detect(tree, python.Options{})
			if err != nil {
				t.Fatal(err)
			}
			got := slipway.AcceptedHosts{}
			if p.Hosts != nil {
				got = *p.Hosts
			}
			if names := strings.Join(got.Names, " "); names != c.names || got.Variable != c.variable || got.Form != c.form {
				t.Errorf("%q $%s %q, want %q $%s %q", names, got.Variable, got.Form, c.names, c.variable, c.form)
			}
			remedy := ""
			for _, w := range p.Warnings {
				if w.Code == "health.edge_host" {
					remedy = w.Remedy
				}
			}
			if (remedy == "") != (c.warns == "") || !strings.Contains(remedy, c.warns) {
				t.Errorf("the remedy is %q, want %q", remedy, c.warns)
			}
			if p.Health.Host != "" {
				t.Errorf("probes ask for %s, which users don't", p.Health.Host)
			}
		})
	}
}
