//go:build long

package e2e

import (
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

var (
	soakFor   = flag.Duration("soak", 5*time.Minute, "how long TestLongSoak goes on: with kills in its first half, without in its second")
	soakTable = flag.String("soak-table", "", "a file that TestLongSoak writes its table to")
)

const (
	soakEvery = 5 * time.Second // from the end of a turn to the next
	soakRows  = 24              // of the table
	soakPeers = 8               // clients that GET, and as many that POST
)

// soaked takes a body, and keeps its connections open.
func soaked(word string) map[string]string {
	return map[string]string{"app.py": `import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.say(str(os.getpid()) if self.path == "/pid" else "` + word + `")

    def do_POST(self):
        self.say(str(len(self.rfile.read(int(self.headers["Content-Length"])))))

    def say(self, text):
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, form, *args):
        print(form % args, flush=True)

class Server(ThreadingHTTPServer):
    request_queue_size = 256

if __name__ == "__main__":
    Server(("127.0.0.1", int(os.environ["PORT"])), Answer).serve_forever()
`}
}

// sample is what the platform takes at one moment.
type sample struct {
	after                           time.Duration
	promotions, kills               int
	platform, agent                 taken
	goroutines                      int // of the platform; the agent's are told at its end
	processes                       int
	databases, work, releases, logs int64 // bytes on disk
}

// taken is what one process has.
type taken struct {
	pid         int
	own         int64 // bytes of memory that are its own, and no file's
	descriptors int
	threads     int
}

// TestLongSoak deploys, rolls back and kills for hours under load, and looks at what stays:
// nobody's request is lost but with the process that held it, and what platform and node
// agent take of memory, descriptors, goroutines and threads is, in the last quarter, what it
// was in the one before. Databases and releases may grow, by as much for each promotion as
// ever: they are the record, and what is younger than a day.
func TestLongSoak(t *testing.T) {
	s := newSite(t)
	s.start()
	files := soaked("zero")
	files["Procfile"] = "web: python app.py\nrelease: python -c pass\n"
	files["test_app.py"] = "import unittest\nclass T(unittest.TestCase):\n    def test_true(self):\n        pass\n"
	files["slipway.yaml"] = "test:\n  command: python -m unittest\n"
	repo := newRepository(t, files)
	s.must("service", "add", repo.url(), "--name", "plug")
	s.must("promote", "plug", "--follow")
	s.must("promote", "plug", "--to", "test", "--follow")
	gets := startPaced(s.edge, "plug", "dev", "/", soakPeers, 40*time.Millisecond)
	posts := startPosts(s.edge, "plug", "dev", "/", soakPeers, 40*time.Millisecond, strings.Repeat("x", 4<<10))

	began := time.Now()
	var all []sample
	kills, promotions, held := 0, 2, 0
	for turn := 1; time.Since(began) < *soakFor; turn++ {
		word := fmt.Sprintf("word-%d", turn)
		repo.commit(word, soaked(word))
		lost := func() int { return len(gets.failed()) + len(posts.failed()) }
		before := lost()
		var p promotion
		s.decode(&p, "promote", "plug")
		var victim *plug
		if time.Since(began) < *soakFor/2 && turn%2 == 1 {
			victim = &plugs[turn/2%len(plugs)]
			victim.pull(s)
			kills++
		}
		s.reached("turn "+word+" is over", &p, func() bool { return over(p.State) })
		promotions++
		if p.State == "failed" && victim != nil && victim.ends {
			s.must("promotion", "retry", id(p), "--follow")
			p.State = "succeeded"
		}
		if p.State != "succeeded" {
			t.Fatalf("turn %d: promotion %d is %s: %s", turn, p.ID, p.State, p.Reason)
		}
		s.eventually(patience, "dev answers "+word, func() bool {
			status, body, err := edgeGet(s.edge, "plug", "dev", "/")
			return err == nil && status == http.StatusOK && body == word
		})
		switch {
		case turn%6 == 3:
			s.must("promote", "plug", "--to", "test", "--follow")
			promotions++
		case turn%6 == 0:
			s.must("rollback", "plug", "--env", "test", "--follow")
			promotions++
		}
		if now := lost(); now > before {
			held += now - before
			if victim == nil || !victim.cut {
				failed := append(gets.failed(), posts.failed()...)
				t.Errorf("turn %d: %d requests failed: %s", turn, now-before, failed[len(failed)-1])
			}
		}
		<-time.After(soakEvery)
		one := s.sampled()
		one.after, one.promotions, one.kills = time.Since(began), promotions, kills
		all = append(all, one)
	}
	gets.stop()
	posts.stop()
	text := fmt.Sprintf("%s, %d promotions and rollbacks, %d kills; %d GETs and %d POSTs, of which %d were lost with what held them.\n\n%s", soakFor, promotions, kills, gets.requests, posts.requests, held, tableOf(all))
	t.Log("\n" + text)
	if *soakTable != "" {
		if err := os.WriteFile(*soakTable, []byte(text), 0o644); err != nil {
			t.Error(err)
		}
	}
	staysFlat(t, all)
	t.Logf("the agent has %d goroutines with nobody connected", s.goroutinesOfAgent())
}

// sampled looks at platform and agent.
func (s *site) sampled() sample {
	s.t.Helper()
	one := sample{platform: takenBy(s.up.Process.Pid), agent: takenBy(s.agent()), processes: len(processesMentioning(s.data))}
	_, metrics := s.ask(s.operator(), "/metrics", "")
	for line := range strings.Lines(metrics) {
		if value, found := strings.CutPrefix(line, "go_goroutines "); found {
			one.goroutines, _ = strconv.Atoi(strings.TrimSpace(value))
		}
	}
	if one.goroutines == 0 {
		s.t.Fatalf("the platform doesn't tell its goroutines: %.300s", metrics)
	}
	_ = filepath.WalkDir(s.data, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil // what is removed meanwhile
		}
		info, err := entry.Info()
		if err != nil {
			return nil
		}
		inside, _ := filepath.Rel(s.data, path)
		switch name := filepath.Base(inside); {
		case strings.Contains(name, ".db"):
			one.databases += info.Size()
		case strings.HasSuffix(name, ".log"):
			one.logs += info.Size()
		case strings.HasPrefix(inside, "work"+string(filepath.Separator)):
			one.work += info.Size()
		default:
			one.releases += info.Size()
		}
		return nil
	})
	return one
}

func takenBy(pid int) taken {
	of := taken{pid: pid}
	process := filepath.Join("/proc", strconv.Itoa(pid))
	text, _ := os.ReadFile(filepath.Join(process, "status"))
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		number, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch name {
		case "RssAnon":
			of.own = number << 10
		case "Threads":
			of.threads = int(number)
		}
	}
	open, _ := os.ReadDir(filepath.Join(process, "fd"))
	of.descriptors = len(open)
	return of
}

// goroutinesOfAgent ends the node agent in the way in which Go's programs tell them all.
func (s *site) goroutinesOfAgent() (n int) {
	s.t.Helper()
	log := filepath.Join(s.data, "node", "agent.log")
	before := s.agent()
	if err := syscall.Kill(before, syscall.SIGQUIT); err != nil {
		s.t.Fatal(err)
	}
	s.eventually(patience, "another agent is there", func() bool { now := s.agent(); return now != 0 && now != before })
	text, err := os.ReadFile(log)
	if err != nil {
		s.t.Fatal(err)
	}
	_, dump, _ := strings.Cut(string(text), "SIGQUIT: quit")
	return strings.Count(dump, "\ngoroutine ")
}

// staysFlat compares the last quarter of the time with the one before, in the middle of
// each: in both nothing was killed.
func staysFlat(t *testing.T, all []sample) {
	t.Helper()
	total := all[len(all)-1].after
	quarter := func(n int) (in []sample) {
		for _, s := range all {
			if s.after > total*time.Duration(n-1)/4 && s.after <= total*time.Duration(n)/4 {
				in = append(in, s)
			}
		}
		return in
	}
	third, last := quarter(3), quarter(4)
	if len(third) < 5 || len(last) < 5 {
		t.Fatalf("%d and %d samples in the last two quarters: take longer", len(third), len(last))
	}
	if third[0].agent.pid != last[len(last)-1].agent.pid || third[0].platform.pid != last[len(last)-1].platform.pid {
		t.Error("platform or agent came anew, and nobody killed them")
	}
	const mib = 1 << 20
	for _, what := range []struct {
		name string
		of   func(sample) int64
		more int64 // than a tenth, that it may vary by
	}{
		{"memory of the platform", func(s sample) int64 { return s.platform.own }, 16 * mib},
		{"memory of the agent", func(s sample) int64 { return s.agent.own }, 8 * mib},
		{"descriptors of the platform", func(s sample) int64 { return int64(s.platform.descriptors) }, 5},
		{"descriptors of the agent", func(s sample) int64 { return int64(s.agent.descriptors) }, 5},
		{"threads of the platform", func(s sample) int64 { return int64(s.platform.threads) }, 4},
		{"threads of the agent", func(s sample) int64 { return int64(s.agent.threads) }, 4},
		{"goroutines of the platform", func(s sample) int64 { return int64(s.goroutines) }, 50},
		{"processes", func(s sample) int64 { return int64(s.processes) }, 1},
		{"working directory", func(s sample) int64 { return s.work }, mib},
	} {
		was, is := middleOf(third, what.of), middleOf(last, what.of)
		if is > was+was/10+what.more {
			t.Errorf("%s: %d in the third quarter, %d in the last", what.name, was, is)
		}
	}
	for _, what := range []struct {
		name string
		of   func(sample) int64
	}{
		{"databases", func(s sample) int64 { return s.databases }},
		{"releases", func(s sample) int64 { return s.releases }},
		{"logs", func(s sample) int64 { return s.logs }},
	} {
		grown := func(in []sample) int64 {
			from, to := in[0], in[len(in)-1]
			return (what.of(to) - what.of(from)) / int64(max(1, to.promotions-from.promotions))
		}
		was, is := grown(third), grown(last)
		t.Logf("%s: %d bytes more with each promotion in the third quarter, %d in the last", what.name, was, is)
		if is > was+was/2+32<<10 {
			t.Errorf("%s grow by %d bytes with a promotion, and by %d before", what.name, is, was)
		}
	}
}

func middleOf(in []sample, of func(sample) int64) int64 {
	var values []int64
	for _, s := range in {
		values = append(values, of(s))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// tableOf is a row for each part of the time: the last sample in it.
func tableOf(all []sample) string {
	var b strings.Builder
	b.WriteString("| minute | promotions | kills | platform: MiB, descriptors, threads, goroutines | agent: MiB, descriptors, threads | processes | databases, MiB | releases, MiB | logs, MiB | in work, MiB |\n|---|---|---|---|---|---|---|---|---|---|\n")
	total, row := all[len(all)-1].after, 1
	for _, s := range all {
		if s.after < total*time.Duration(row)/soakRows {
			continue
		}
		row++
		mib := func(n int64) string { return fmt.Sprintf("%.1f", float64(n)/(1<<20)) }
		fmt.Fprintf(&b, "| %.0f | %d | %d | %s, %d, %d, %d | %s, %d, %d | %d | %s | %s | %s | %s |\n", s.after.Minutes(), s.promotions, s.kills,
			mib(s.platform.own), s.platform.descriptors, s.platform.threads, s.goroutines, mib(s.agent.own), s.agent.descriptors, s.agent.threads,
			s.processes, mib(s.databases), mib(s.releases), mib(s.logs), mib(s.work))
	}
	return b.String()
}

// startPosts is startPaced with a body, which has to be taken whole.
func startPosts(edge, service, environment, path string, connections int, pause time.Duration, body string) *load {
	return startAsking(connections, pause, func() *http.Request {
		req, _ := http.NewRequest(http.MethodPost, "http://"+edge+path, strings.NewReader(body))
		req.Host = service + "." + environment + ".localhost"
		return req
	}, func(answer *http.Response) error {
		text, err := io.ReadAll(answer.Body)
		if err == nil && string(text) != strconv.Itoa(len(body)) {
			err = fmt.Errorf("%s bytes of %d were taken", text, len(body))
		}
		return err
	})
}
