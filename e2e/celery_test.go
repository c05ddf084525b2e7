package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestCelery replaces a real Celery while it works: its beat ends before the next
// one begins, its worker finishes the tasks that it has taken, and its web process
// answers all along. Then the same on the way back.
func TestCelery(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	repo := newRepository(t, nil)
	if err := os.CopyFS(repo.dir, os.DirFS(filepath.Join("testdata", "celery"))); err != nil {
		t.Fatal(err)
	}
	repo.commit("Celery", nil)
	s.must("service", "add", repo.url(), "--name", "jobs")
	s.must("promote", "jobs", "--follow")

	// data is the service's own, which outlives its releases: broker and journal.
	data := filepath.Join(s.data, "node", "data", "jobs", "dev")
	hold := filepath.Join(data, "hold")
	said := func(line string) func() bool {
		return func() bool {
			return slices.ContainsFunc(readJournal(t, data), func(n note) bool { return n.line() == line })
		}
	}
	var jobs []string
	put := func(job string) {
		t.Helper()
		jobs = append(jobs, job)
		if status, body := s.get("jobs", "dev", "/put/"+job); status != 200 {
			t.Fatalf("put %s: %d %s", job, status, body)
		}
	}
	ticks := func(release string) (n int) {
		for _, note := range readJournal(t, data) {
			if note.line() == "tick "+release {
				n++
			}
		}
		return n
	}
	// One after the other, with each tick: Celery still takes what comes in the
	// moment after it was asked to end, and gives it back when it has.
	taken := func(release string) {
		t.Helper()
		ticked, first := 0, len(jobs)
		s.eventually(patience, "the worker of release "+release+" takes what comes now", func() bool {
			if n := ticks(release); n > ticked {
				ticked = n
				put("later" + strconv.Itoa(len(jobs)))
			}
			return slices.ContainsFunc(jobs[first:], func(job string) bool { return said("begin " + release + " " + job)() })
		})
	}
	ended := func() bool {
		notes := readJournal(t, data)
		return !slices.ContainsFunc(jobs, func(job string) bool {
			return !slices.ContainsFunc(notes, func(n note) bool { return n.what == "end" && n.job == job })
		})
	}
	if err := os.WriteFile(hold, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	log := s.followLog("jobs", "worker")
	put("a")
	put("b")
	s.eventually(patience, "both tasks are under way", func() bool { return said("begin 1 a")() && said("begin 1 b")() })
	put("c") // taken from the queue, and not begun
	s.eventually(patience, "the first beat ticks", said("tick 1"))
	traffic := startPaced(s.edge, "jobs", "dev", "/", 2, 20*time.Millisecond)

	repo.commit("Two", map[string]string{"word.txt": "two\n"})
	var p promotion
	s.decode(&p, "promote", "jobs")
	s.eventually(patience, "the old worker is asked to end", func() bool { return strings.Count(log.String(), "Warm shutdown") == 1 })
	taken("2")
	// Longer than the ten seconds that a process has without grace_seconds.
	s.eventually(patience, "the new beat has ticked for eleven seconds", func() bool { return ticks("2") >= 22 })
	s.decode(&p, "promotion", "show", id(p))
	if p.step("deploy") != "running" || said("end 1 a")() || said("end 1 b")() {
		t.Errorf("the tasks of release 1 don't hold the deploy: %+v", p)
	}
	if err := os.Remove(hold); err != nil {
		t.Fatal(err)
	}
	s.must("promotion", "show", id(p), "--follow")
	s.eventually(patience, "every task has ended", ended)
	if left := celeriesOf(s.data, "1"); len(left) > 0 {
		t.Errorf("of release 1 are left: %v", left)
	}
	if got := celeriesOf(s.data, "2"); len(got) != 4 {
		t.Errorf("of release 2 run %v; want a worker with a pool of two, and a beat", got)
	}

	// Back, with a task under way.
	if err := os.WriteFile(hold, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	put("e")
	s.eventually(patience, "a task of release 2 is under way", said("begin 2 e"))
	s.decode(&p, "rollback", "jobs", "--env", "dev")
	s.eventually(patience, "the worker of release 2 is asked to end", func() bool { return strings.Count(log.String(), "Warm shutdown") == 2 })
	taken("1")
	if err := os.Remove(hold); err != nil {
		t.Fatal(err)
	}
	s.must("promotion", "show", id(p), "--follow")
	s.eventually(patience, "every task has ended", ended)
	if left := celeriesOf(s.data, "2"); len(left) > 0 {
		t.Errorf("of release 2 are left: %v", left)
	}

	s.eventually(patience, "who follows the log has seen every task end, those of workers that were replaced, too", func() bool {
		return len(regexp.MustCompile(`Task jobs\.long\S+ succeeded`).FindAllString(log.String(), -1)) == len(jobs)
	})

	traffic.stop()
	if len(traffic.failures) > 0 {
		t.Errorf("%d of %d requests failed: %s", len(traffic.failures), traffic.requests, traffic.failures[0])
	}
	tasksWereWhole(t, readJournal(t, data))
	if beats := beatsWereAlone(t, readJournal(t, data)); fmt.Sprint(beats) != "[1 2 1]" {
		t.Errorf("the beats were of the releases %v", beats)
	}
}

// note is a line of the service's journal: what it did, as which release and
// process, and with which job.
type note struct{ what, release, pid, job string }

// line is the note without the process.
func (n note) line() string { return strings.TrimSpace(n.what + " " + n.release + " " + n.job) }

func readJournal(t testing.TB, data string) []note {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(data, "journal"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var notes []note
	for line := range strings.Lines(string(text)) {
		f := append(strings.Fields(line), "", "", "", "")
		notes = append(notes, note{f[0], f[1], f[2], f[3]})
	}
	return notes
}

// tasksWereWhole wants every task begun once, and ended by the process that began it.
func tasksWereWhole(t testing.TB, notes []note) {
	t.Helper()
	begun, ended := map[string]note{}, map[string]note{}
	for _, n := range notes {
		of := map[string]map[string]note{"begin": begun, "end": ended}[n.what]
		if of == nil {
			continue
		}
		if _, twice := of[n.job]; twice {
			t.Errorf("task %s: %s twice", n.job, n.what)
		}
		of[n.job] = n
	}
	for job, b := range begun {
		if e, ok := ended[job]; !ok {
			t.Errorf("task %s was cut: %+v", job, b)
		} else if e.pid != b.pid || e.release != b.release {
			t.Errorf("task %s was begun by %+v and ended by %+v", job, b, e)
		}
	}
}

// beatsWereAlone wants that no beat began or ticked before the one before it had
// ended, and returns of which releases they were.
func beatsWereAlone(t testing.TB, notes []note) (releases []string) {
	t.Helper()
	running := ""
	for _, n := range notes {
		switch n.what {
		case "beat":
			if running != "" {
				t.Errorf("beat %s of release %s began while %s ran", n.pid, n.release, running)
			}
			running, releases = n.pid, append(releases, n.release)
		case "tick":
			if n.pid != running {
				t.Errorf("beat %s of release %s ticked while %q ran", n.pid, n.release, running)
			}
		case "beaten":
			running = ""
		case "doubled":
			t.Errorf("beat %s of release %s found process %s of another alive", n.pid, n.release, n.job)
		}
	}
	return releases
}

// celeriesOf lists the processes of a release's Celery, its pool's included.
func celeriesOf(dir, release string) (found []string) {
	entries, _ := filepath.Glob("/proc/[0-9]*")
	for _, e := range entries {
		environ, _ := os.ReadFile(filepath.Join(e, "environ"))
		command, _ := os.ReadFile(filepath.Join(e, "cmdline"))
		vars := strings.Split(string(environ), "\x00")
		data := slices.ContainsFunc(vars, func(v string) bool { return strings.HasPrefix(v, "SLIPWAY_DATA="+dir) })
		if data && slices.Contains(vars, "SLIPWAY_RELEASE="+release) && strings.Contains(string(command), "celery") {
			found = append(found, filepath.Base(e)+" "+strings.ReplaceAll(string(command), "\x00", " "))
		}
	}
	return found
}

// followLog is what `slipway logs --follow` prints of a process in dev, until the
// test ends.
func (s *site) followLog(service, process string) *buffer {
	s.t.Helper()
	out := &buffer{}
	cmd := exec.Command(binary, "--data", s.data, "logs", service, "--env", "dev", "--process", process, "--follow")
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if s.t.Failed() {
			s.t.Logf("logs --follow:\n%s", tail(out.String(), 60))
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return out
}
