package python

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/tools/txtar"
)

// portPrograms are programs that state their own port, and have no object that a
// server could import, by the call with which they listen.
var portPrograms = []struct{ name, listens, requires, serve string }{
	{"gradio", "launch(", "gradio==5.49.1", "import gradio as gr\ndemo = gr.Interface(lambda x: x, 'text', 'text')\nif __name__ == '__main__':\n    demo.launch(server_name='0.0.0.0', server_port=7860)\n"},
	{"nicegui", "ui.run(", "nicegui==3.3.1", "from nicegui import ui\nui.label('hi')\nif __name__ in {'__main__', '__mp_main__'}:\n    ui.run(port=8081)\n"},
	{"aiohttp", "run_app(", "aiohttp==3.13.2", "from aiohttp import web\nasync def hello(request):\n    return web.Response(text='hi')\ndef main():\n    app = web.Application()\n    app.add_routes([web.get('/', hello)])\n    web.run_app(app, port=8082)\nif __name__ == '__main__':\n    main()\n"},
	{"tornado", ".listen(", "tornado==6.5.2", "import asyncio, tornado.web\nclass Hello(tornado.web.RequestHandler):\n    def get(self):\n        self.write('hi')\nasync def main():\n    app = tornado.web.Application([('/', Hello)])\n    app.listen(8888)\n    await asyncio.Event().wait()\nif __name__ == '__main__':\n    asyncio.run(main())\n"},
	{"bottle", " run(", "bottle==0.13.4", "from bottle import route, run\n@route('/')\ndef index():\n    return 'hi'\nif __name__ == '__main__':\n    run(host='localhost', port=8080, reloader=True)\n"},
	{"uvicorn", "uvicorn.run(", "uvicorn==0.38.0\nstarlette==0.50.0", "import uvicorn\ndef main():\n    from starlette.applications import Starlette\n    from starlette.responses import PlainTextResponse\n    from starlette.routing import Route\n    app = Starlette(routes=[Route('/', lambda r: PlainTextResponse('hi'))])\n    uvicorn.run(app, port=8000)\nif __name__ == '__main__':\n    main()\n"},
	{"waitress", " serve(", "waitress==3.0.2", "from waitress import serve\n" + wsgiSite + "if __name__ == '__main__':\n    serve(Site().handle, host='0.0.0.0', port=8083)\n"},
	{"flask", "app.run(", "flask==3.1.2", "from flask import Flask\ndef main():\n    app = Flask(__name__)\n    app.add_url_rule('/', view_func=lambda: 'hi')\n    app.run(port=5000, debug=True)\nif __name__ == '__main__':\n    main()\n"},
	{"werkzeug", " run_simple(", "werkzeug==3.1.3", "from werkzeug.serving import run_simple\n" + wsgiSite + "if __name__ == '__main__':\n    run_simple('localhost', 8085, Site().handle, use_reloader=True)\n"},
	{"wsgiref", " make_server(", "", "from wsgiref.simple_server import make_server\n" + wsgiSite + "if __name__ == '__main__':\n    with make_server('', 8084, Site().handle) as httpd:\n        httpd.serve_forever()\n"},
}

const wsgiSite = "class Site:\n    def handle(self, environ, start_response):\n        start_response('200 OK', [])\n        return [b'hi']\n"

// TestPortsInPlace: a program that states its own port is started with the one that it
// is given, and it is said where it states its own. The one that needs nothing installed
// is really started.
func TestPortsInPlace(t *testing.T) {
	t.Parallel()
	for _, c := range portPrograms {
		p, files := portProject(t, c.requires, c.serve)
		web := p.Processes["web"]
		said := ""
		for _, w := range p.Warnings {
			if w.Code == "web.port_overruled" {
				said = fmt.Sprintf("%s:%d", w.File, w.Line)
			}
		}
		line := 0
		for i, text := range strings.Split(c.serve, "\n") {
			if strings.Contains(text, c.listens) {
				line = i + 1
			}
		}
		if len(p.Problems) > 0 || !strings.HasPrefix(string(web), "python -c 'import os, runpy, sys, "+c.name) || said != fmt.Sprintf("app/serve.py:%d", line) {
			t.Errorf("%s: %q, said at %s, want line %d; %v", c.name, web, said, line, p.Problems)
		}
		if c.name == "wsgiref" {
			answersAtItsPort(t, web, files, filepath.Dir(os.Args[0]), time.Minute)
		}
	}
	relative, _ := portProject(t, "gradio==5.49.1", strings.Replace(portPrograms[0].serve, "import gradio as gr", "import gradio as gr\nfrom . import parts", 1))
	if web := string(relative.Processes["web"]); !strings.Contains(web, `runpy.run_module("app.serve", run_name="__main__", alter_sys=True)`) {
		t.Errorf("a part of a package: %q %v", web, relative.Problems)
	}
}

func portProject(t *testing.T, requires, serve string) (*Project, string) {
	t.Helper()
	text := "-- requirements.txt --\n" + requires + "\n-- app/serve.py --\n" + serve
	tree := fstest.MapFS{}
	for _, f := range txtar.Parse([]byte(text)).Files {
		tree[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	p, err := Detect(tree, Options{Interpreters: defaultInterpreters()})
	if err != nil {
		t.Fatal(err)
	}
	return p, text
}

// answersAtItsPort starts a project's command with the programs of bin.
func answersAtItsPort(t *testing.T, web Command, files, bin string, within time.Duration) {
	t.Helper()
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(files)).Files {
		_ = os.MkdirAll(filepath.Join(dir, filepath.Dir(f.Name)), 0o755)
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	_ = l.Close()
	_, port, _ := net.SplitHostPort(at)
	args, err := web.Expand(func(name string) string { return map[string]string{"PORT": port, "HOST": "127.0.0.1"}[name] })
	if err != nil {
		t.Fatal(err)
	}
	if found, err := exec.LookPath(filepath.Join(bin, args[0])); err == nil {
		args[0] = found
	} else if args[0], err = exec.LookPath("python3"); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "PORT="+port, "HOST=127.0.0.1")
	var output strings.Builder
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &output, &output, time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	defer func() { _ = cmd.Process.Kill(); <-ended }()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(within); ; {
		response, err := http.Get("http://" + at + "/")
		if err == nil {
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
			if response.StatusCode != http.StatusOK {
				t.Errorf("%s answers %d", web, response.StatusCode)
			}
			return
		}
		select {
		case <-ended:
			t.Errorf("%s has ended: %s", web, output.String())
			return
		case <-deadline:
			t.Errorf("%s doesn't answer at %s", web, at)
			return
		case <-tick.C:
		}
	}
}
