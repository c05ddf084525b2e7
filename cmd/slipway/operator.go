package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/slipway-dev/slipway"
)

// operatorSocket is where the commands of whoever owns a data directory speak to
// the platform that runs on it. The directory's permissions are its lock: no
// password to choose at the first start, and no token that lies about.
const operatorSocket = "api.sock"

// listenOperator opens the socket. The platform's lock is held, so one that is
// there was left by a dead one.
func listenOperator(data string) (net.Listener, error) {
	_ = os.Remove(filepath.Join(data, operatorSocket))
	dir, err := os.Open(data)
	if err != nil {
		return nil, slipway.Wrap(slipway.Unavailable, err, "the data directory %s can't be read", data)
	}
	defer dir.Close()
	// By a descriptor: the path may be longer than a socket's may.
	l, err := net.Listen("unix", "/proc/self/fd/"+strconv.Itoa(int(dir.Fd()))+"/"+operatorSocket)
	if err != nil {
		return nil, slipway.Wrap(slipway.Unavailable, err, "the platform's socket can't be opened in %s", data)
	}
	if err := os.Chmod(filepath.Join(data, operatorSocket), 0o600); err != nil {
		_ = l.Close()
		return nil, slipway.Wrap(slipway.Unavailable, err, "the platform's socket in %s can't be protected", data)
	}
	return l, nil
}

// dialOperator reaches the platform on a data directory.
func dialOperator(data string) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		dir, err := os.Open(data)
		if err != nil {
			return nil, err
		}
		defer dir.Close()
		var d net.Dialer
		return d.DialContext(ctx, "unix", "/proc/self/fd/"+strconv.Itoa(int(dir.Fd()))+"/"+operatorSocket)
	}
}

// operates tells whether the commands may use the socket of the data directory.
func (a *app) operates() bool {
	info, err := os.Stat(filepath.Join(a.Data, operatorSocket))
	return err == nil && info.Mode()&os.ModeSocket != 0
}
