package node_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/adapters/target"
	"github.com/slipway-dev/slipway/socket"
)

// TestTheSocketAsksWhoItIs asks an agent without its key, and with one of an agent
// that is gone.
func TestTheSocketAsksWhoItIs(t *testing.T) {
	b := emptyBench(t)
	b.spawn()
	dir := filepath.Join(b.data, "node")
	file := filepath.Join(dir, socket.KeyFile("node.sock"))
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", info, err)
	}
	former, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b.killed()
	b.spawn()
	elsewhere := t.TempDir() // has the socket, and no key
	if err := os.Symlink(filepath.Join(dir, "node.sock"), filepath.Join(elsewhere, "node.sock")); err != nil {
		t.Fatal(err)
	}
	stranger := &http.Client{Transport: socket.Transport(elsewhere, "node.sock")}
	for name, key := range map[string]string{"none": "", "a former": string(former), "a longer": strings.TrimSpace(string(former)) + "x"} {
		if err := os.WriteFile(filepath.Join(elsewhere, "node.key"), []byte(key), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, method := range []string{"status", "logs", "deploy", "shutdown", "nothing"} {
			res, err := stranger.Post("http://node/"+method, "application/json", strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if res.StatusCode != http.StatusUnauthorized || !strings.Contains(string(text), "node.key") {
				t.Errorf("%s with %s key: %d %s", method, name, res.StatusCode, text)
			}
		}
	}
	if _, err := target.Process(b.data).Status(context.Background()); err != nil {
		t.Errorf("with the key: %v", err)
	}
}
