package python

import (
	"os"
	"os/exec"
	"path/filepath"
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
		"where its database lies": {command: "flask --app shop:app init-db", once: "test -s shop/shop.db || test -e", files: "-- requirements.txt --\nflask==3.0.3\n-- shop/__init__.py --\nimport sqlite3\nfrom pathlib import Path\n\nfrom flask import Flask\n\napp = Flask(__name__)\napp.config.update({\"DATABASE\": Path(app.root_path) / \"shop.db\"})\n" +
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

// A command counts as one that empties tables unless everything that it runs can be read
// and only makes them.
func TestCommandsThatEmptyTables(t *testing.T) {
	const command = "\n\n@app.cli.command('init-db')\n"
	const only = command + "def make():\n    db.create_all()\n"
	for name, c := range map[string]struct {
		app, also string
		empties   bool
	}{
		"only makes them":                    {app: only},
		"when asked to":                      {app: command + "@click.option('--drop', is_flag=True)\ndef make(drop):\n    if drop:\n        click.echo('gone')\n        db.drop_all()\n    db.create_all()\n"},
		"unless asked not to":                {app: command + "@click.option('--drop/--keep', is_flag=True, default=True)\ndef make(drop):\n    if drop:\n        db.drop_all()\n", empties: true},
		"unless asked for something else":    {app: command + "@click.option('--keep', is_flag=True)\ndef make(keep):\n    if keep:\n        pass\n    else:\n        db.drop_all()\n", empties: true},
		"where it is there":                  {app: command + "def make():\n    if os.path.exists('app.db'):\n        os.remove('app.db')\n    db.create_all()\n", empties: true},
		"within the application":             {app: command + "def make():\n    with app.app_context():\n        db.drop_all()\n", empties: true},
		"by a function of the file":          {app: "\n\ndef init_db():\n    db.drop_all()\n" + command + "def make():\n    init_db()\n", empties: true},
		"by a function of another file":      {app: command + "def make():\n    reset()\n", also: "-- lib/tables.py --\ndef reset(\n    db=None,\n):\n    again()\n\n\ndef again():\n    Post.query.delete()\n", empties: true},
		"by a script of another file":        {app: command + "def make():\n    reset()\n", also: "-- lib/tables.py --\ndef reset():\n    run('sql/all.sql')\n-- sql/all.sql --\ndrop table post;\n", empties: true},
		"peewee":                             {app: command + "def make():\n    db.drop_tables([Post])\n", empties: true},
		"a script that only makes":           {app: command + "def make():\n    run('sql/all.sql')\n", also: "-- sql/all.sql --\ncreate table post (id);\n"},
		"a script elsewhere":                 {app: command + "def make():\n    run('sql/all.sql')\n", also: "-- sql/all.sql --\ndrop table post;\n", empties: true},
		"a script that isn't found":          {app: command + "def make():\n    run('all.sql')\n", empties: true},
		"a script whose name isn't known":    {app: command + "def make():\n    db.executescript(schema())\n", empties: true},
		"another file that it doesn't touch": {app: only, also: "-- wipe.py --\nfrom app import db\n\n\ndef wipe():\n    db.drop_all()\n"},
	} {
		t.Run(name, func(t *testing.T) {
			p := detectKind(t, kind{files: "-- requirements.txt --\nflask==3.0.3\n-- app.py --\nfrom flask import Flask\n\napp = Flask(__name__)\n" + c.app + c.also})
			if p.Tables == nil || (p.Tables.Once != "") != c.empties {
				t.Errorf("%+v, want one that empties: %t; problems %v", p.Tables, c.empties, p.Problems)
			}
		})
	}
}

// What is proposed for a command that empties tables runs it at the first deploy alone,
// wherever the database is, and again where that is gone.
func TestTablesAreEmptiedOnce(t *testing.T) {
	const app = "-- requirements.txt --\nflask==3.0.3\n-- app.py --\nimport os\nfrom flask import Flask\n\napp = Flask(__name__)\nbasedir = os.path.dirname(__file__)\n"
	const wipes = "\n\n@app.cli.command('init-db')\ndef make():\n    db.drop_all()\n    db.create_all()\n"
	const file = app + "URI = os.environ.get('DATABASE_URL') or 'sqlite:///' + os.path.join(basedir, 'app.db')\n" + wipes
	for name, c := range map[string]struct {
		files, writes string // what the command writes; "" where its database is elsewhere
		kept          bool   // what it writes is removed with its database
	}{
		"a file":                              {files: file, writes: "app.db", kept: true},
		"a server by a variable":              {files: file},
		"a file that a variable says":         {files: app + wipes},
		"a file that isn't said kept":         {files: "-- slipway.yaml --\ndata: []\n" + file, writes: "app.db", kept: true},
		"a server, and files of another kind": {files: "-- slipway.yaml --\ndata: [state.json]\n" + app + wipes, writes: "state.json"},
		"a directory":                         {files: app + "app.config['UPLOAD_FOLDER'] = 'their files'\n" + wipes, writes: "their files/a"},
		"a directory that isn't kept":         {files: "-- slipway.yaml --\ndata: []\n" + app + "app.config['UPLOAD_FOLDER'] = 'files'\n" + wipes},
	} {
		t.Run(name, func(t *testing.T) {
			p := detectKind(t, kind{files: c.files})
			if p.Tables == nil || p.Tables.Once == "" {
				t.Fatalf("%+v; problems %v", p.Tables, p.Problems)
			}
			said, err := Command(p.Tables.Once).Parse()
			if err != nil {
				t.Fatal(err)
			}
			stated, ok := strings.CutPrefix(said.Words()[len(said.Args)-1], "release_command=")
			args, err := Command(stated).Expand(func(string) string { return "" })
			if err != nil || !ok {
				t.Fatal(err, p.Tables.Once)
			}
			dir, data, runs := t.TempDir(), filepath.Join(t.TempDir(), "the data"), 0
			program := "#!/bin/sh\necho >>\"$RUNS\"\n"
			if c.writes != "" {
				program += "echo >'" + c.writes + "'\n"
			}
			for _, at := range []string{data, filepath.Join(dir, "bin"), filepath.Join(dir, "their files")} {
				if err := os.MkdirAll(at, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(filepath.Join(dir, "bin", "flask"), []byte(program+"exit $FAILS\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			deploy := func(fails string, want int) {
				t.Helper()
				cmd := exec.Command(args[0], args[1:]...)
				cmd.Dir = dir
				cmd.Env = append(os.Environ(), "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"), "SLIPWAY_DATA="+data, "RUNS="+filepath.Join(dir, "runs"), "FAILS="+fails)
				out, err := cmd.CombinedOutput()
				printed, _ := os.ReadFile(filepath.Join(dir, "runs"))
				if runs += want; (err != nil) != (fails != "0") || len(out) > 0 || len(printed) != runs {
					t.Fatalf("%s: %v %s; it has run %d times, want %d", stated, err, out, len(printed), runs)
				}
			}
			if !c.kept {
				deploy("1", 1)
			}
			deploy("0", 1)
			deploy("0", 0)
			if c.kept {
				if err := os.Remove(filepath.Join(dir, c.writes)); err != nil {
					t.Fatal(err)
				}
				deploy("0", 1)
				deploy("0", 0)
			} else if strings.HasPrefix(c.writes, "their files") {
				return // its mark lies there
			} else if _, err := os.Stat(filepath.Join(data, ".tables")); err != nil {
				t.Errorf("%s: no mark in what stays: %v", stated, err)
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
