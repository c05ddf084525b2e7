package e2e

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/postgrestest"
)

var (
	kills      = flag.Int("kills", 10, "how many times TestPullThePlug kills something")
	killSeed   = flag.Uint64("kill-seed", 0, "replays a run of TestPullThePlug; 0 draws one")
	killMatrix = flag.String("kill-matrix", "", "a file that TestPullThePlug writes its matrix to")
)

// plug is something that can be killed, and how it comes back.
type plug struct {
	name string
	pull func(s *site)
	// cut says that requests may fail while it is away: the edge is in it, or it
	// held them.
	cut bool
	// ends says that the promotion may have failed by it: it was the release's own.
	ends bool
}

var plugs = []plug{
	{"control plane, SIGKILL", func(s *site) { s.kill(); s.start() }, false, false},
	{"control plane, stopped past its heartbeat", func(s *site) {
		_ = s.up.Process.Signal(syscall.SIGSTOP)
		<-time.After(6 * time.Second) // heartbeats are missed after five
		_ = s.up.Process.Signal(syscall.SIGCONT)
	}, false, false},
	{"node agent with the edge, SIGKILL", func(s *site) {
		killMentioning(s.t, "node", s.data)
		s.eventually(patience, "the edge answers again", func() bool {
			status, _, err := edgeGet(s.edge, "plug", "dev", "/")
			return err == nil && status == 200
		})
	}, true, false},
	{"a process of a build or of its tests, SIGKILL", func(s *site) {
		for _, found := range processesMentioning(s.data) {
			pid, command, _ := strings.Cut(found, " ")
			if n, err := strconv.Atoi(pid); err == nil && (strings.Contains(command, "unittest") || strings.Contains(command, "uv ")) {
				_ = syscall.Kill(n, syscall.SIGKILL)
			}
		}
	}, false, true},
	{"a serving instance, SIGKILL", func(s *site) {
		if _, text, err := edgeGet(s.edge, "plug", "dev", "/pid"); err == nil {
			var pid int
			if _, err := fmt.Sscan(text, &pid); err == nil {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	}, true, false},
}

// pulled is one kill and what came of it.
type pulled struct {
	step, victim, end string
	resume            time.Duration // from the victim's return until a step is begun, again or as the next one
	away              time.Duration // the same from the kill
}

// plugApp starts at once, says its word, and has a release command and a test that
// take a moment.
func plugApp(word string) map[string]string {
	return map[string]string{
		"app.py": `import http.server, os
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = (str(os.getpid()) if self.path == "/pid" else "` + word + `").encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *a): pass
if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), H).serve_forever()
`,
	}
}

// TestPullThePlug kills whatever there is at random moments of promotions. Each
// promotion ends right by itself, its release command has run once, and the service
// answers throughout, but for what the victim held.
func TestPullThePlug(t *testing.T) {
	seed := *killSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("go test ./e2e -run TestPullThePlug$ -args -kills %d -kill-seed %d", *kills, seed)
	s := newSite(t)
	s.start()
	keepMatrix(t, os.O_TRUNC, fmt.Sprintf(matrixHead, *kills, seed)+pullThePlug(t, s, rand.New(rand.NewPCG(seed, 0)), plugs, *kills))
}

const matrixHead = "# Kill matrix\n\nWritten by `go test ./e2e -run TestPullThe -timeout 3h -args -kills %d -kill-seed %d -kill-matrix docs/kill-matrix.md`. " +
	"What was killed at random moments of promotions, what became of the promotion, and how soon it went on: until a step was begun, the killed one again or the one after what had survived, from the victim's return and from the kill, median and longest.\n\n"

// keepMatrix writes what a run has shown, where that was asked for.
func keepMatrix(t *testing.T, how int, text string) {
	t.Log("\n" + text)
	if *killMatrix == "" {
		return
	}
	f, err := os.OpenFile(*killMatrix, os.O_CREATE|os.O_WRONLY|how, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestPullTheDatabase cuts PostgreSQL at random moments of promotions.
func TestPullTheDatabase(t *testing.T) {
	seed := *killSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	cuts := max(3, *kills/10)
	t.Logf("go test ./e2e -run TestPullTheDatabase -args -kills %d -kill-seed %d", 10*cuts, seed)
	s := newSite(t)
	s.database = postgrestest.URL(t)
	s.start()
	keepMatrix(t, os.O_APPEND, "\nWith rows in PostgreSQL instead of SQLite:\n\n"+pullThePlug(t, s, rand.New(rand.NewPCG(seed, 0)), []plug{{"PostgreSQL, for two seconds", func(s *site) {
		postgrestest.Cut(s.t)
		<-time.After(2 * time.Second)
		postgrestest.Mend(s.t)
		s.ready()
	}, false, false}}, cuts))
}

func pullThePlug(t *testing.T, s *site, random *rand.Rand, plugs []plug, kills int) (matrix string) {
	files := plugApp("zero")
	files["Procfile"] = "web: python app.py\nrelease: python release.py\n"
	files["release.py"] = "import os, time\nwith open(os.path.join(os.environ['SLIPWAY_DATA'], 'released'), 'a') as f:\n    f.write('release %s\\n' % os.environ['SLIPWAY_RELEASE'])\ntime.sleep(0.3)\n"
	files["test_app.py"] = "import time, unittest\nclass T(unittest.TestCase):\n    def test_slowly(self):\n        time.sleep(0.3)\n"
	files["slipway.yaml"] = "test:\n  command: python -m unittest\n"
	repo := newRepository(t, files)
	s.must("service", "add", repo.url(), "--name", "plug")
	s.must("promote", "plug", "--follow")
	repo.commit("typical", plugApp("typical"))
	began := time.Now()
	s.must("promote", "plug", "--follow")
	typical := time.Since(began)
	traffic := startPaced(s.edge, "plug", "dev", "/", 4, 10*time.Millisecond)
	lost := 0
	var all []pulled
	for n := range kills {
		word := fmt.Sprintf("word-%d", n)
		repo.commit(word, plugApp(word))
		var p promotion
		s.decode(&p, "promote", "plug")
		<-time.After(time.Duration(random.Float64() * float64(typical))) // any moment
		victim := plugs[random.IntN(len(plugs))]
		s.reached("it is looked at", &p, func() bool { return true })
		seen := p.tries()
		one, moment := pulled{victim: victim.name}, time.Now()
		before := len(traffic.failed())
		victim.pull(s)
		back := time.Now()
		s.reached(fmt.Sprintf("kill %d (%s): promotion %d is over", n, victim.name, p.ID), &p, func() bool {
			if one.resume == 0 && (p.tries() != seen || over(p.State)) {
				one.resume, one.away = time.Since(back), time.Since(moment)
			}
			return over(p.State)
		})
		one.end, one.step = p.State, p.stepAt(moment)
		all = append(all, one)
		if victim.ends && p.State == "failed" { // what was killed was the release's own: tried again, it is good
			s.must("promotion", "retry", id(p), "--follow")
			p.State = "succeeded"
		}
		if p.State != "succeeded" {
			t.Fatalf("kill %d, %s in %s: promotion %d is %s: %s", n, victim.name, one.step, p.ID, p.State, p.Reason)
		}
		s.eventually(patience, "dev answers "+word, func() bool {
			status, body, err := edgeGet(s.edge, "plug", "dev", "/")
			return err == nil && status == 200 && body == word
		})
		if failures := traffic.failed()[before:]; len(failures) > 0 {
			lost += len(failures)
			if !victim.cut {
				t.Errorf("kill %d, %s in %s: %d requests failed: %s", n, victim.name, one.step, len(failures), failures[0])
			}
		}
	}
	traffic.stop()
	released, err := os.ReadFile(filepath.Join(s.data, "node", "data", "plug", "dev", "released"))
	if err != nil {
		t.Fatal(err)
	}
	ran := strings.Split(strings.TrimSpace(string(released)), "\n")
	if once := slices.Compact(slices.Sorted(slices.Values(ran))); len(once) != len(ran) || len(ran) != kills+2 {
		t.Errorf("%d releases ran %d release commands, %d of them different", kills+2, len(ran), len(once))
	}
	if left, err := os.ReadDir(filepath.Join(s.data, "work")); err != nil || len(left) > 0 {
		t.Errorf("left in the working directory: %v %v", left, err)
	}
	t.Logf("%d kills, %d requests, %d lost with what held them", len(all), traffic.requests, lost)
	return matrixOf(all, traffic.requests, lost)
}

// tries counts what was begun of a promotion's steps.
func (p promotion) tries() (n int) {
	for _, s := range p.Steps {
		n += s.Attempt
	}
	return n
}

// stepAt is the step that was under way at a moment.
func (p promotion) stepAt(moment time.Time) string {
	for _, s := range p.Steps {
		if s.EndedAt.After(moment) {
			return s.Name
		}
	}
	return "afterwards"
}

// matrixOf is a table of steps and victims: how many kills, how they ended, and how
// soon the promotion went on.
func matrixOf(all []pulled, requests, lost int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d kills while %d requests were answered; %d were refused while the edge was away, or lost with the instance that held them: each of four clients asks again 10 ms after an answer. ", len(all), requests, lost)
	b.WriteString("Every promotion has succeeded by itself, but for those whose own build or tests were killed, which failed and succeeded when tried again; each release ran its release command once.\n\n")
	b.WriteString("| killed in | what | kills | ended | from its return | from the kill |\n|---|---|---|---|---|---|\n")
	rows := map[string][]pulled{}
	for _, k := range all {
		rows[k.step+"\x00"+k.victim] = append(rows[k.step+"\x00"+k.victim], k)
	}
	keys := make([]string, 0, len(rows))
	for k := range rows {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		list := rows[k]
		middle := func(of func(pulled) time.Duration) string {
			slices.SortFunc(list, func(a, b pulled) int { return int(of(a) - of(b)) })
			return fmt.Sprintf("%.1f s, %.1f s", of(list[len(list)/2]).Seconds(), of(list[len(list)-1]).Seconds())
		}
		ends := map[string]int{}
		for _, one := range list {
			ends[one.end]++
		}
		end, _ := json.Marshal(ends)
		step, victim, _ := strings.Cut(k, "\x00")
		fmt.Fprintf(&b, "| %s | %s | %d | %s | %s | %s |\n", step, victim, len(list), strings.NewReplacer(`"`, "", "{", "", "}", "", ":", " ").Replace(string(end)),
			middle(func(k pulled) time.Duration { return k.resume }), middle(func(k pulled) time.Duration { return k.away }))
	}
	return b.String()
}
