package node_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/node"
)

// service answers with a word and its pid; what it does instead is in MODE.
const service = `import http.server, os, sys, time
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = ("%s %d %s" % (WORD, os.getpid(), os.environ.get("TOKEN", ""))).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *a): print("asked", os.environ.get("TOKEN", ""), flush=True)
mode = os.environ.get("MODE", "")
if mode == "exit": sys.exit(3)
port = 0 if mode == "elsewhere" else int(os.environ["PORT"])
if mode == "deaf":
    time.sleep(600)
http.server.ThreadingHTTPServer(("127.0.0.1", port), H).serve_forever()
`

type bench struct {
	t    *testing.T
	data string
	edge string
	node *node.Node
}

func newBench(t *testing.T) *bench {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, data: t.TempDir(), edge: l.Addr().String()}
	_ = l.Close()
	b.open()
	t.Cleanup(func() {
		if err := b.node.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		b.node.Close()
	})
	return b
}

func (b *bench) open() {
	b.t.Helper()
	n, err := node.Open(node.Options{
		Data: b.data, Edge: b.edge,
		Secrets: func(context.Context, slipway.SecretRef) (slipway.Secret, error) {
			return slipway.NewSecret("t0p-secret"), nil
		},
		Expand: func(command string, env func(string) string) ([]string, error) {
			return strings.Fields(os.Expand(command, env)), nil
		},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.node = n
}

// deployment makes an artifact that answers with word, and a deployment of it.
func (b *bench) deployment(id int, word string, env map[string]string) slipway.Deployment {
	b.t.Helper()
	dir := filepath.Join(b.data, "artifacts", word)
	python, err := exec.LookPath("python3")
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "source"), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "venv", "bin"), 0o755); err != nil {
		b.t.Fatal(err)
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
			Dir: ".", Processes: []slipway.Process{{Name: "web", Command: python + " app.py", Instances: 1, GraceSeconds: 2}},
			Health: slipway.Health{Path: "/", TimeoutSeconds: 5}, ReleaseCommand: "sh -c exit${IFS}0",
		},
		Config: slipway.Snapshot{Digest: slipway.Digest(text), Env: values},
	}
}

func (b *bench) deploy(d slipway.Deployment) (string, error) {
	var log bytes.Buffer
	err := b.node.Deploy(context.Background(), d, &log)
	return log.String(), err
}

func (b *bench) ask() (status int, body, from string) {
	req, err := http.NewRequest(http.MethodGet, "http://"+b.edge+"/", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Host = "shop.dev.localhost"
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error(), ""
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(text), res.Header.Get(slipway.ReleaseHeader)
}

func TestDeploySwitchAndWarmRollback(t *testing.T) {
	b := newBench(t)
	one, two := b.deployment(1, "one", nil), b.deployment(2, "two", nil)
	for _, d := range []slipway.Deployment{one, two} {
		if log, err := b.deploy(d); err != nil {
			t.Fatalf("%v\n%s", err, log)
		}
	}
	if status, body, from := b.ask(); status != 200 || !strings.HasPrefix(body, "two ") || from != "2" || !strings.HasSuffix(body, " t0p-secret") {
		t.Fatalf("%d %q from %q", status, body, from)
	}
	if _, err := b.deploy(one); slipway.CodeOf(err) != slipway.Conflict {
		t.Errorf("an older deployment: %v", err)
	}
	back := one
	back.ID, back.Fence = "3", 3
	began := time.Now()
	log, err := b.deploy(back)
	if err != nil || !strings.Contains(log, "still warm") || time.Since(began) > time.Second {
		t.Fatalf("after %s: %v\n%s", time.Since(began), err, log)
	}
	if _, body, from := b.ask(); !strings.HasPrefix(body, "one ") || from != "3" {
		t.Fatalf("%q from %q", body, from)
	}
	if err := b.node.Revert(context.Background(), back, io.Discard); err != nil {
		t.Fatal(err)
	}
	if _, body, _ := b.ask(); !strings.HasPrefix(body, "two ") {
		t.Fatalf("after the revert: %q", body)
	}
	var logs bytes.Buffer
	if err := b.node.Logs(context.Background(), slipway.LogQuery{Service: "shop", Environment: "dev"}, &logs); err != nil || !strings.Contains(logs.String(), "asked [secret]") || strings.Contains(logs.String(), "t0p") {
		t.Errorf("%v\n%s", err, logs.String())
	}
	if err := b.node.Remove(context.Background(), "shop", "dev"); err != nil {
		t.Fatal(err)
	}
	if status, _, _ := b.ask(); status != 404 {
		t.Errorf("a removed service answers %d", status)
	}
}

func TestBadDeploysKeepTheOld(t *testing.T) {
	b := newBench(t)
	if log, err := b.deploy(b.deployment(1, "one", nil)); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	for id, c := range []struct{ mode, says string }{
		{"exit", "exited with code 3"}, {"elsewhere", "listens on port"}, {"deaf", "never listened"},
	} {
		_, err := b.deploy(b.deployment(id+2, "bad"+c.mode, map[string]string{"MODE": c.mode}))
		if slipway.CodeOf(err) != slipway.Refused || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.mode, err)
		}
		if _, body, _ := b.ask(); !strings.HasPrefix(body, "one ") {
			t.Errorf("%s: %q", c.mode, body)
		}
	}
}

// TestTheNextAgentAdopts closes the agent and opens another: the same process answers.
func TestTheNextAgentAdopts(t *testing.T) {
	b := newBench(t)
	if log, err := b.deploy(b.deployment(1, "one", nil)); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	_, before, _ := b.ask()
	b.node.Close()
	b.open()
	if _, after, _ := b.ask(); after != before {
		t.Errorf("%q answers, before it was %q", after, before)
	}
}
