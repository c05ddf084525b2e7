package e2e

import (
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func id(p promotion) string { return strconv.Itoa(p.ID) }

// killMentioning ends the one process of ours whose arguments hold all words.
func killMentioning(t testing.TB, words ...string) {
	t.Helper()
	for _, found := range processesMentioning(words[len(words)-1]) {
		pid, command, _ := strings.Cut(found, " ")
		fields := strings.Fields(command)
		if len(fields) < 2 || filepath.Base(fields[0]) != "slipway" || fields[1] != words[0] {
			continue
		}
		n, err := strconv.Atoi(pid)
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(n, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatalf("no process with %v", words)
}

// killFound kills a process as processesMentioning tells of it.
func killFound(t testing.TB, found string) {
	t.Helper()
	pid, _, _ := strings.Cut(found, " ")
	n, err := strconv.Atoi(pid)
	if err == nil {
		err = syscall.Kill(n, syscall.SIGKILL)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestDownWithoutItsAgent: services whose platform and agent were killed go on, and
// `slipway down` ends them all the same, rather than saying that nothing runs.
func TestDownWithoutItsAgent(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	repo := newRepository(t, map[string]string{"app.py": slowStart("one"), "requirements.txt": "flask==3.1.2\n", "Procfile": "web: python app.py\n"})
	s.must("service", "add", repo.url(), "--name", "alone")
	s.must("promote", "alone", "--follow")
	s.kill()
	killMentioning(t, "node", s.data)
	if len(processesMentioning(s.data)) == 0 {
		t.Fatal("nothing goes on that could be ended")
	}
	if r := s.run("down"); r.code != 0 || !strings.Contains(r.out, "have stopped") {
		t.Errorf("%+v", r)
	}
	if left := processesMentioning(s.data); len(left) > 0 {
		t.Errorf("these go on: %v", left)
	}
}
