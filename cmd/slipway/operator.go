package main

import (
	"net"
	"net/http"
	"os"
	"path/filepath"

	"github.com/slipway-dev/slipway/socket"
)

// operatorSocket is where the commands of whoever owns a data directory speak to
// the platform that runs on it. The directory's permissions are its lock, and the
// key beside it proves that one can read there: no password to choose at the
// first start, and no token that lies about.
const operatorSocket = "api.sock"

// listenOperator opens the socket. The platform's lock is held.
func listenOperator(data string) (net.Listener, socket.Key, error) {
	return socket.Listen(data, operatorSocket)
}

// asOperator reaches the platform on a data directory.
func asOperator(data string) http.RoundTripper { return socket.Transport(data, operatorSocket) }

// operates tells whether the commands may use the socket of the data directory.
func (a *app) operates() bool {
	info, err := os.Stat(filepath.Join(a.Data, operatorSocket))
	return err == nil && info.Mode()&os.ModeSocket != 0
}
