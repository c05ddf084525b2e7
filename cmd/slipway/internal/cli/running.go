package cli

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"

	"github.com/slipway-dev/slipway/socket"
)

// Running is what DATA/up.json says: who runs the platform here.
type Running struct {
	PID    int    `json:"pid"`
	Listen string `json:"listen"`
	URL    string `json:"url"` // where programs ask, without a slash at its end
	Edge   string `json:"edge"`
}

// ReadRunning reads who runs the platform on a data directory; an error when nobody does.
func ReadRunning(data string) (r Running, err error) {
	text, err := os.ReadFile(filepath.Join(data, "up.json"))
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(text, &r)
}

// Address is where the platform answers.
func (r Running) Address() string {
	if r.URL == "" {
		return "http://" + r.Listen // written by an earlier version
	}
	return r.URL
}

// OperatorSocket is where the commands of whoever owns a data directory speak to
// the platform that runs on it. The directory's permissions are its lock, and the
// key beside it proves that one can read there: no password to choose at the
// first start, and no token that lies about.
const OperatorSocket = "api.sock"

// AsOperator reaches the platform on a data directory.
func AsOperator(data string) http.RoundTripper { return socket.Transport(data, OperatorSocket) }

// operates tells whether the commands may use the socket of the data directory.
func (a *App) operates() bool {
	info, err := os.Stat(filepath.Join(a.Data, OperatorSocket))
	return err == nil && info.Mode()&os.ModeSocket != 0
}

// AgentLog is where the node agent of a data directory says what it does.
func AgentLog(data string) string { return filepath.Join(data, "node", "agent.log") }
