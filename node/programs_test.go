package node_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/node"
	pythons "github.com/slipway-dev/slipway/python"
)

// slow answers a request after a second, and notes at its end that it was one in order.
const slow = `import atexit, os, time
time.sleep(float(os.environ.get("LATE", "0")))
def note(name): open(os.path.join(os.environ["SLIPWAY_DATA"], name), "a").close()
atexit.register(note, "atexit")
def app(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        note("slow"); time.sleep(1)
    if environ["PATH_INFO"] == "/large":
        start_response("200 OK", [("Content-Length", "5000000")])
        return [b"x" * 5000000]
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    text = b"done" if environ["PATH_INFO"] != "/who" else ("%(REMOTE_ADDR)s %(wsgi.url_scheme)s://%(HTTP_HOST)s" % environ).encode()
    start_response("200 OK", [("Content-Length", str(len(text)))])
    return [text]
async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive(); await send({"type": "lifespan.startup.complete"})
        await receive(); note("shutdown"); await send({"type": "lifespan.shutdown.complete"}); return
    if scope["path"] == "/events":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
        while (await receive())["type"] != "http.disconnect": pass
        return
    if scope["path"] == "/slow":
        import asyncio
        note("slow"); await asyncio.sleep(1)
    while (await receive()).get("more_body"): pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
    await send({"type": "http.response.body", "body": b"done"})
`

const behind = "#!/bin/bash\nwaitress-serve --listen=127.0.0.1:$PORT --trusted-proxy=127.0.0.1 '--trusted-proxy-headers=x-forwarded-for x-forwarded-host x-forwarded-proto x-forwarded-port' app:app\n"

// TestRealServers: real servers are stopped by what is known of them, from an agent that
// was started by a shell in its background, which makes it ignore SIGINT. The request
// that they have is answered, their exit handlers run, and nobody has to be killed. One
// release makes room for another without a failed request.
func TestRealServers(t *testing.T) {
	ignored := signal.Ignored(syscall.SIGINT)
	signal.Ignore(syscall.SIGINT)
	t.Cleanup(func() {
		if signal.Reset(syscall.SIGINT); ignored { // as of what a shell starts in the background: the next agent would take that for heard
			signal.Notify(make(chan os.Signal, 1), syscall.SIGINT)
		}
	})
	venv := environmentWith(t, "waitress==3.0.2", "uvicorn==0.54.0", "gunicorn==27.0.1")
	for _, command := range []string{
		"waitress-serve --listen=127.0.0.1:$PORT app:app", "uvicorn app:asgi --port $PORT", "gunicorn app:app",
		"bash start.sh",
	} {
		t.Run(strings.Fields(command)[0], func(t *testing.T) {
			b := newBench(t)
			d := b.serving(venv, command)
			d.Manifest.Processes[0].Instances = 2
			b.must(d)
			if strings.HasPrefix(command, "gunicorn") {
				for _, id := range []string{"web.1", "web.2"} {
					b.eventually("each has a control socket of its own", func() bool {
						_, err := os.Stat(filepath.Join(b.data, "node", "deployments", "shop", "dev", "1", "home", "run", id, "gunicorn.ctl"))
						return err == nil
					})
				}
			}
			if strings.HasPrefix(command, "bash") { // what Slipway tells waitress to believe
				if got := b.who(); got != "127.0.0.2 http://"+shopAt(b.edge) {
					t.Errorf("it takes its client for %s", got)
				}
			}
			answer := make(chan string, 1)
			port := b.instance("web.1").Port // not through the edge, which waits for an answer before the signal is sent
			go func() {
				res, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/slow", port))
				if err != nil {
					answer <- err.Error()
					return
				}
				defer res.Body.Close()
				text, err := io.ReadAll(res.Body)
				answer <- fmt.Sprint(string(text), err)
			}()
			b.eventually("the request is under way", func() bool { _, err := os.Stat(b.inData("slow")); return err == nil })
			events := make(chan string, 1)
			if strings.HasPrefix(command, "uvicorn") { // which would wait for its end
				b.node.(*node.Node).Drain(time.Second)
				go func() { _, text, _ := b.get("/events"); events <- text }()
				b.eventually("the stream is open", func() bool { return strings.Contains(b.logs(), "GET /events") })
			} else {
				events <- "data: 1\n\n"
			}
			log := b.revert(d)
			if got := <-events; got != "data: 1\n\n" {
				t.Errorf("the stream ended with %q", got)
			}
			if got := <-answer; got != "done<nil>" {
				t.Errorf("the request was answered with %s\n%s", got, log)
			}
			b.eventually("its exit handlers have run", func() bool { _, err := os.Stat(b.inData("atexit")); return err == nil })
			b.eventually("all has ended", func() bool { return len(b.observe().Instances) == 0 })
			if _, err := os.Stat(b.inData("shutdown")); strings.HasPrefix(command, "uvicorn") && (err != nil || !strings.Contains(b.file("logs/shop/dev/1.web.1.log")+b.file("logs/shop/dev/1.web.2.log"), "is stopped: the edge has closed one stream that it still had")) {
				t.Errorf("its own shutdown has not run, or nobody says what was closed: %v", err)
			}
			if text := b.logs(); strings.Contains(log+text, "had not ended") {
				t.Errorf("%s\n%s", log, text)
			}
		})
	}
	for _, command := range []string{"gunicorn app:app --worker-class gthread --threads 8", "uvicorn app:asgi --port $PORT --no-access-log"} {
		t.Run("recreate, "+strings.Fields(command)[0], func(t *testing.T) { makesRoom(t, venv, command) })
	}
	t.Run("slow clients", func(t *testing.T) { servesBesideSlow(t, venv) })
	t.Run("recreate, too long", func(t *testing.T) { makesRoomTooLate(t, venv) })
}

// who asks from another address of this machine whom the service takes that for.
func (b *bench) who() string {
	b.t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).DialContext}}
	req, err := http.NewRequest(http.MethodGet, "http://"+b.edge+"/who", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Host = shopAt(b.edge)
	res, err := client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return string(text)
}

// shopAt is the name of the service at an edge.
func shopAt(edge string) string {
	_, port, _ := net.SplitHostPort(edge)
	return net.JoinHostPort("shop.dev.localhost", port)
}

// environmentWith is a virtual environment with what is required.
func environmentWith(t *testing.T, requirements ...string) string {
	t.Helper()
	venv := filepath.Join(t.TempDir(), "venv")
	for _, c := range []*exec.Cmd{
		exec.Command(python(), "-m", "venv", venv),
		exec.Command(filepath.Join(venv, "bin", "pip"), append([]string{"install", "-q", "--disable-pip-version-check"}, requirements...)...),
	} {
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", c.Args, err, out)
		}
	}
	return venv
}

// serving is a deployment of the application slow, served by a command.
func (b *bench) serving(venv, command string) slipway.Deployment {
	b.t.Helper()
	d := b.deployment(1, "one", nil)
	artifact := filepath.Join(b.data, "artifacts", "one")
	err := os.RemoveAll(filepath.Join(artifact, "venv"))
	if err == nil {
		err = os.Symlink(venv, filepath.Join(artifact, "venv"))
	}
	for name, text := range map[string]string{"app.py": slow, "start.sh": behind} {
		if err == nil {
			err = os.WriteFile(filepath.Join(artifact, "source", name), []byte(text), 0o600)
		}
	}
	if err != nil {
		b.t.Fatal(err)
	}
	d.Manifest.Processes = []slipway.Process{planned(b.t, command)}
	return d
}

// planned is the web process that Slipway makes of a command.
func planned(t *testing.T, command string) slipway.Process {
	t.Helper()
	p, err := pythons.Detect(fstest.MapFS{"Procfile": {Data: []byte("web: " + command + "\n")}, "app.py": {Data: []byte(slow)}, "start.sh": {Data: []byte(behind)}}, pythons.Options{
		Interpreters: []pythons.Interpreter{{Version: "3.12.1", Path: "/usr/bin/python3"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	stop := p.Stops["web"]
	if stop.Program == "" {
		t.Fatalf("%q is not known", command)
	}
	return slipway.Process{
		Name: "web", Command: command, GraceSeconds: stop.GraceSeconds, StopSignal: stop.Signal, LastSignal: stop.LastSignal, BehindShell: stop.Behind, Env: stop.Env, Options: stop.Options,
	}
}

// TestListensAndNeverAnswers: a server whose workers can't start is not taken for
// healthy by its socket, where no path is known to ask.
func TestListensAndNeverAnswers(t *testing.T) {
	b := newBench(t)
	d := b.deployment(1, "one", map[string]string{"MODE": "mute"})
	d.Manifest.Health = slipway.Health{TimeoutSeconds: 1}
	if log, err := b.deploy(d); slipway.CodeOf(err) != slipway.Refused {
		t.Errorf("%v\n%s", err, log)
	}
	d = b.deployment(2, "two", map[string]string{"MODE": "host"}) // answers 400
	d.Manifest.Health = slipway.Health{TimeoutSeconds: 5}
	b.must(d)
}

// TestServesElsewhere: a program that serves at a port of its own isn't waited for until
// its time is over; one that has only metrics at another port is.
func TestServesElsewhere(t *testing.T) {
	b := newBench(t)
	d := b.deployment(1, "one", map[string]string{"MODE": "elsewhere"})
	d.Manifest.Health.TimeoutSeconds = 60
	if _, err := b.deploy(d); slipway.CodeOf(err) != slipway.Refused || !strings.Contains(err.Error(), "web.1 does not answer: it listens on port ") || !strings.Contains(err.Error(), "let it take its port from the variable PORT") {
		t.Errorf("%v", err)
	}
	d = b.deployment(2, "two", map[string]string{"MODE": "metrics"})
	d.Manifest.Health.TimeoutSeconds = 60
	go func() {
		b.eventually("the port with metrics was asked for longer than another one would be", func() bool { return len(b.noted("metrics")) > 6 })
		b.touch("go")
	}()
	b.must(d)
	if _, body, _ := b.ask(); !strings.HasPrefix(body, "two ") {
		t.Errorf("%q", body)
	}
}

// TestAskedOnce: the next agent doesn't repeat a stop signal within the grace, which to
// many programs says that they shall drop what they have.
func TestAskedOnce(t *testing.T) {
	b := emptyBench(t)
	b.spawn()
	d := b.deployment(1, "one", map[string]string{"MODE": "late"})
	worker := process("worker", 1)
	worker.GraceSeconds = 60
	d.Manifest.Processes = append(d.Manifest.Processes, worker)
	b.must(d)
	b.eventually("the worker has started", func() bool { return len(b.noted("order")) == 1 })
	go func() { _ = b.node.Revert(context.Background(), d, io.Discard) }()
	asked := func() int { return strings.Count(b.file("logs/shop/dev/1.worker.1.log"), "finishing one") }
	b.eventually("the worker was asked to end", func() bool { return asked() == 1 })
	b.killed()
	b.spawn()
	if got := asked(); got != 1 {
		t.Errorf("it was asked %d times", got)
	}
	b.touch("go")
	b.eventually("the worker has ended", func() bool { return len(b.alive("worker", "one")) == 0 })
	b.eventually("what it wrote last is in its log", func() bool { return strings.Contains(b.file("logs/shop/dev/1.worker.1.log"), "finished one") })
	if got := asked(); got != 1 {
		t.Errorf("it was asked %d times", got)
	}
}

// TestDownTakesTheLongestGrace: everything is stopped side by side, also what ignores its
// stop signal and its last one, and a request that hangs holds nothing up.
func TestDownTakesTheLongestGrace(t *testing.T) {
	b := newBench(t)
	for id, word := range []string{"one", "two", "three"} { // the last is another service
		d := b.deployment(id+1, word, map[string]string{"MODE": "stubborn"})
		d.Manifest.Processes[0].GraceSeconds, d.Manifest.Processes[0].LastSignal, d.Manifest.Processes[0].Instances = 4, "TERM", 2
		if word == "three" {
			d.Service, d.Manifest.Processes[0].GraceSeconds = "depot", 3
		}
		b.must(d)
	}
	hangs := make(chan int, 1)
	go func() { status, _, _ := b.get("/slow"); hangs <- status }()
	b.eventually("a request hangs", func() bool { return len(b.noted("slow")) == 1 })
	began := time.Now()
	if err := b.node.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	b.closed()
	if took := time.Since(began); took < 4*time.Second || took > 6*time.Second {
		t.Errorf("it took %s, where the longest grace is 4s", took)
	}
	if left := append(b.alive("web", "one"), append(b.alive("web", "two"), b.alive("web", "three")...)...); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	<-hangs
	b.open()
}

// TestLastSignal: what does not end by its stop signal gets the last one before it is
// killed.
func TestLastSignal(t *testing.T) {
	b := newBench(t)
	d := b.deployment(1, "one", map[string]string{"MODE": "stubborn"})
	d.Manifest.Processes[0].GraceSeconds, d.Manifest.Processes[0].LastSignal = 1, "QUIT"
	b.must(d)
	b.revert(d)
	b.eventually("the service's log says how it ended", func() bool {
		return strings.Contains(b.file("logs/shop/dev/1.web.1.log"), "[slipway] web.1 had not ended 500ms after SIGTERM, and ended by SIGQUIT")
	})
}
