package sandbox_test

import (
	"bytes"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slipway-dev/slipway/internal/layertest"
	"github.com/slipway-dev/slipway/sandbox"
)

// TestNothingOutsideIsChanged is about what Landlock has no rule for: modes, owners,
// times and attributes of what a command may read, or of what isn't its at all.
func TestNothingOutsideIsChanged(t *testing.T) {
	layertest.Needs(t, sandbox.Mounts(), "mounts of one's own")
	p := newPlace(t)
	given := filepath.Join(p.data, "given")
	if err := os.WriteFile(given, []byte("given"), 0o600); err != nil {
		t.Fatal(err)
	}
	// What nobody has hidden: a file of the same user's anywhere.
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.WriteFile(elsewhere, []byte("elsewhere"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := p.confinement()
	c.Read = append(c.Read, given)
	for what, path := range map[string]string{"a secret": p.secret, "the data directory": p.data, "what it may read": given, "a file elsewhere": elsewhere, "a directory elsewhere": filepath.Dir(elsewhere)} {
		before, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		for name, script := range map[string]string{
			"its mode":            `chmod 777 ` + path,
			"its owner":           `chown ` + strconv.Itoa(os.Geteuid()) + ` ` + path + ` && chmod 777 ` + path,
			"its times":           `touch -d 2001-01-01 ` + path,
			"its attributes":      `python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.planted", b"x")' ` + path,
			"its mode, by a link": `ln -s ` + path + ` l; chmod 777 l; code=$?; rm l; exit $code`,
		} {
			// That it ends well isn't asked: there may be a directory of its own in the place.
			_, _ = p.confined(t, c, script)
			_, _ = p.held(t, c, script)
			after, err := os.Stat(path)
			if err != nil || after.Mode() != before.Mode() || !after.ModTime().Equal(before.ModTime()) {
				t.Errorf("%s, %s: %v, was %v %v", what, name, after, before.Mode(), before.ModTime())
			}
			if n, _ := syscall.Getxattr(path, "user.planted", nil); n > 0 {
				t.Errorf("%s has an attribute", what)
			}
		}
	}
	if out, code := p.confined(t, c, `touch f && chmod 755 f && touch -d 2001-01-01 f && rm f`); code != 0 {
		t.Errorf("its own: %s", out)
	}
}

// TestSocketsOfTheUserAreHidden: what takes a command for its user, as Docker's socket
// takes root's, isn't there, and neither is what everybody may connect to, as to the
// system's D-Bus, which asks who it is; but for what was opened.
func TestSocketsOfTheUserAreHidden(t *testing.T) {
	layertest.Needs(t, sandbox.Mounts(), "mounts of one's own")
	p := newPlace(t)
	dir := t.TempDir()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range map[string]os.FileMode{"own": 0o600, "all": 0o666} {
		socket := filepath.Join(dir, name)
		listenAt(t, socket, mode)
		for _, opened := range []bool{false, true} {
			c := p.confinement()
			if opened {
				c.Read = append(c.Read, dir)
			}
			out, code := p.confined(t, c, connecting(socket))
			held, r := p.held(t, c, connecting(socket))
			if want := opened && name == "all"; (code == 0) != want || r.OK() != want {
				t.Errorf("%s, opened %t: %d %s %+v %s", name, opened, code, out, r, held)
			}
		}
	}
}

// TestLaterSocketsAreHidden: what its user starts after a command, as a terminal that
// can be attached to, or a Docker that was started anew, isn't there either.
func TestLaterSocketsAreHidden(t *testing.T) {
	layertest.Needs(t, sandbox.Mounts(), "mounts of one's own")
	places := []string{"/tmp", "/var/tmp"}
	if os.Geteuid() == 0 { // as root this is everybody's
		places = append(places, "/run")
	} else {
		places = append(places, "/run/user/"+strconv.Itoa(os.Geteuid()))
	}
	for _, place := range places {
		dir, err := os.MkdirTemp(place, "slipway-test-")
		if err != nil {
			continue // this user has none
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		p := newPlace(t)
		socket := filepath.Join(dir, "s")
		script := `touch running; until [ -e go ]; do sleep 0.02; done; ` + connecting(socket)
		answered := make(chan string, 1)
		go func() {
			out, code := p.confined(t, p.confinement(), script)
			answered <- strconv.Itoa(code) + " " + out
		}()
		waitFor(t, filepath.Join(p.own, "running"))
		listenAt(t, socket, 0o666)
		if err := os.WriteFile(filepath.Join(p.own, "go"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if said := <-answered; strings.HasPrefix(said, "0 ") {
			t.Errorf("it connected to %s", socket)
		} else if !strings.Contains(said, "Error") {
			t.Errorf("%s: %s", socket, said)
		}
	}
}

func waitFor(t *testing.T, path string) {
	t.Helper()
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for deadline := time.Now().Add(20 * time.Second); ; <-poll.C {
		if _, err := os.Stat(path); err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not come", path)
		}
	}
}

func connecting(socket string) string {
	return `python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect("` + socket + `")'`
}

func listenAt(t *testing.T, socket string, mode os.FileMode) {
	t.Helper()
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	if err := os.Chmod(socket, mode); err != nil {
		t.Fatal(err)
	}
}

// TestTerminalsAreItsOwn: one that the platform's user has open can be neither read
// nor written to; a command can make one of its own.
func TestTerminalsAreItsOwn(t *testing.T) {
	layertest.Needs(t, sandbox.Mounts(), "mounts of one's own")
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer screen.Close()
	if err := unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	open := `: <> /dev/pts/` + strconv.Itoa(n)
	if out, err := exec.CommandContext(t.Context(), "/bin/sh", "-c", open).CombinedOutput(); err != nil {
		t.Fatalf("nobody can open it: %s", out)
	}
	p := newPlace(t)
	own := `python3 -c 'import os, pty; a, b = pty.openpty(); os.write(a, b"x\n"); assert os.read(b, 2) == b"x\n"; print(os.ttyname(b))'`
	for name, run := range map[string]func(script string) (string, bool){
		"started": func(script string) (string, bool) {
			out, code := p.confined(t, p.confinement(), script)
			return out, code == 0
		},
		"run": func(script string) (string, bool) { out, r := p.held(t, p.confinement(), script); return out, r.OK() },
	} {
		if out, ok := run(open); ok {
			t.Errorf("%s: it opened the terminal: %s", name, out)
		}
		if out, ok := run(own); !ok || !strings.HasPrefix(out, "/dev/pts/") {
			t.Errorf("%s: it has none of its own: %s", name, out)
		}
	}
}

// TestAsAnotherUser does what the other tests do as who isn't root, which is how the
// platform should run: what holds there is another thing in the kernel.
func TestAsAnotherUser(t *testing.T) {
	const nobody = 65534
	if os.Geteuid() != 0 {
		t.Skip("these tests run as such a user already")
	}
	dir, err := os.MkdirTemp("/tmp", "slipway-another-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	text, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "sandbox.test")
	if err := os.WriteFile(program, text, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, sub := range []string{"", "home", "tmp"} {
		at := filepath.Join(dir, sub)
		if err := os.MkdirAll(at, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(at, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), program, "-test.v", "-test.run", "^Test(Held|Confine|Programs|Nothing|Sockets|Later|Terminals|Interpreter|Measure|Multitude)", "-test.timeout", "5m")
	cmd.Dir, cmd.Env = dir, []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + filepath.Join(dir, "home"), "TMPDIR=" + filepath.Join(dir, "tmp")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	cmd.WaitDelay = time.Minute
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil || !strings.HasSuffix(strings.TrimSpace(out.String()), "PASS") {
		t.Errorf("%v\n%s", err, out.String())
	}
	_ = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(filepath.Base(path), "planted") {
			t.Errorf("%s is there", path)
		}
		return nil
	})
	for line := range strings.Lines(out.String()) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "--- SKIP: "); ok && !strings.HasPrefix(name, "TestConfinedAsAnotherUser") && !strings.HasPrefix(name, "TestMultitudeOfRoot") {
			defer layertest.Needs(t, false, "layer for another user that "+name+" is about")
		}
	}
}
