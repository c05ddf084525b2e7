package python

import (
	"strings"
	"testing"
	"testing/fstest"
)

// TestProgramsAreToldTheirPort: a program that opens its own socket gets its port by
// what it reads, whatever that is called.
func TestProgramsAreToldTheirPort(t *testing.T) {
	t.Parallel()
	const aiohttp = "from aiohttp import web\nfrom settings import *\nimport settings\nfrom settings import HTTP_PORT, HTTP_HOST, conf\nasync def make():\n    return web.Application()\nif __name__ == '__main__':\n    "
	const tornado = "import tornado.ioloop, tornado.web\nfrom tornado.options import define, options, parse_command_line\ndefine('port', default=8888)\ndef main():\n    parse_command_line()\n    tornado.web.Application([]).listen(options.port)\nif __name__ == '__main__':\n    main()\n"
	for _, c := range []struct{ name, requires, main, settings, web, problem string }{
		{"a variable", "aiohttp==3.9.0", aiohttp + "web.run_app(make(), host=HTTP_HOST, port=HTTP_PORT)\n", "import os\nHTTP_PORT = int(os.environ.get('HTTP_PORT', 8080))\nHTTP_HOST = os.getenv('BIND', 'localhost')\n", "BIND=${HOST:-127.0.0.1} HTTP_PORT=$PORT python serve.py", ""},
		{"a setting of Dynaconf", "aiohttp==3.9.0\ndynaconf==3.2.5", aiohttp + "web.run_app(make(), port=conf.LISTEN_PORT)\n", "from dynaconf import Dynaconf, Validator\nconf = Dynaconf(envvar_prefix='SHOP', validators=[Validator('LISTEN_PORT', default=8080)])\n", "SHOP_LISTEN_PORT=$PORT python serve.py", ""},
		{"of Dynaconf without a prefix", "aiohttp==3.9.0\ndynaconf==3.2.5", aiohttp + "web.run_app(make(), port=conf.listen)\n", "from dynaconf import Dynaconf\nconf = Dynaconf(envvar_prefix=False)\n", "LISTEN=$PORT python serve.py", ""},
		{"under another name", "aiohttp==3.9.0", aiohttp + "web.run_app(make(), port=HTTP_PORT)\n", "from os import path, environ as env\nHTTP_PORT = env.get('APP_PORT', 8080)\n", "APP_PORT=$PORT python serve.py", ""},
		{"of os under another name", "aiohttp==3.9.0", aiohttp + "web.run_app(make(), port=HTTP_PORT)\n", "import os as o\nHTTP_PORT = o.environ['APP_PORT']\n", "APP_PORT=$PORT python serve.py", ""},
		{"of a module", "aiohttp==3.9.0", aiohttp + "web.run_app(make(), port=settings.HTTP_PORT)\n", "import os\nHTTP_PORT = os.environ['SERVE_AT']\n", "SERVE_AT=$PORT python serve.py", ""},
		{"a field of settings", "aiohttp==3.9.0\npydantic-settings==2.1.0", aiohttp + "web.run_app(make(), port=conf.listen_port)\n", "from pydantic_settings import BaseSettings\nclass Conf(BaseSettings):\n    listen_port: int = 80\n    class Config:\n        env_prefix = 'APP_'\nconf = Conf()\n", "APP_LISTEN_PORT=$PORT python serve.py", ""},
		{"an option of Tornado", "tornado==6.4", tornado, "", "python serve.py --port=$PORT", ""},
		{"an option", "aiohttp==3.9.0", "import argparse\n" + aiohttp + "p = argparse.ArgumentParser()\n    p.add_argument('-p', '--port', type=int)\n    args = p.parse_args()\n    web.run_app(make(), port=args.port)\n", "", "python serve.py --port $PORT", ""},
		{"a number, by a call that is not known", "aiohttp==3.9.0", "import socket\nif __name__ == '__main__':\n    s = socket.socket()\n    s.bind(port=8080)\n", "", "", "serve.py listens on a port of its own"},
		{"PORT itself", "aiohttp==3.9.0", "import os\n" + aiohttp + "web.run_app(make(), port=int(os.environ['PORT']))\n", "", "python serve.py", ""},
	} {
		files := fstest.MapFS{"requirements.txt": {Data: []byte(c.requires + "\n")}, "serve.py": {Data: []byte(c.main)}, "settings.py": {Data: []byte(c.settings)}}
		p, err := Detect(files, Options{Interpreters: []Interpreter{{Version: "3.12.1", Path: "/usr/bin/python3.12"}}})
		if err != nil {
			t.Fatal(err)
		}
		said := ""
		for _, problem := range p.Problems {
			said += problem.Message + "; "
		}
		if string(p.Processes["web"]) != c.web || (said == "") != (c.problem == "") || !strings.Contains(said, c.problem) {
			t.Errorf("%s: web %q, want %q; problems: %s", c.name, p.Processes["web"], c.web, said)
		}
	}
}

// TestPartsOfAPageAreNoPages: the page is the file that the others are parts of.
func TestPartsOfAPageAreNoPages(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{"requirements.txt": {Data: []byte("streamlit==1.40.0\n")},
		"shop/__init__.py": {}, "shop/start.py": {Data: []byte("import streamlit as st\nfrom shop.ui import side\nfrom shop import table\n")},
		"shop/ui/__init__.py": {}, "shop/ui/side.py": {Data: []byte("import streamlit as st\n")}, "shop/table.py": {Data: []byte("import streamlit as st\n")}}
	p, err := Detect(files, Options{Interpreters: []Interpreter{{Version: "3.12.1", Path: "/usr/bin/python3.12"}}})
	if err != nil || !strings.HasPrefix(string(p.Processes["web"]), "streamlit run shop/start.py ") {
		t.Errorf("%v %q %+v", err, p.Processes["web"], p.Problems)
	}
	delete(files, "shop/start.py") // the two that are left don't know each other
	files["shop/app.py"] = &fstest.MapFile{Data: []byte("import streamlit as st\n")}
	p, err = Detect(files, Options{Interpreters: []Interpreter{{Version: "3.12.1", Path: "/usr/bin/python3.12"}}})
	if err != nil || !strings.HasPrefix(string(p.Processes["web"]), "streamlit run shop/app.py ") {
		t.Errorf("one of three is called as pages are: %v %q %+v", err, p.Processes["web"], p.Problems)
	}
}

// TestPagesOfPackages: a page that imports relative to its package is started by the
// program that imports it, else as a part of the package.
func TestPagesOfPackages(t *testing.T) {
	t.Parallel()
	page := &fstest.MapFile{Data: []byte("import gradio as gr\nfrom ..core import talk\ndemo = gr.Interface(talk, 'text', 'text')\nif __name__ == '__main__':\n    demo.launch()\n")}
	files := fstest.MapFS{"requirements.txt": {Data: []byte("gradio==5.0.0\n")}, "src/__init__.py": {}, "src/core.py": {Data: []byte("def talk(x):\n    return x\n")}, "src/ui/__init__.py": {}, "src/ui/page.py": page}
	for _, want := range []string{"python -m src.ui.page", "python src/main.py"} {
		p, err := Detect(files, Options{Interpreters: []Interpreter{{Version: "3.12.1", Path: "/usr/bin/python3.12"}}})
		if err != nil || !strings.HasSuffix(string(p.Processes["web"]), want) {
			t.Errorf("%v %q, want %s; %+v", err, p.Processes["web"], want, p.Problems)
		}
		files["src/main.py"] = &fstest.MapFile{Data: []byte("from src.ui.page import demo\nif __name__ == '__main__':\n    demo.launch()\n")}
	}
}

// TestDependenciesHideDirectories: a directory without __init__.py is not importable by
// the name of a package that is installed.
func TestDependenciesHideDirectories(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{"requirements.txt": {Data: []byte("fastapi==0.115.0\n")}, "fastapi/serve.py": {Data: []byte("from fastapi import FastAPI\napp = FastAPI()\n")}}
	p, err := Detect(files, Options{Interpreters: []Interpreter{{Version: "3.12.1", Path: "/usr/bin/python3.12"}}})
	if err != nil || p.Application == nil || p.Application.Module != "serve" || string(p.Application.Dir) != "fastapi" {
		t.Errorf("%v %+v %+v", err, p.Application, p.Problems)
	}
}

// TestSanicIsStartedByWhatItsVersionKnows.
func TestSanicIsStartedByWhatItsVersionKnows(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{
		"23.12.1": "sanic serve:app --host ${HOST:-127.0.0.1} --port $PORT --single-process", "21.12.0": "sanic serve:app --host ${HOST:-127.0.0.1} --port $PORT", "19.12.2": "sanic serve.app --host ${HOST:-127.0.0.1} --port $PORT",
	} {
		files := fstest.MapFS{"requirements.txt": {Data: []byte("sanic==" + version + "\n")}, "serve.py": {Data: []byte("from sanic import Sanic\napp = Sanic('shop')\n")}}
		p, err := Detect(files, Options{Interpreters: []Interpreter{{Version: "3.8.18", Path: "/usr/bin/python3.8"}}})
		if err != nil || string(p.Processes["web"]) != want {
			t.Errorf("%s: %v %q", version, err, p.Processes["web"])
		}
	}
}
