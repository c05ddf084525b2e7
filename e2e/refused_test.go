package e2e

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// plain is a service without any dependency, which is there in no time.
var plain = map[string]string{"Procfile": "web: python app.py\n", "app.py": `import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        text = str(os.getpid()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args):
        pass

class Server(ThreadingHTTPServer):
    request_queue_size = 256

Server(("127.0.0.1", int(os.environ["PORT"])), Answer).serve_forever()
`}

// clients ask a service without pause and count what becomes of it: half of them keep
// their connection, half make one for each request.
type clients struct {
	answered, refused, cut, other atomic.Int64
	longest                       atomic.Int64 // that one waited for an answer
	first                         atomic.Value // what else went wrong first
	stop                          func()
}

func (c *clients) String() string {
	text := fmt.Sprintf("%d answered, %d refused, %d cut, %d otherwise failed, longest wait %s", c.answered.Load(), c.refused.Load(), c.cut.Load(), c.other.Load(), time.Duration(c.longest.Load()).Round(time.Millisecond))
	if first := c.first.Load(); first != nil {
		text += fmt.Sprintf(" (%v)", first)
	}
	return text
}

func startClients(edge, host string, number int) *clients {
	c := &clients{}
	over := make(chan struct{})
	var all sync.WaitGroup
	for n := range number {
		all.Go(func() {
			var conn net.Conn
			var r *bufio.Reader
			for {
				select {
				case <-over:
					if conn != nil {
						_ = conn.Close()
					}
					return
				default:
				}
				began := time.Now()
				if conn == nil {
					var err error
					if conn, err = net.DialTimeout("tcp", edge, time.Minute); err != nil {
						conn = nil
						c.count(err)
						continue
					}
					r = bufio.NewReader(conn)
				}
				keeps, err := ask(conn, r, host)
				if took := int64(time.Since(began)); took > c.longest.Load() {
					c.longest.Store(took) // of two at once either will do
				}
				c.count(err)
				if !keeps || n%2 == 1 {
					_ = conn.Close()
					conn = nil
				}
			}
		})
	}
	c.stop = func() { close(over); all.Wait() }
	return c
}

func ask(conn net.Conn, r *bufio.Reader, host string) (keeps bool, err error) {
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: "+host+"\r\n\r\n"); err != nil {
		return false, err
	}
	answer, err := http.ReadResponse(r, nil)
	if err != nil {
		return false, err
	}
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return false, err
	}
	if answer.StatusCode != http.StatusOK {
		return false, fmt.Errorf("status %d", answer.StatusCode)
	}
	return !answer.Close, nil
}

func (c *clients) count(err error) {
	switch {
	case err == nil:
		c.answered.Add(1)
		return
	case errors.Is(err, syscall.ECONNREFUSED):
		c.refused.Add(1)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		c.cut.Add(1)
	default:
		c.other.Add(1)
	}
	c.first.CompareAndSwap(nil, err.Error())
}

// more waits until many more were answered.
func (c *clients) more(s *site, many int64) {
	s.t.Helper()
	want := c.answered.Load() + many
	s.eventually(patience, "clients are answered", func() bool { return c.answered.Load() >= want })
}

// agent is the pid of the node agent that announced itself last; 0 when none did.
func (s *site) agent() int {
	var status struct {
		PID int `json:"pid"`
	}
	text, err := os.ReadFile(filepath.Join(s.data, "node", "node.json"))
	if err == nil {
		_ = json.Unmarshal(text, &status)
	}
	return status.PID
}

// holders are the processes that hold the edge's sockets.
func (s *site) holders() (found []string) {
	for _, p := range processesMentioning(s.data) {
		if _, command, _ := strings.Cut(p, " "); strings.HasPrefix(command, "slipway-sockets ") {
			found = append(found, p)
		}
	}
	return found
}

// killAgents kills the node agent again and again under clients, and returns what became
// of these.
func (s *site) killAgents(kills int) *clients {
	s.t.Helper()
	c := startClients(s.edge, "plain.dev.localhost", 8)
	defer c.stop()
	for range kills {
		c.more(s, 50)
		before := s.agent()
		if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
			s.t.Fatal(err)
		}
		s.eventually(patience, "another agent is there", func() bool { now := s.agent(); return now != 0 && now != before })
	}
	c.more(s, 50)
	return c
}

// newPlainSite has a platform with the plain service in dev.
func newPlainSite(t testing.TB) *site {
	t.Helper()
	s := newSite(t)
	s.start()
	s.must("service", "add", newRepository(t, plain).url(), "--name", "plain")
	s.must("promote", "plain", "--follow")
	return s
}

// TestTheEdgeRefusesNobody: whoever connects while the node agent is dead, or while one
// of a newer program takes over, waits and is answered; and nothing stays when all ends.
func TestTheEdgeRefusesNobody(t *testing.T) {
	t.Parallel()
	s := newPlainSite(t)
	_, serves := s.get("plain", "dev", "/")
	killed := s.killAgents(5)
	t.Logf("5 kills of the agent: %s", killed)
	if killed.refused.Load() > 0 || killed.other.Load() > 0 {
		t.Errorf("killed: %s", killed)
	}

	// Without its holder an agent finds another one.
	held := s.holders()
	if len(held) != 1 {
		t.Fatalf("the sockets are held by %v", held)
	}
	killFound(t, held[0])
	s.eventually(patience, "another process holds the sockets", func() bool { now := s.holders(); return len(now) == 1 && now[0] != held[0] })
	if again := s.killAgents(1); again.refused.Load() > 0 {
		t.Errorf("killed after its holder: %s", again)
	}

	// Another program, as after an upgrade.
	before := s.agent()
	c := startClients(s.edge, "plain.dev.localhost", 8)
	c.more(s, 50)
	_ = s.up.Process.Signal(syscall.SIGTERM)
	_ = s.up.Wait()
	newer := filepath.Join(t.TempDir(), "slipway")
	if out, err := exec.Command("cp", binary, newer).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	s.startAs(newer)
	c.more(s, 50)
	c.stop()
	t.Logf("a newer program: %s", c)
	if c.refused.Load()+c.cut.Load()+c.other.Load() > 0 {
		t.Errorf("a newer program: %s", c)
	}
	if now, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", s.agent())); err != nil || now != newer {
		t.Errorf("the agent is %s: %v", now, err)
	}
	s.eventually(patience, "the agent before has left", func() bool { return errors.Is(syscall.Kill(before, 0), syscall.ESRCH) })
	if _, now := s.get("plain", "dev", "/"); now != serves {
		t.Errorf("process %s answers, and before it was %s", now, serves)
	}

	s.must("down")
	if held := s.holders(); len(held) > 0 {
		t.Errorf("left behind: %v", held)
	}
	if _, err := net.Dial("tcp", s.edge); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("after down: %v", err)
	}
}

// TestDownEndsWhatIsHeld: with platform and agent killed, those who connect to the edge
// wait; down ends that at once, and another address is no obstacle.
func TestDownEndsWhatIsHeld(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	s.kill()
	_ = syscall.Kill(s.agent(), syscall.SIGKILL)
	conn, err := net.Dial("tcp", s.edge)
	if err != nil {
		t.Fatalf("with the agent killed: %v", err)
	}
	defer conn.Close()
	// The same port of every address, which the holder has a part of.
	before := s.edge
	_, port, _ := net.SplitHostPort(s.edge)
	s.edge = "0.0.0.0:" + port
	s.start()
	if held := s.holders(); len(held) != 1 {
		t.Errorf("the sockets are held by %v", held)
	}
	if status, _, err := edgeGet(before, "nobody", "dev", "/"); status != http.StatusNotFound {
		t.Errorf("at the other address: %d %v", status, err)
	}
	s.kill()
	_ = syscall.Kill(s.agent(), syscall.SIGKILL)
	s.must("down")
	if held := s.holders(); len(held) > 0 {
		t.Errorf("left behind: %v", held)
	}
	if _, err := net.Dial("tcp", before); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("after down: %v", err)
	}
}
