package openidtest

import (
	"bufio"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program is the provider with its pinned dependencies.
//
//go:embed testdata/oidc-provider/package.json testdata/oidc-provider/package-lock.json testdata/oidc-provider/server.mjs
var program embed.FS

// Node is npm's oidc-provider.
type Node struct{ issuer string }

// NewNode starts the provider. What it is made of is installed once and kept in
// the user's cache.
func NewNode(t testing.TB) *Node {
	t.Helper()
	users, err := json.Marshal(Users)
	if err != nil {
		t.Fatal(err)
	}
	client, err := json.Marshal(map[string]any{"client_id": clientID, "client_secret": clientSecret, "redirect_uris": []string{Callback}})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "server.mjs")
	cmd.Dir = installed(t)
	cmd.Env = append(os.Environ(), "USERS="+string(users), "CLIENT="+string(client), "NODE_ENV=test")
	cmd.Stderr = t.Output()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("Node.js is needed: %v", err)
	}
	t.Cleanup(func() {
		_ = stdin.Close() // which ends it
		_ = cmd.Wait()
	})
	said := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(stdout).ReadString('\n')
		said <- strings.TrimSpace(line)
	}()
	select {
	case issuer := <-said:
		if !strings.HasPrefix(issuer, "http://") {
			t.Fatalf("oidc-provider said %q", issuer)
		}
		return &Node{issuer}
	case <-time.After(30 * time.Second):
		t.Fatal("oidc-provider doesn't start")
		return nil
	}
}

// installed is a directory with the provider in it, made by npm ci at the first
// time. Two tests that install at once wait for each other.
func installed(t testing.TB) string {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	const from = "testdata/oidc-provider"
	files, sum := map[string][]byte{}, sha256.New()
	for _, name := range []string{"package.json", "package-lock.json", "server.mjs"} {
		text, err := program.ReadFile(from + "/" + name)
		must(err)
		files[name] = text
		_, _ = sum.Write(text)
	}
	cache, err := os.UserCacheDir()
	must(err)
	dir := filepath.Join(cache, "slipway-tests", "oidc-provider-"+hex.EncodeToString(sum.Sum(nil)[:8]))
	must(os.MkdirAll(dir, 0o700))
	lock, err := os.OpenFile(dir+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	must(err)
	defer lock.Close()
	must(syscall.Flock(int(lock.Fd()), syscall.LOCK_EX))
	done := filepath.Join(dir, "installed")
	if _, err := os.Stat(done); err == nil {
		return dir
	}
	for name, text := range files {
		must(os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
	npm := exec.Command("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	npm.Dir = dir
	if out, err := npm.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	must(os.WriteFile(done, nil, 0o600))
	return dir
}

// Issuer is where the provider is.
func (n *Node) Issuer() string { return n.issuer }

var (
	formAction = regexp.MustCompile(`<form[^>]* action="([^"]+)"`)
	prompt     = regexp.MustCompile(`name="prompt" value="([^"]+)"`)
)

// SignIn fills in the provider's forms.
func (n *Node) SignIn(t testing.TB, address, user string) string {
	t.Helper()
	client := browser()
	answer, err := client.Get(address)
	for range 20 {
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if next, missing := answer.Location(); missing == nil {
			if address = next.String(); isCallback(address) {
				return address
			}
			answer, err = client.Get(address)
			continue
		}
		action, asks := formAction.FindSubmatch(text), prompt.FindSubmatch(text)
		if answer.StatusCode != http.StatusOK || action == nil || asks == nil {
			t.Fatalf("%s: %d %s", address, answer.StatusCode, text)
		}
		to, wrong := answer.Request.URL.Parse(html.UnescapeString(string(action[1])))
		if wrong != nil {
			t.Fatal(wrong)
		}
		answer, err = client.PostForm(to.String(), url.Values{"prompt": {string(asks[1])}, "login": {user}, "password": {"anything"}})
	}
	t.Fatal("the provider asks and asks")
	return ""
}
