package socket_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/socket"
)

const name = "one.sock"

// open serves a socket in a directory whose path is longer than a socket's may be.
func open(t *testing.T) (dir string, key socket.Key) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), strings.Repeat("long", 40))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l, key, err := socket.Listen(dir, name)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !key.Opens(r) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprintf(w, "in, %q left", r.Header.Get(socket.Header))
	})}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	return dir, key
}

func ask(t *testing.T, by http.RoundTripper, keys ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, "http://localhost/", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		r.Header.Add(socket.Header, k)
	}
	resp, err := by.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestWhoReadsTheKeyComesIn(t *testing.T) {
	dir, _ := open(t)
	by := socket.Transport(dir, name)
	if status, text := ask(t, by); status != http.StatusOK || text != `in, "" left` {
		t.Errorf("with the key: %d %s", status, text)
	}
	// Opened anew, as after a crash: the same transport goes on with the new key.
	file := filepath.Join(dir, socket.KeyFile(name))
	before, _ := os.ReadFile(file)
	l, key, err := socket.Listen(dir, name)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	after, err := os.ReadFile(file)
	if err != nil || string(before) == string(after) || len(after) < 40 {
		t.Errorf("the key of the new socket is %q after %q (%v)", after, before, err)
	}
	r, _ := http.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set(socket.Header, string(before))
	if key.Opens(r) {
		t.Error("the old key opens the new socket")
	}
	if text := fmt.Sprintf("%v %+v %#v", key, key, key); strings.Contains(text, string(after)) {
		t.Errorf("a key prints as %s", text)
	}
}

// TestConnectingIsNotEnough connects as a confined process of the same user can:
// to the socket, without a look at the file.
func TestConnectingIsNotEnough(t *testing.T) {
	dir, _ := open(t)
	there, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	bare := &http.Transport{Dial: func(_, _ string) (net.Conn, error) {
		return net.Dial("unix", fmt.Sprintf("/proc/self/fd/%d/%s", there.Fd(), name))
	}}
	defer bare.CloseIdleConnections()
	key, err := os.ReadFile(filepath.Join(dir, socket.KeyFile(name)))
	if err != nil {
		t.Fatal(err)
	}
	for what, keys := range map[string][]string{
		"none": nil, "an empty one": {""}, "another": {strings.Repeat("A", len(key))}, "its beginning": {string(key[:len(key)-1])},
		"two": {string(key), string(key)},
	} {
		if status, _ := ask(t, bare, keys...); status != http.StatusUnauthorized {
			t.Errorf("with %s: %d", what, status)
		}
	}
	if status, _ := ask(t, bare, string(key)); status != http.StatusOK {
		t.Errorf("with the key: %d", status)
	}
	// Who can't read the file sends no key, and is told what to do.
	if err := os.Remove(filepath.Join(dir, socket.KeyFile(name))); err != nil {
		t.Fatal(err)
	}
	if status, _ := ask(t, socket.Transport(dir, name)); status != http.StatusUnauthorized {
		t.Errorf("without the file: %d", status)
	}
	if err := socket.Refusal(name); slipway.CodeOf(err) != slipway.Unauthenticated || !strings.Contains(err.Error(), "one.key") {
		t.Errorf("the refusal is %v", err)
	}
	var none socket.Key
	r, _ := http.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set(socket.Header, "")
	if none.Opens(r) {
		t.Error("no key opens")
	}
}

// TestOtherUsersStayOutside tries the socket and the key as another user, even
// where the directory is open to him.
func TestOtherUsersStayOutside(t *testing.T) {
	if dir := os.Getenv("SOCKET_TEST_DIR"); dir != "" {
		_, read := os.ReadFile(filepath.Join(dir, socket.KeyFile(name)))
		_, dial := net.Dial("unix", filepath.Join(dir, name))
		fmt.Println("read:", errors.Is(read, fs.ErrPermission), "dial:", errors.Is(dial, fs.ErrPermission), "uid:", os.Getuid())
		return
	}
	dir, err := os.MkdirTemp("", "socket") // where others can get to, unlike below t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	l, _, err := socket.Listen(dir, name)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, file := range []string{name, socket.KeyFile(name)} {
		info, err := os.Stat(filepath.Join(dir, file))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has the mode %v (%v)", file, info.Mode(), err)
		}
	}
	if os.Getuid() != 0 {
		return // the modes are what can be seen without a second user
	}
	// The test's binary lies where the other user can't get to.
	self, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "test")
	if err := os.WriteFile(program, self, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{dir, program} {
		if err := os.Chmod(at, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(program, "-test.run=^TestOtherUsersStayOutside$")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "SOCKET_TEST_DIR="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "read: true dial: true uid: 65534") {
		t.Errorf("another user: %v\n%s", err, out)
	}
}
