package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"

	"github.com/slipway-dev/slipway/socket"
)

// running is what DATA/up.json says: who runs the platform here.
type running struct {
	PID    int    `json:"pid"`
	Listen string `json:"listen"`
	URL    string `json:"url"` // where programs ask, without a slash at its end
	Edge   string `json:"edge"`
}

// readRunning reads who runs the platform on a data directory; an error when nobody does.
func readRunning(data string) (r running, err error) {
	text, err := os.ReadFile(filepath.Join(data, "up.json"))
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(text, &r)
}

// address is where the platform answers.
func (r running) address() string {
	if r.URL == "" {
		return "http://" + r.Listen // written by an earlier version
	}
	return r.URL
}

// operatorSocket is where the commands of whoever owns a data directory speak to
// the platform that runs on it. The directory's permissions are its lock, and the
// key beside it proves that one can read there: no password to choose at the
// first start, and no token that lies about.
const operatorSocket = "api.sock"

// asOperator reaches the platform on a data directory.
func asOperator(data string) http.RoundTripper { return socket.Transport(data, operatorSocket) }

// operates tells whether the commands may use the socket of the data directory.
func (a *app) operates() bool {
	info, err := os.Stat(filepath.Join(a.Data, operatorSocket))
	return err == nil && info.Mode()&os.ModeSocket != 0
}

// agentLog is where the node agent of a data directory says what it does.
func agentLog(data string) string { return filepath.Join(data, "node", "agent.log") }
