// Package e2e tries the product as its users do: the real binary, real git
// repositories, real Python, kills and restarts.
package e2e

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
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/addresstest"
	"github.com/slipway-dev/slipway/internal/postgrestest"
)

// binary is the program under test: built once with the race detector, or the
// one that SLIPWAY_BINARY names.
var binary string

func TestMain(m *testing.M) {
	if binary = os.Getenv("SLIPWAY_BINARY"); binary != "" {
		code := m.Run()
		postgrestest.Stop()
		os.Exit(code)
	}
	dir, err := os.MkdirTemp("", "slipway-e2e-")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "slipway")
	for _, command := range [][]string{ // as in the Makefile
		{"make", "-s", "-C", "..", "holder"},
		{"go", "build", "-race", "-gcflags=modernc.org/sqlite/lib=-race=false", "-tags", "embedholder", "-o", binary, "../cmd/slipway"},
	} {
		build := exec.Command(command[0], command[1:]...)
		build.Stdout, build.Stderr = os.Stderr, os.Stderr
		if err := build.Run(); err != nil {
			fmt.Fprintln(os.Stderr, "build the program:", err)
			os.Exit(1)
		}
	}
	code := m.Run()
	postgrestest.Stop()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// site is one data directory with a platform on it.
type site struct {
	t            testing.TB
	data         string
	listen, edge string
	database     string   // "" for SQLite
	settings     []string // of the platform, as NAME=VALUE
	up           *exec.Cmd
	upLog        *buffer
}

// buffer is a bytes.Buffer that two goroutines may use.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) { b.mu.Lock(); defer b.mu.Unlock(); return b.b.Write(p) }
func (b *buffer) String() string              { b.mu.Lock(); defer b.mu.Unlock(); return b.b.String() }

// newSite makes a data directory; everything on it is stopped when the test ends.
func newSite(t testing.TB) *site {
	t.Helper()
	s := &site{t: t, data: t.TempDir(), listen: addresstest.Free(t), edge: addresstest.Free(t)}
	t.Cleanup(func() {
		if t.Failed() {
			if log, err := os.ReadFile(filepath.Join(s.data, "node", "agent.log")); err == nil {
				t.Logf("node agent:\n%s", tail(string(log), 60))
			}
			if s.upLog != nil {
				t.Logf("platform:\n%s", tail(s.upLog.String(), 60))
			}
		}
		s.run("down")
		if s.up != nil {
			_ = s.up.Wait()
		}
		s.unraced()
		if left := processesMentioning(s.data); len(left) > 0 {
			t.Errorf("left behind after down: %v", left)
		}
	})
	return s
}

// unraced fails the test where the race detector has found something in the platform or in
// the node agent: neither ends for that, so nothing else would tell.
func (s *site) unraced() {
	agent, _ := os.ReadFile(filepath.Join(s.data, "node", "agent.log")) // there may be none
	said := string(agent)
	if s.upLog != nil {
		said += s.upLog.String()
	}
	if _, race, found := strings.Cut(said, "WARNING: DATA RACE"); found {
		s.t.Errorf("a data race: %.8000s", race)
	}
}

// portal is where people open it.
func (s *site) portal() string {
	_, port, err := net.SplitHostPort(s.listen)
	if err != nil {
		s.t.Fatal(err)
	}
	return "http://slipway.localhost:" + port
}

// start runs `slipway up` and waits until the API is ready.
func (s *site) start(flags ...string) { s.t.Helper(); s.startAs(binary, flags...) }

// startAs is start with another file of the program.
func (s *site) startAs(binary string, flags ...string) {
	s.t.Helper()
	s.unraced() // until now
	s.upLog = &buffer{}
	s.up = exec.Command(binary, append([]string{"up", "--data", s.data, "--listen", s.listen, "--edge", s.edge, "--repositories", os.TempDir()}, flags...)...)
	s.up.Stdout, s.up.Stderr = s.upLog, s.upLog
	s.up.Env = append(append(os.Environ(), "SLIPWAY_DATABASE="+s.database), s.settings...)
	if err := s.up.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.ready()
}

// ready waits until the API answers.
func (s *site) ready() {
	s.t.Helper()
	s.eventually(patience, "the platform is ready", func() bool {
		answer, err := http.Get("http://" + s.listen + "/readyz")
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
}

// kill ends the platform's process as a power cut would.
func (s *site) kill() {
	s.t.Helper()
	_ = s.up.Process.Signal(syscall.SIGKILL)
	_ = s.up.Wait()
}

// result is what a command printed and how it ended.
type result struct {
	code     int
	out, err string
}

// run runs a command against the site's data directory.
func (s *site) run(args ...string) result { return s.runWith("", args...) }

func (s *site) runWith(stdin string, args ...string) result {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, append([]string{"--data", s.data}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		s.t.Fatalf("slipway %s: %v", strings.Join(args, " "), err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// must runs a command that has to end well, and returns what it printed.
func (s *site) must(args ...string) string {
	s.t.Helper()
	r := s.run(args...)
	if r.code != 0 {
		s.t.Fatalf("slipway %s: exit %d\n%s%s", strings.Join(args, " "), r.code, r.out, r.err)
	}
	return r.out
}

// decode runs a command with --json and reads what it prints.
func (s *site) decode(into any, args ...string) {
	s.t.Helper()
	out := s.must(append([]string{"--json"}, args...)...)
	if err := json.Unmarshal([]byte(out), into); err != nil {
		s.t.Fatalf("slipway %s --json: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// refuses runs a command that has to fail with a code and a sentence.
func (s *site) refuses(code int, sentence string, args ...string) {
	s.t.Helper()
	r := s.run(args...)
	if r.code != code || !strings.Contains(r.out+r.err, sentence) {
		s.t.Fatalf("slipway %s: exit %d, want %d with %q\n%s%s", strings.Join(args, " "), r.code, code, sentence, r.out, r.err)
	}
}

// get asks a service through the edge.
func (s *site) get(service, environment, path string) (status int, body string) {
	s.t.Helper()
	status, body, err := edgeGet(s.edge, service, environment, path)
	if err != nil {
		s.t.Fatal(err)
	}
	return status, body
}

func edgeGet(edge, service, environment, path string) (int, string, error) {
	req, err := http.NewRequest(http.MethodGet, "http://"+edge+path, nil)
	if err != nil {
		return 0, "", err
	}
	req.Host = service + "." + environment + ".localhost"
	answer, err := (&http.Client{Timeout: time.Minute}).Do(req)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	return answer.StatusCode, string(text), err
}

// patience is how long a test waits for a state before it says that it never
// comes. It measures nothing: a machine may be busy with other tests.
const patience = 3 * time.Minute

// eventually waits on a state.
func (s *site) eventually(within time.Duration, what string, reached func() bool) {
	s.t.Helper()
	deadline := time.After(within)
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for !reached() {
		select {
		case <-deadline:
			s.t.Fatalf("not within %s: %s", within, what)
		case <-poll.C:
		}
	}
}

// repository is a real git repository of a test.
type repository struct {
	t   testing.TB
	dir string
}

// newRepository makes one with the given files.
func newRepository(t testing.TB, files map[string]string) *repository {
	t.Helper()
	r := &repository{t, t.TempDir()}
	r.git("init", "-q", "-b", "main")
	r.commit("first", files)
	return r
}

// exampleRepository makes one of an example service.
func exampleRepository(t testing.TB, name string) *repository {
	t.Helper()
	r := &repository{t, t.TempDir()}
	if err := os.CopyFS(r.dir, os.DirFS(filepath.Join("..", "examples", name))); err != nil {
		t.Fatal(err)
	}
	r.git("init", "-q", "-b", "main")
	r.commit("first", nil)
	return r
}

func (r *repository) url() string { return "file://" + r.dir }

// commit writes files (an empty text removes one) and commits everything.
func (r *repository) commit(message string, files map[string]string) string {
	r.t.Helper()
	for name, text := range files {
		path := filepath.Join(r.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			r.t.Fatal(err)
		}
		if text == "" {
			_ = os.Remove(path)
			continue
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			r.t.Fatal(err)
		}
	}
	r.git("add", "--all")
	r.git("-c", "user.name=Ada", "-c", "user.email=ada@team.example", "commit", "-q", "--allow-empty", "-m", message)
	return r.git("rev-parse", "HEAD")
}

func (r *repository) git(args ...string) string {
	r.t.Helper()
	out, err := exec.Command("git", append([]string{"-C", r.dir}, args...)...).CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// processesMentioning lists processes whose command line or working directory
// lies in dir.
func processesMentioning(dir string) []string {
	var found []string
	entries, _ := filepath.Glob("/proc/[0-9]*")
	for _, e := range entries {
		if filepath.Base(e) == fmt.Sprint(os.Getpid()) {
			continue
		}
		cmdline, _ := os.ReadFile(filepath.Join(e, "cmdline"))
		cwd, _ := os.Readlink(filepath.Join(e, "cwd"))
		if strings.Contains(string(cmdline), dir) || strings.HasPrefix(cwd, dir) {
			found = append(found, filepath.Base(e)+" "+strings.ReplaceAll(string(cmdline), "\x00", " "))
		}
	}
	return found
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(all) > lines {
		all = all[len(all)-lines:]
	}
	return strings.Join(all, "\n")
}
