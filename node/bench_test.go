package node_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/adapters/target"
	"github.com/slipway-dev/slipway/internal/addresstest"
	"github.com/slipway-dev/slipway/node"
	"github.com/slipway-dev/slipway/sandbox"
)

// service answers with a word and its pid; what it does instead is in MODE. What
// its processes do they note in files of the service's data directory.
const service = `import http.server, os, signal, socket, sys, time
data, mode = os.environ["SLIPWAY_DATA"], os.environ.get("MODE", "")
UNREACHED = 'OperationalError: connection to server at "127.0.0.1", port 5432 failed: Connection refused'
def note(name, text):
    f = os.open(os.path.join(data, name), os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    os.write(f, (text + "\n").encode()); os.close(f)
def there(name): return os.path.exists(os.path.join(data, name))
def until(name):
    while not there(name): time.sleep(0.005)
if mode == "unmarked" and "SLIPWAY_INSTANCE" in os.environ:
    del os.environ["SLIPWAY_INSTANCE"]
    os.execve(sys.executable, [sys.executable] + sys.argv, os.environ)
role = sys.argv[1] if len(sys.argv) > 1 else "web"
note("starts", "%s %s %d" % (role, WORD, os.getpid()))
if mode == "stubborn": signal.signal(signal.SIGTERM, signal.SIG_IGN)
def flood():
    piece = os.environ["TOKEN"] * 100000
    for k in range(300): sys.stdout.write(piece)
    sys.stdout.write("\n"); sys.stdout.flush(); note("flooded", WORD)
if role == "release":
    print("migrating with", os.environ.get("TOKEN", ""), flush=True)
    if mode == "flood": flood()
    if mode == "unreached": print(UNREACHED, flush=True)
    if there("hold"): until("go")
    print("migrated", flush=True); note("released", WORD); sys.exit(int(os.environ.get("RELEASE", "0")))
if role != "web":
    def end(sign, frame):
        if mode == "warm": time.sleep(0.5)
        if mode == "late": print("finishing", WORD, flush=True); until("go"); print("finished", WORD, flush=True)
        note("order", "stop %s %s" % (role, WORD)); note("signals", str(sign)); os._exit(0)
    if mode == "pool": # a child that dies of the signal, and whose task is to be ended first
        child = os.fork()
        if child == 0:
            until("go"); note("order", "task done"); os._exit(0)
        def end(sign, frame):
            note("order", "asked"); _, status = os.waitpid(child, 0); note("order", "stop with %d" % status); os._exit(0)
    signal.signal(signal.SIGTERM, end); signal.signal(signal.SIGINT, end)
    note("order", "start %s %s" % (role, WORD))
    if mode == "badbeat" and role == "beat": sys.exit(5)
    while True: signal.pause()
class H(http.server.BaseHTTPRequestHandler):
    protocol_version, wbufsize = "HTTP/1.1", 65536
    def do_GET(self):
        if mode == "host" and "localhost" in self.headers["Host"]: return self.answer(400, "bad host")
        if mode == "rude": return self.answer(400, "Missing \x1b[31m'q'\n\tof " + os.environ["TOKEN"] + "." * 500)
        if self.path == "/headers": return self.answer(200, "".join("%s: %s\n" % h for h in self.headers.items()))
        if self.path == "/flood": flood()
        if self.path == "/exit": self.server.socket.close(); os._exit(4)
        if self.path == "/grow": self.server.ballast = bytearray(os.urandom(1 << 20) * 150)
        if self.path == "/slow": note("slow", WORD); until("go")
        if self.path == "/long": print("x" * 1500000 + os.environ["TOKEN"] + "y" * 1500000 + " end of the long line", flush=True)
        if self.path == "/peer": return self.answer(200, str(self.client_address[1]))
        self.answer(200, "%s %d %s" % (WORD, os.getpid(), os.environ.get("TOKEN", ""))); self.close_connection |= mode == "closes"
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(200, str(self.client_address[1]) if self.path == "/peer" else "done"); self.close_connection = mode == "closes"
    def finish(self):
        if getattr(self, "path", "") == "/peer": note("closed", self.command)
        super().finish()
    def answer(self, status, text):
        body = text.encode()
        self.send_response(status); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    # In one piece: print writes its arguments apart where output isn't buffered, and those of two threads get mixed.
    def log_message(self, *a): sys.stdout.write("asked %s %s\n" % (self.path, os.environ.get("TOKEN", "")))
if mode == "unreached": print(UNREACHED, flush=True)
if mode == "exit": print("no licence for", os.environ["TOKEN"], flush=True)
if mode in ("exit", "unreached") or there("sick-" + WORD): sys.exit(3)
port = 0 if mode == "elsewhere" else int(os.environ["PORT"])
if mode == "deaf": signal.pause()
if mode == "mute":
    s = socket.create_server(("127.0.0.1", port)); signal.pause()
if mode == "metrics": # whose own port is opened last
    import threading
    class M(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            note("metrics", "asked"); self.send_response(200); self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8"); self.end_headers()
    threading.Thread(target=http.server.HTTPServer(("127.0.0.1", 0), M).serve_forever, daemon=True).start(); until("go")
if mode == "unix":
    s = socket.socket(socket.AF_UNIX); s.bind("app.sock"); s.listen(); signal.pause()
class S(http.server.ThreadingHTTPServer):
    request_queue_size, allow_reuse_port = 128, mode == "shared"
print("serving", WORD, flush=True)
S(("127.0.0.1", port), H).serve_forever()
`

// python is the interpreter itself: a version manager's stand-in is slow to start.
var python = sync.OnceValue(func() string {
	out, err := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output()
	if err != nil {
		panic(err)
	}
	return strings.TrimSpace(string(out))
})

// TestMain lets the test binary be a node agent, which a test can kill.
func TestMain(m *testing.M) {
	if data := os.Getenv("NODE_TEST_AGENT"); data != "" {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		n, err := node.Open(options(data, os.Getenv("NODE_TEST_EDGE")))
		if err == nil {
			err = n.Run(ctx)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func options(data, edge string) node.Options {
	return node.Options{
		Data: data, Edge: edge, Readable: sandbox.Interpreter(python()),
		Secrets: func(context.Context, slipway.SecretRef) (slipway.Secret, error) {
			return slipway.NewSecret("t0p-secret"), nil
		},
		Expand: func(command string, env func(string) string) ([]string, error) {
			return strings.Fields(os.Expand(command, env)), nil
		},
	}
}

type agent interface {
	slipway.Target
	slipway.Edge
	slipway.Inventory
	Shutdown(context.Context) error
}

// bench is a node with a service on it.
type bench struct {
	t      *testing.T
	data   string
	edge   string
	memory int64
	space  int64
	verify func(context.Context, slipway.Digest) error
	node   agent
	closed func() // lets the agent go
	killed func() // of one in a process of its own
}

func newBench(t *testing.T) *bench {
	b := emptyBench(t)
	b.open()
	return b
}

func emptyBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, data: t.TempDir(), edge: addresstest.Free(t)}
	t.Cleanup(func() {
		b.touch("go") // whatever waits may end
		if err := b.node.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		b.closed()
	})
	return b
}

// open opens the node in this process.
func (b *bench) open() {
	b.t.Helper()
	o := options(b.data, b.edge)
	o.MaxMemory, o.MaxSpace, o.SpaceEvery = b.memory, b.space, 20*time.Millisecond
	o.Verify, o.CheckEvery = b.verify, 20*time.Millisecond
	n, err := node.Open(o)
	if err != nil {
		b.t.Fatal(err)
	}
	b.node, b.closed = n, n.Close
}

// spawn starts the node in a process of its own.
func (b *bench) spawn() {
	b.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "NODE_TEST_AGENT="+b.data, "NODE_TEST_EDGE="+b.edge)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	client := target.Process(b.data)
	b.node = client
	b.closed = func() { _ = cmd.Process.Signal(syscall.SIGTERM); _ = cmd.Wait() }
	b.killed = func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	b.eventually("the agent answers", func() bool { _, err := client.Status(context.Background()); return err == nil })
}

// deployment makes an artifact that answers with word, and a deployment of it.
func (b *bench) deployment(id int, word string, env map[string]string) slipway.Deployment {
	b.t.Helper()
	dir := filepath.Join(b.data, "artifacts", word)
	for _, sub := range []string{"source", "venv/bin"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			b.t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "source", "app.py"), []byte("WORD = "+fmt.Sprintf("%q", word)+"\n"+service), 0o644); err != nil {
		b.t.Fatal(err)
	}
	values := map[string]slipway.ConfigValue{"TOKEN": {Secret: "sealed://x/TOKEN"}}
	for k, v := range env {
		values[k] = slipway.ConfigValue{Value: v}
	}
	text, err := json.Marshal(values)
	if err != nil {
		b.t.Fatal(err)
	}
	return slipway.Deployment{
		ID: fmt.Sprint(id), Fence: int64(id), Service: "shop", Environment: "dev", Release: id, Artifact: slipway.Digest("sha256:" + word),
		Manifest: slipway.Manifest{
			Dir: ".", Processes: []slipway.Process{process("web", 1)},
			Health: slipway.Health{Path: "/", TimeoutSeconds: 5}, ReleaseCommand: python() + " app.py release",
		},
		Config: slipway.Snapshot{Digest: slipway.Digest(text), Env: values},
	}
}

func process(name string, instances int) slipway.Process {
	return slipway.Process{Name: name, Command: python() + " app.py " + name, Instances: instances, GraceSeconds: 2}
}

func (b *bench) deploy(d slipway.Deployment) (string, error) {
	var log bytes.Buffer
	err := b.node.Deploy(context.Background(), d, &log)
	return log.String(), err
}

func (b *bench) must(d slipway.Deployment) string {
	b.t.Helper()
	log, err := b.deploy(d)
	if err != nil {
		b.t.Fatalf("%v\n%s", err, log)
	}
	return log
}

func (b *bench) ask() (status int, body, from string) { return b.get("/") }

func (b *bench) get(path string) (status int, body, from string) {
	req, err := http.NewRequest(http.MethodGet, "http://"+b.edge+path, nil)
	if err != nil {
		b.t.Error(err)
		return 0, "", ""
	}
	req.Host = "shop.dev.localhost"
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error(), ""
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err.Error(), ""
	}
	return res.StatusCode, string(text), res.Header.Get(slipway.ReleaseHeader)
}

func (b *bench) observe() slipway.Observed {
	b.t.Helper()
	o, err := b.node.Observe(context.Background(), "shop", "dev")
	if err != nil {
		b.t.Fatal(err)
	}
	return o
}

// instance returns what is seen of one instance, empty when it isn't there.
func (b *bench) instance(id string) slipway.Instance {
	b.t.Helper()
	for _, i := range b.observe().Instances {
		if i.ID == id {
			return i
		}
	}
	return slipway.Instance{}
}

func (b *bench) logs() string {
	b.t.Helper()
	var logs bytes.Buffer
	if err := b.node.Logs(context.Background(), slipway.LogQuery{Service: "shop", Environment: "dev"}, &logs); err != nil {
		b.t.Fatal(err)
	}
	return logs.String()
}

// eventually waits for a state, with a deadline.
func (b *bench) eventually(what string, ok func() bool) {
	b.t.Helper()
	deadline := time.NewTimer(2 * time.Minute)
	defer deadline.Stop()
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for !ok() {
		select {
		case <-poll.C:
		case <-deadline.C:
			b.t.Fatalf("waited in vain until %s", what)
		}
	}
}

func (b *bench) inData(name string) string {
	return filepath.Join(b.data, "node", "data", "shop", "dev", name)
}

// touch makes a file that the service looks for.
func (b *bench) touch(name string) {
	if err := os.MkdirAll(filepath.Dir(b.inData(name)), 0o700); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(b.inData(name), nil, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// noted are the lines that the service's processes wrote into a file.
func (b *bench) noted(name string) []string {
	text, err := os.ReadFile(b.inData(name))
	if err != nil || len(text) == 0 { // made, and not yet written
		return nil
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// alive lists the pids of the processes of a role and a word that run.
func (b *bench) alive(role, word string) []int {
	var pids []int
	for _, line := range b.noted("starts") {
		f := strings.Fields(line)
		pid, _ := strconv.Atoi(f[len(f)-1])
		if f[0] != role || f[1] != word {
			continue
		}
		if cmd, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && bytes.Contains(cmd, []byte("app.py")) && !slices.Contains(pids, pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func (b *bench) remove(name string) {
	if err := os.Remove(b.inData(name)); err != nil {
		b.t.Fatal(err)
	}
}

// file reads one of the node's.
func (b *bench) file(name string) string {
	text, err := os.ReadFile(filepath.Join(b.data, "node", name))
	if err != nil {
		b.t.Error(err)
	}
	return string(text)
}

func (b *bench) revert(d slipway.Deployment) string {
	b.t.Helper()
	var log bytes.Buffer
	if err := b.node.Revert(context.Background(), d, &log); err != nil {
		b.t.Fatalf("%v\n%s", err, log.String())
	}
	return log.String()
}
