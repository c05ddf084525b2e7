package python

import (
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/slipway-dev/slipway/python/tree"
)

// TestImagesStartScripts: what an image starts through a script of the repository, or a
// shell, is read: the last server is what serves, and what migrates before it is the
// release command. What isn't understood is said at detection.
func TestImagesStartScripts(t *testing.T) {
	const (
		shop   = "-- requirements.txt --\ngunicorn==23.0.0\nwerkzeug==3.1.3\nalembic==1.17.1\n-- shop/__init__.py --\n-- shop/run.py --\nfrom shop import made as application\n-- conf/other.ini --\n[alembic]\n"
		image  = "-- Dockerfile --\nFROM python:3.13\nWORKDIR /srv\nCOPY . .\n"
		web    = "gunicorn shop.run --bind ${HOST:-127.0.0.1}:$PORT --workers 2"
		served = "gunicorn shop.run --bind 0.0.0.0:8000 --workers 2"
		all    = "gunicorn shop.run --bind 0.0.0.0:$PORT --workers 2"
		twins  = "-- requirements.txt --\nflask==3.1.2\n-- one.py --\nfrom flask import Flask\napp = Flask(__name__)\n-- two.py --\nfrom flask import Flask\napp = Flask(__name__)\n"
		second = "gunicorn two:app --bind ${HOST:-127.0.0.1}:$PORT --threads 8"
	)
	checkKinds(t, []kind{
		{name: "a script", web: web, nothing: true, finding: "release.suggestion alembic -c conf/other.ini upgrade head", withoutWarning: "image.script",
			files: shop + image + "ENTRYPOINT [\"./boot.sh\"]\n-- boot.sh --\n#!/bin/bash\n# alembic upgrade nothing\nset -e\nwhile true; do\n    alembic -c conf/other.ini upgrade head\n    if [[ \"$?\" == \"0\" ]]; then\n        break\n    fi\n    sleep 5\ndone\nexec " + served + " \\\n   2>&1\n"},
		{name: "by its place in the image", web: web, nothing: true,
			files: shop + image + "COPY docker/entry.sh /start\nENTRYPOINT [\"tini\", \"--\", \"/start\"]\n-- docker/entry.sh --\n#!/usr/bin/env bash\ncd /srv\nif [ \"$1\" = \"dev\" ]; then\n  exec python manage.py runserver\nelse\n  exec gosu shop /venv/bin/" + served + "\nfi\n"},
		{name: "CMD is what its script starts", web: web, nothing: true, finding: "release.suggestion alembic upgrade heads",
			files: shop + image + "ENTRYPOINT [\"/srv/docker-entrypoint.sh\"]\nCMD [\"gunicorn\", \"shop.run\", \"--bind\", \"0.0.0.0:8000\", \"--workers\", \"2\"]\n-- docker-entrypoint.sh --\n#!/bin/sh\nuntil nc -z db 5432; do sleep 1; done\nif [ \"$1\" = gunicorn ]; then alembic upgrade heads; fi\nexec \"$@\"\n"},
		{name: "through a shell", web: web, nothing: true, finding: "release.suggestion alembic -c conf/other.ini upgrade head",
			files: shop + image + "CMD [\"sh\", \"-c\", \"alembic -c conf/other.ini upgrade head && exec " + served + "\"]\n"},
		{name: "through a script by a shell", web: all, nothing: true,
			files: shop + "-- render.yaml --\nservices:\n- type: web\n  startCommand: bash bin/start.sh\n-- bin/start.sh --\nOPTIONS=\"--workers 2\"\npoetry run " + "gunicorn shop.run --bind 0.0.0.0:${APP_PORT:-8000} $OPTIONS\n"},
		{name: "a command in a variable", web: all, nothing: true,
			files: shop + image + "CMD [\"./boot.sh\"]\n-- boot.sh --\n#!/bin/bash\ncat > shop.cfg <<EOF\ngunicorn of:this\nEOF\ncmd=\"exec gunicorn shop.run \\\n  --bind 0.0.0.0:$PORT \\\n  --workers 2 $@\"\nif [ -n \"$USER\" ]; then\n  cmd=\"su - shop -c '$cmd'\"\nfi\neval \"$cmd\"\n"},
		{name: "one of two equal objects", web: second, nothing: true, finding: "app.suggestion two:app",
			files: twins + image + "CMD [\"./boot.sh\"]\n-- boot.sh --\n#!/bin/sh\nexec gunicorn -b :80 two:app\n"},
		{name: "in a directory below", web: "cd shop && gunicorn run --bind ${HOST:-127.0.0.1}:$PORT", nothing: true,
			files: shop + image + "CMD cd /srv/shop && gunicorn run --bind 0.0.0.0:80\n"},
		{name: "nothing that is known", nothing: true, warning: "image.script", remedy: "slipway service set SERVICE --set processes.web=",
			files: "-- requirements.txt --\nflask==3.1.2\n-- app.py --\nfrom flask import Flask\napp = Flask(__name__)\n" + image + "CMD [\"./boot.sh\"]\n-- boot.sh --\n#!/bin/sh\nexec hypnotoad app\n"},
		{name: "a script that is elsewhere", nothing: true, warning: "image.script",
			files: "-- requirements.txt --\nflask==3.1.2\n-- app.py --\nfrom flask import Flask\napp = Flask(__name__)\n" + image + "CMD [\"/start.sh\"]\n"},
		{name: "what is stated isn't doubted", nothing: true, withoutWarning: "image.script",
			files: "-- requirements.txt --\nflask==3.1.2\ngunicorn==23.0.0\n-- Procfile --\nweb: gunicorn app:app\n-- app.py --\nfrom flask import Flask\napp = Flask(__name__)\n" + image + "CMD [\"/start.sh\"]\n"},
		{name: "the image tells which of two migrates", nothing: true, finding: "release.alembic alembic upgrade head",
			files: "-- requirements.txt --\nfastapi==0.121.0\nalembic==1.17.1\naerich==0.9.2\n-- pyproject.toml --\n[tool.aerich]\ntortoise_orm = \"app.ORM\"\n-- alembic.ini --\n[alembic]\nscript_location = migrations\n-- migrations/env.py --\n-- app.py --\nfrom fastapi import FastAPI\napp = FastAPI()\n" + image + "CMD alembic upgrade head && uvicorn app:app\n"},
	})
}

// TestScriptsThatKeepBusy: a script whose variables hold themselves or double each other,
// and one of nothing but spaces, are read like any other.
func TestScriptsThatKeepBusy(t *testing.T) {
	doubled := "V0='gunicorn app:app'\n"
	for i := range 30 {
		doubled += "V" + strconv.Itoa(i+1) + "=\"$V" + strconv.Itoa(i) + " $V" + strconv.Itoa(i) + "\"\n"
	}
	for name, script := range map[string]string{
		"itself":     "RUN=\"$RUN\"\nexec $RUN\n",
		"each other": "ONE='$TWO'\nTWO='$ONE'\nexec $ONE\n",
		"doubled":    doubled + "exec $V30\n",
		"spaces":     strings.Repeat(" ", 1<<20-1<<10) + "exec gunicorn app:app\n",
		"a word":     "exec gunicorn app:app" + strings.Repeat(" \\\n", 1<<18),
	} {
		t.Run(name, func(t *testing.T) {
			at, err := tree.Open(fstest.MapFS{"boot.sh": &fstest.MapFile{Data: []byte("#!/bin/sh\n" + script), Mode: 0o755}}, ".")
			if err != nil {
				t.Fatal(err)
			}
			d := &detection{tree: at}
			r := shellReader{d: d, values: map[string]string{}}
			r.read("./boot.sh", tree.Evidence{File: "Dockerfile", Line: 1}, "", 0)
			web, _ := r.outcome()
			if known := name == "spaces" || name == "a word"; known != (web.value == "gunicorn app:app") {
				t.Errorf("it serves by %q", tree.Clip(web.value))
			}
		})
	}
}
