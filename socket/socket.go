// Package socket opens the unix sockets of a data directory, and has everybody
// who uses one prove that the directory is his to read. Its modes keep other users
// out. They don't keep out what runs as the same user but confined: Landlock
// guards files, and lets anybody connect to a socket whose name he knows. So
// each request carries a key that lies in a file beside the socket.
package socket

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway"
)

// Header is where a request carries the key.
const Header = "Slipway-Socket-Key"

// KeyFile names the file beside the socket name: api.sock has api.key.
func KeyFile(name string) string { return strings.TrimSuffix(name, ".sock") + ".key" }

// Key is what opens a socket. The empty key opens nothing.
type Key struct{ text string }

// String keeps a key out of logs.
func (Key) String() string { return "[key]" }

// GoString keeps a key out of logs.
func (Key) GoString() string { return "[key]" }

// Opens tells whether a request carries the key, and takes it out of the
// request, so that nothing behind can log it.
func (k Key) Opens(r *http.Request) bool {
	given := r.Header.Values(Header)
	r.Header.Del(Header)
	return k.text != "" && len(given) == 1 && subtle.ConstantTimeCompare([]byte(given[0]), []byte(k.text)) == 1
}

// Refusal is what a request without the key of the socket name is told: it is
// Unauthenticated.
func Refusal(name string) error {
	return slipway.Errorf(slipway.Unauthenticated, "this socket answers whoever can read %s beside it: run slipway as the user who owns the data directory and outside of any sandbox, or sign in with `slipway login`", KeyFile(name))
}

// Listen opens the socket name in dir with a key made now, in a file that its
// owner alone can read. The caller holds a lock on dir: what lies there under
// these names was left by a dead process. Closing leaves it there in the same way.
func Listen(dir, name string) (*net.UnixListener, Key, error) {
	key := Key{rand.Text() + rand.Text()}
	// The key is there before anybody can connect.
	if err := write(filepath.Join(dir, KeyFile(name)), key.text); err != nil {
		return nil, Key{}, slipway.Wrap(slipway.Unavailable, err, "the key of the socket %s can't be written in %s: is the disk full?", name, dir)
	}
	path := filepath.Join(dir, name)
	_ = os.Remove(path)
	there, err := os.Open(dir)
	if err != nil {
		return nil, Key{}, slipway.Wrap(slipway.Unavailable, err, "the directory %s can't be read", dir)
	}
	defer there.Close()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: through(there, name)})
	if err != nil {
		return nil, Key{}, slipway.Wrap(slipway.Unavailable, err, "the socket %s can't be opened in %s", name, dir)
	}
	l.SetUnlinkOnClose(false) // the descriptor may mean another directory by then
	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close()
		return nil, Key{}, slipway.Wrap(slipway.Unavailable, err, "the socket %s in %s can't be protected", name, dir)
	}
	return l, key, nil
}

// write replaces the file in one step: a reader finds the old key or the new one.
func write(file, text string) error {
	_ = os.Remove(file + ".new")
	if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// through reaches a socket by a descriptor of its directory: the path may be
// longer than a socket's may.
func through(dir *os.File, name string) string {
	return "/proc/self/fd/" + strconv.Itoa(int(dir.Fd())) + "/" + name
}

// Transport sends every request to the socket name in dir, with its key as it
// is in that moment: a socket that was opened anew has a new one.
func Transport(dir, name string) http.RoundTripper {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		there, err := os.Open(dir)
		if err != nil {
			return nil, err
		}
		defer there.Close()
		var d net.Dialer
		return d.DialContext(ctx, "unix", through(there, name))
	}
	return &keyed{to: &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 4}, file: filepath.Join(dir, KeyFile(name))}
}

type keyed struct {
	to   *http.Transport
	file string
}

// RoundTrip sends the request without a key when none can be read: the answer
// then says what to do.
func (k *keyed) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if text, err := os.ReadFile(k.file); err == nil {
		r.Header.Set(Header, string(text))
	}
	return k.to.RoundTrip(r)
}

// CloseIdleConnections lets go of what is kept open.
func (k *keyed) CloseIdleConnections() { k.to.CloseIdleConnections() }
