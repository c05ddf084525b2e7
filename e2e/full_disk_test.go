package e2e

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestFullDisk runs the platform on a small disk and fills it: before a promotion,
// in the middle of one, and while an instance crashes. What is refused says why,
// what runs goes on, and when there is room again nothing is lost.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	if os.Getenv("SLIPWAY_TEST_SMALL_DISK") == "" {
		inMountNamespace(t)
		return
	}
	s := newSite(t)
	if err := syscall.Mount("tmpfs", s.data, "tmpfs", 0, "size=700m"); err != nil {
		t.Fatal("mount a small disk: ", err)
	}
	t.Cleanup(func() { s.run("down"); _ = syscall.Unmount(s.data, syscall.MNT_DETACH) })
	s.start()
	files := plugApp("one")
	files["Procfile"] = "web: python app.py\nrelease: python -c 'import time; time.sleep(1.5)'\n"
	repo := newRepository(t, files)
	s.must("service", "add", repo.url(), "--name", "plug")
	s.must("promote", "plug", "--follow")
	s.must("config", "set", "plug", "--env", "dev", "KEPT=yes")
	serves := func(word string) func() bool {
		return func() bool {
			status, body, err := edgeGet(s.edge, "plug", "dev", "/")
			return err == nil && status == 200 && body == word
		}
	}

	free := fill(t, s.data)
	for range 50 { // until even the room that SQLite had is used
		if r := s.run("config", "set", "plug", "--env", "dev", "BIG="+strings.Repeat("x", 30_000)); r.code != 0 {
			if r.code != 1 || !strings.Contains(r.err, "full") || !strings.Contains(r.err, "free some space") {
				t.Errorf("setting config: exit %d, %s", r.code, r.err)
			}
			break
		}
	}
	repo.commit("two", plugApp("two"))
	if r := s.run("promote", "plug", "--follow"); r.code != 1 || !strings.Contains(r.out+r.err, "full") {
		t.Errorf("promoting: exit %d\n%s%s", r.code, r.out, r.err)
	}
	_, pid, err := edgeGet(s.edge, "plug", "dev", "/pid")
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(n, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.eventually(patience, "the instance is back although the disk is full", func() bool {
		_, again, err := edgeGet(s.edge, "plug", "dev", "/pid")
		return err == nil && again != pid && serves("one")()
	})
	free()

	var list struct {
		Items []promotion `json:"items"`
	}
	s.eventually(patience, "nothing is under way", func() bool {
		s.decode(&list, "promotion", "ls", "--service", "plug")
		for _, p := range list.Items {
			if !over(p.State) {
				return false
			}
		}
		return true
	})
	var p promotion
	s.decode(&p, "promote", "plug")
	s.reached("the release command runs", &p, func() bool { return p.step("migrate") == "running" || over(p.State) })
	free = fill(t, s.data)
	s.eventually(patience, "the release command has ended", func() bool { return len(processesMentioning("time.sleep(1.5)")) == 0 })
	free()
	s.reached("the promotion is over", &p, func() bool { return over(p.State) })
	if p.State != "succeeded" && !strings.Contains(p.Reason, "full") {
		t.Errorf("filled while the release command ran, promotion %d is %s: %s", p.ID, p.State, p.Reason)
	}
	if p.State != "succeeded" {
		s.must("promotion", "retry", id(p), "--follow")
	}
	s.eventually(patience, "dev answers two", serves("two"))
	if out := s.must("config", "ls", "plug", "--env", "dev"); !strings.Contains(out, "KEPT") {
		t.Errorf("what was set is lost:\n%s", out)
	}
}

// inMountNamespace runs the test that calls it again where it may mount: as root of
// a namespace of its own.
func inMountNamespace(t *testing.T) {
	t.Helper()
	args := []string{"--mount", os.Args[0], "-test.run", "^" + t.Name() + "$", "-test.v"}
	if os.Geteuid() != 0 {
		args = append([]string{"--user", "--map-root-user"}, args...)
	}
	cmd := exec.Command("unshare", args...)
	cmd.Env = append(os.Environ(), "SLIPWAY_TEST_SMALL_DISK=1", "SLIPWAY_BINARY="+binary)
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Fatalf("%v\n%s", err, out)
	}
}

// fill leaves no byte on the disk of a directory; free gives them back.
func fill(t *testing.T, dir string) (free func()) {
	t.Helper()
	file := filepath.Join(dir, "filler")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := int64(1 << 20); size > 0; {
		if _, err := io.CopyN(f, zeros{}, size); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
