package targettest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
)

// source answers every request with its word, its pid, a plain setting and a
// secret; what it does instead is in MODE.
const source = `import http.server, os, sys, time
role, mode = sys.argv[1], os.environ.get("MODE", "")
if role == "release":
    path = os.path.join(os.environ["SLIPWAY_DATA"], "released")
    with open(path, "a") as f: f.write(WORD + "\n")
    print("released", sum(1 for line in open(path) if line == WORD + "\n"), "times with", os.environ["TOKEN"], flush=True)
    sys.exit(int(mode or 0))
print("starting", role, WORD, os.environ["TOKEN"], flush=True)
if mode == "broken": sys.exit("no: " + os.environ["TOKEN"])
if role == "worker" and mode == "dies":
    end = time.process_time() + 2.5 # busy, as with its imports, however little it gets
    while time.process_time() < end: pass
    sys.exit("no broker")
if role == "worker" or mode == "slow":
    while True: time.sleep(60)
class H(http.server.BaseHTTPRequestHandler):
    protocol_version, wbufsize = "HTTP/1.1", 65536
    def do_GET(self):
        if mode in ("refuses", "raises"):
            if mode == "raises": print("Traceback (most recent call last):\n  File x.py\nshop.errors.StockError: none of", os.environ["TOKEN"], flush=True)
            self.send_response(400 if mode == "refuses" else 500); self.send_header("Content-Length", "0"); self.end_headers(); return
        body = " ".join([WORD, str(os.getpid()), os.environ.get("COLOUR", ""), os.environ["TOKEN"]]).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *a): sys.stdout.write("asked %s\n" % self.path) # in one piece, or threads' get mixed
http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), H).serve_forever()
`

// suite is one case's target with the deployments that it makes.
type suite struct {
	*testing.T
	Bench
	artifacts map[string]slipway.Digest
}

// deployment of a release that answers with word.
func (s *suite) deployment(id int, word, mode string) slipway.Deployment {
	s.Helper()
	if s.artifacts[word] == "" {
		dir := s.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "app.py"), []byte("WORD = "+strconv.Quote(word)+"\n"+source), 0o644); err != nil {
			s.Fatal(err)
		}
		s.artifacts[word] = s.Artifact(s.T, dir)
	}
	return slipway.Deployment{
		ID: strconv.Itoa(id), Fence: int64(id), Service: "shop", Environment: "dev", Release: id, Artifact: s.artifacts[word],
		Manifest: slipway.Manifest{
			Dir: ".", Health: slipway.Health{Path: "/", TimeoutSeconds: 20}, ReleaseCommand: s.Python + " app.py release",
			Processes: []slipway.Process{{Name: "web", Command: s.Python + " app.py web", Instances: 1, GraceSeconds: 2}},
		},
		Config: slipway.Snapshot{Digest: slipway.Digest("sha256:" + word + mode), Env: map[string]slipway.ConfigValue{
			"TOKEN": {Secret: s.Secret}, "COLOUR": {Value: "blue"}, "MODE": {Value: mode},
		}},
	}
}

func (s *suite) deploy(d slipway.Deployment) string {
	s.Helper()
	var log bytes.Buffer
	if err := s.Target.Deploy(context.Background(), d, &log); err != nil {
		s.Fatalf("deploy %s: %v\n%s", d.ID, err, log.String())
	}
	return log.String()
}

func (s *suite) observe(d slipway.Deployment) slipway.Observed {
	s.Helper()
	o, err := s.Target.Observe(context.Background(), d.Service, d.Environment)
	if err != nil {
		s.Fatal(err)
	}
	return o
}

// ask sends a request as the verifier does.
func (s *suite) ask(o slipway.Observed) (status int, body, from string) {
	s.Helper()
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	req, err := http.NewRequest(http.MethodGet, o.Edge+"/", nil)
	if err != nil {
		s.Fatal(err)
	}
	req.Host = o.Host
	res, err := client.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.Fatal(err)
	}
	return res.StatusCode, string(text), res.Header.Get(slipway.ReleaseHeader)
}

// serves wants a deployment to have the traffic, said and seen.
func (s *suite) serves(d slipway.Deployment, word string) {
	s.Helper()
	o := s.observe(d)
	if o.Deployment != d.ID || o.Release != d.Release || o.Artifact != d.Artifact || o.Config != d.Config.Digest {
		s.Errorf("%q has the traffic (release %d, %s), not %q", o.Deployment, o.Release, o.Artifact, d.ID)
	}
	for _, i := range o.Instances {
		if i.State != slipway.InstanceHealthy || i.StartedAt.IsZero() {
			s.Errorf("%+v", i)
		}
	}
	if status, body, from := s.ask(o); status != http.StatusOK || from != d.ID || !strings.HasPrefix(body, word+" ") || !strings.HasSuffix(body, " blue "+s.Value) {
		s.Errorf("%d %q from %q, not %s of %s", status, body, from, word, d.ID)
	}
}

// logs reads the service's output.
func (s *suite) logs(q slipway.LogQuery) string {
	s.Helper()
	var out bytes.Buffer
	if err := s.Target.Logs(context.Background(), q, &out); err != nil {
		s.Fatal(err)
	}
	return out.String()
}

// eventually waits for a state, with a deadline.
func (s *suite) eventually(what string, ok func() bool) {
	s.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for !ok() {
		select {
		case <-poll.C:
		case <-deadline.C:
			s.Fatalf("waited in vain until %s", what)
		}
	}
}

// refused wants an error of a code whose sentence says something.
func (s *suite) refused(err error, code slipway.Code, says string) {
	s.Helper()
	if slipway.CodeOf(err) != code || !strings.Contains(fmt.Sprint(err), says) {
		s.Errorf("%s %v, not %s with %q", slipway.CodeOf(err), err, code, says)
	}
	if strings.Contains(fmt.Sprint(err), s.Value) {
		s.Errorf("a secret in %v", err)
	}
}

// output may be read while it is written.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}
