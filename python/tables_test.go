package python

import (
	"strings"
	"testing"
)

// The project's own command that makes tables is proposed, and one that empties them so
// that it runs once.
func TestTheCommandThatMakesTables(t *testing.T) {
	const app = "from flask import Flask\n\napp = Flask(__name__)\n"
	for name, c := range map[string]struct{ files, command, once string }{
		"Flask's own command": {command: "flask --app app:app initdb", files: "-- requirements.txt --\nflask==3.0.3\n-- app.py --\n" + app +
			"\n\n@app.cli.command()\n@click.option('--drop', is_flag=True)\ndef initdb(drop):\n    if drop:\n        db.drop_all()\n    db.create_all()\n"},
		"one that runs a script which drops": {command: "flask --app shop init-db", once: "$SLIPWAY_DATA/.tables", files: "-- requirements.txt --\nflask==3.0.3\n-- shop/__init__.py --\nfrom flask import Flask\n\n\ndef create_app():\n    return Flask(__name__)\n" +
			"-- shop/db.py --\nimport click\n\n\n@click.command(\"init-db\")\ndef init_db_command():\n    db.executescript(open('schema.sql').read())\n-- shop/schema.sql --\nDROP TABLE IF EXISTS post;\n"},
		"where its database lies": {command: "flask --app shop:app init-db", once: "test -s shop/shop.db || flask", files: "-- requirements.txt --\nflask==3.0.3\n-- shop/__init__.py --\nimport sqlite3\nfrom pathlib import Path\n\nfrom flask import Flask\n\napp = Flask(__name__)\napp.config.update({\"DATABASE\": Path(app.root_path) / \"shop.db\"})\n" +
			"\n\n@app.cli.command('init-db')\ndef make():\n    db.drop_all()\n    db.create_all()\n"},
		"a script of the project": {command: "create_tables", files: "-- pyproject.toml --\n[project]\nname = \"shop\"\nversion = \"1\"\ndependencies = [\"flask\"]\n[project.scripts]\ncreate_tables = \"app:make\"\n-- app.py --\n" + app + "\ndef make():\n    db.create_all()\n"},
		"a file":                  {command: "python init_db.py", once: "init_db.py", files: "-- requirements.txt --\nflask==3.0.3\n-- app.py --\n" + app + "-- init_db.py --\nfrom app import db\ndb.drop_all()\ndb.create_all()\n"},
		"what runs anyway":        {files: "-- requirements.txt --\nflask==3.0.3\n-- Procfile --\nrelease: python init_db.py\nweb: gunicorn app:app\n-- app.py --\n" + app + "-- init_db.py --\nx = 1\n"},
		"none":                    {files: "-- requirements.txt --\nflask==3.0.3\n-- app.py --\n" + app + "\n\n@app.cli.command()\ndef forge():\n    pass\n"},
	} {
		t.Run(name, func(t *testing.T) {
			p := detectKind(t, kind{files: c.files})
			if p.Tables == nil {
				if c.command != "" {
					t.Fatalf("none, want %s; problems %v", c.command, p.Problems)
				}
				return
			}
			if p.Tables.Command != c.command || (c.once != "") != (p.Tables.Once != "") || !strings.Contains(p.Tables.Once, c.once) || !strings.Contains(p.Tables.State, "release_command=") {
				t.Errorf("%+v, want %q", p.Tables, c.command)
			}
		})
	}
}

// A variable whose name ends with the letters of PORT is no port.
func TestCommandsThatNameNoPort(t *testing.T) {
	const app = "-- requirements.txt --\nflask==3.0.3\ngunicorn==23.0.0\nuvicorn==0.30.0\n-- app.py --\nfrom flask import Flask\n\napp = Flask(__name__)\n"
	for web, told := range map[string]bool{
		"uvicorn app:app --env-file $SUPPORT --port 9000": true, "REPORT=1 uvicorn app:app --port 9000": true,
		"uvicorn app:app --port ${PORT:-9000}": false, "uvicorn app:app --port $APP_PORT": false,
	} {
		p := detectKind(t, kind{files: app + "-- Procfile --\nweb: " + web + "\n"})
		if got := strings.Contains(string(p.Processes["web"]), "--port $PORT"); got != told {
			t.Errorf("%s becomes %s", web, p.Processes["web"])
		}
	}
}
