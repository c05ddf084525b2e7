package source_test

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/adapters/source"
	"github.com/slipway-dev/slipway/adapters/source/sourcetest"
)

// serve serves a repository over http by git's own server; guard, when set,
// answers first and tells whether the request may go on.
func serve(t *testing.T, r sourcetest.Repo, guard func(http.ResponseWriter, *http.Request) bool) slipway.Repository {
	t.Helper()
	handler := &cgi.Handler{
		Path: r.Git("--exec-path") + "/git-http-backend", Stderr: io.Discard,
		Env: []string{"GIT_PROJECT_ROOT=" + r.Dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"},
	}
	server := httptest.NewServer(guarded(handler, guard))
	t.Cleanup(server.Close)
	return slipway.Repository{URL: server.URL + "/.git"}
}

func guarded(h http.Handler, guard func(http.ResponseWriter, *http.Request) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if guard == nil || guard(w, req) {
			h.ServeHTTP(w, req)
		}
	})
}

// TestHTTPS speaks to a server whose certificate an authority of one's own has
// signed: it is trusted when that is said, and else refused with what to do.
func TestHTTPS(t *testing.T) {
	r := sourcetest.NewRepo(t)
	commit := r.Commit("a.txt", "one")
	plain := serve(t, r, nil)
	to, err := url.Parse(strings.TrimSuffix(plain.URL, "/.git"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(httputil.NewSingleHostReverseProxy(to))
	t.Cleanup(server.Close)
	repo := slipway.Repository{URL: server.URL + "/.git"}
	_, err = newSource(t, source.Options{}).Resolve(t.Context(), repo, "main")
	if slipway.CodeOf(err) != slipway.Unavailable || !strings.Contains(err.Error(), "SSL_CERT_FILE") {
		t.Errorf("an unknown authority: %v", err)
	}
	file := filepath.Join(t.TempDir(), "authority.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GIT_SSL_CAINFO", "") // which would win
	t.Setenv("SSL_CERT_FILE", file)
	g := newSource(t, source.Options{})
	found, err := g.Resolve(t.Context(), repo, "main")
	if err != nil || found.ID != commit {
		t.Fatalf("%+v %v", found, err)
	}
	dir := filepath.Join(t.TempDir(), "tree")
	if err := g.Export(t.Context(), repo, commit, dir, io.Discard); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "a.txt")); err != nil || string(got) != "one" {
		t.Errorf("%q %v", got, err)
	}
}

func TestGitKeepsTheContractByHTTP(t *testing.T) {
	sourcetest.Run(t, func(t *testing.T) slipway.Source { return newSource(t, source.Options{}) },
		func(t *testing.T, r sourcetest.Repo) slipway.Repository { return serve(t, r, nil) })
}

// keep is a store of credentials that were given for the server of a URL.
func keep(url string, values map[slipway.SecretRef]string) func(context.Context, slipway.SecretRef) (slipway.Secret, error) {
	return func(_ context.Context, ref slipway.SecretRef) (slipway.Secret, error) {
		if v, ok := values[ref]; ok {
			return slipway.BindCredential(ref, url, slipway.NewSecret(v))
		}
		return slipway.Secret{}, slipway.Errorf(slipway.NotFound, "there is no secret %s", ref)
	}
}

func TestPrivate(t *testing.T) {
	const token = "t0ken-of-the-team"
	r := sourcetest.NewRepo(t)
	commit := r.Commit("a.txt", "one")
	private := serve(t, r, func(w http.ResponseWriter, req *http.Request) bool {
		_, password, _ := req.BasicAuth()
		if password != token {
			w.Header().Set("WWW-Authenticate", "Basic")
			http.Error(w, "who are you, "+password+"?", http.StatusUnauthorized)
		}
		return password == token
	})
	dir := filepath.Join(t.TempDir(), "mirrors")
	g := newSource(t, source.Options{Dir: dir, Secrets: keep(private.URL, map[slipway.SecretRef]string{
		"sealed://_git/x/right": token + "\n", "sealed://_git/x/user": "ada:" + token, "sealed://_git/x/wrong": "wr0ng-token", "sealed://_git/x/lines": "a\nb",
	})})
	for _, credential := range []slipway.SecretRef{"", "sealed://_git/x/wrong"} {
		private.Credential = credential
		_, err := g.Resolve(context.Background(), private, "main")
		refused(t, err, "private")
		if strings.Contains(fmt.Sprintf("%v %v", err, err.(interface{ Unwrap() error }).Unwrap()), "wr0ng") {
			t.Errorf("the credential is in the error: %v", err)
		}
	}
	private.Credential = "sealed://_git/x/none"
	if _, err := g.Resolve(context.Background(), private, "main"); slipway.CodeOf(err) != slipway.NotFound {
		t.Errorf("%v", err)
	}
	private.Credential = "sealed://_git/x/lines"
	if _, err := g.Resolve(context.Background(), private, "main"); slipway.CodeOf(err) != slipway.Invalid {
		t.Errorf("%v", err)
	}
	for _, credential := range []slipway.SecretRef{"sealed://_git/x/right", "sealed://_git/x/user"} {
		private.Credential = credential
		if c, err := g.Resolve(context.Background(), private, "main"); err != nil || c.ID != commit {
			t.Fatalf("%v %v", c, err)
		}
		if _, log, err := export(t, g, private, commit); err != nil || strings.Contains(log, token) {
			t.Fatalf("%v\n%s", err, log)
		}
	}
	holdsNothingOf(t, dir, token)
}

// holdsNothingOf looks for a secret in every file of a directory.
func holdsNothingOf(t *testing.T, dir, secret string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), secret) {
			t.Errorf("%s holds the secret", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestServersThatSayNo(t *testing.T) {
	r := sourcetest.NewRepo(t)
	r.Commit("a.txt", "one")
	elsewhere := serve(t, r, nil)
	answer := func(status int) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, req *http.Request) bool {
			if status == http.StatusFound {
				http.Redirect(w, req, strings.TrimSuffix(elsewhere.URL, "/.git")+req.URL.String(), status)
				return false
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "<html>\n<body>hello</body>\n</html>\n")
			return false
		}
	}
	g := newSource(t, source.Options{})
	for status, want := range map[int]struct {
		code slipway.Code
		says string
	}{
		404: {slipway.Invalid, "no repository"}, 403: {slipway.Invalid, "private"}, 200: {slipway.Invalid, "no repository"}, 503: {slipway.Unavailable, "reached"},
	} {
		_, err := g.Resolve(context.Background(), serve(t, r, answer(status)), "")
		if slipway.CodeOf(err) != want.code || !strings.Contains(err.Error(), want.says) {
			t.Errorf("%d: %s %v", status, slipway.CodeOf(err), err)
		}
	}
	moved := serve(t, r, answer(http.StatusFound))
	if _, err := g.Resolve(context.Background(), moved, ""); err != nil {
		t.Errorf("a redirect: %v", err)
	}
	guarded := newSource(t, source.Options{Resolve: at("127.0.0.1")})
	_, err := guarded.Resolve(context.Background(), moved, "")
	refused(t, err, "moved")
}

func at(address string) func(context.Context, string) ([]netip.Addr, error) {
	return func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr(address)}, nil
	}
}

// TestPinned gives names that nobody but the check can resolve: git and ssh go
// where the check said, and nowhere else.
func TestPinned(t *testing.T) {
	r := sourcetest.NewRepo(t)
	commit := r.Commit("a.txt", "one")
	repo := serve(t, r, nil)
	repo.URL = strings.Replace(repo.URL, "127.0.0.1", "git.example.invalid", 1)
	pinned := newSource(t, source.Options{Resolve: at("127.0.0.1")})
	if c, err := pinned.Resolve(context.Background(), repo, ""); err != nil || c.ID != commit {
		t.Errorf("by http: %+v %v", c, err)
	}
	// The name means this server, but the check said something else.
	repo.URL = strings.Replace(repo.URL, "git.example.invalid", "localhost", 1)
	elsewhere := newSource(t, source.Options{Resolve: at("127.0.0.99")})
	if _, err := elsewhere.Resolve(context.Background(), repo, ""); slipway.CodeOf(err) != slipway.Unavailable {
		t.Errorf("by http, elsewhere: %v", err)
	}
	key, public := newKey(t)
	_, port, _ := net.SplitHostPort(serveSSH(t, public))
	for host, want := range map[string]slipway.Code{"git.example.invalid": "", "localhost": slipway.Unavailable} {
		resolve := at("127.0.0.1")
		if want != "" {
			resolve = at("127.0.0.99")
		}
		url := "ssh://git@" + host + ":" + port + r.Dir
		g := newSource(t, source.Options{Resolve: resolve, Secrets: keep(url, map[slipway.SecretRef]string{"sealed://_git/x/key": key})})
		_, err := g.Resolve(context.Background(), slipway.Repository{URL: url, Credential: "sealed://_git/x/key"}, "")
		if slipway.CodeOf(err) != want {
			t.Errorf("by ssh, %s: %v", host, err)
		}
	}
}

// TestSSH speaks to a real ssh server with git's and ssh's real clients.
func TestSSH(t *testing.T) {
	r := sourcetest.NewRepo(t)
	commit := r.Commit("a.txt", "one")
	key, public := newKey(t)
	other, _ := newKey(t)
	address := serveSSH(t, public)
	dir := filepath.Join(t.TempDir(), "mirrors")
	repo := slipway.Repository{URL: "ssh://git@" + address + r.Dir}
	g := newSource(t, source.Options{Dir: dir, Secrets: keep(repo.URL, map[slipway.SecretRef]string{"sealed://_git/x/key": key, "sealed://_git/x/other": other, "sealed://_git/x/token": "just-a-token"})})
	for _, credential := range []slipway.SecretRef{"", "sealed://_git/x/other"} {
		repo.Credential = credential
		_, err := g.Resolve(context.Background(), repo, "")
		refused(t, err, "private")
	}
	repo.Credential = "sealed://_git/x/token"
	if _, err := g.Resolve(context.Background(), repo, ""); slipway.CodeOf(err) != slipway.Invalid {
		t.Errorf("a token for ssh: %v", err)
	}
	repo.Credential = "sealed://_git/x/key"
	if c, err := g.Resolve(context.Background(), repo, ""); err != nil || c.ID != commit {
		t.Fatalf("%v %v", c, err)
	}
	if _, _, err := export(t, g, repo, commit); err != nil {
		t.Error(err)
	}
	holdsNothingOf(t, dir, strings.Split(key, "\n")[2])
	// The host is remembered; another key for it is an alarm, also one that was
	// remembered when all hosts had one file.
	own := filepath.Join(dir, "hosts", strings.Replace(address, ":", "_", 1))
	if text, err := os.ReadFile(own); err != nil || !strings.Contains(string(text), "ssh-ed25519") {
		t.Errorf("the host is remembered as %q: %v", text, err)
	}
	for _, file := range []string{own, filepath.Join(dir, "known_hosts")} {
		if err := os.WriteFile(file, []byte(knownHost(t, address)), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := g.Resolve(context.Background(), repo, "")
		refused(t, err, "host key")
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
}

func newKey(t *testing.T) (private string, public ssh.PublicKey) {
	t.Helper()
	_, secret, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(secret, "")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block)), signer.PublicKey()
}

func knownHost(t *testing.T, address string) string {
	_, public := newKey(t)
	host, port, _ := net.SplitHostPort(address)
	return fmt.Sprintf("[%s]:%s %s", host, port, ssh.MarshalAuthorizedKey(public))
}

// serveSSH is a server that lets one key run git-upload-pack and nothing else.
func serveSSH(t *testing.T, allowed ssh.PublicKey) string {
	t.Helper()
	hostKey, _ := newKey(t)
	signer, err := ssh.ParsePrivateKey([]byte(hostKey))
	if err != nil {
		t.Fatal(err)
	}
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if string(key.Marshal()) != string(allowed.Marshal()) {
			return nil, fmt.Errorf("not this key")
		}
		return nil, nil
	}}
	config.AddHostKey(signer)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serveConn(conn, config)
		}
	}()
	return listener.Addr().String()
}

func serveConn(conn net.Conn, config *ssh.ServerConfig) {
	defer conn.Close()
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for offered := range channels {
		channel, requests, err := offered.Accept()
		if err != nil {
			return
		}
		go func() {
			for req := range requests {
				ok := req.Type == "exec"
				_ = req.Reply(ok || req.Type == "env", nil)
				if !ok {
					continue
				}
				path, found := strings.CutPrefix(string(req.Payload[4:]), "git-upload-pack '")
				cmd := exec.Command("git", "upload-pack", strings.TrimSuffix(path, "'"))
				stdin, _ := cmd.StdinPipe()
				cmd.Stdout, cmd.Stderr = channel, channel.Stderr()
				var status [4]byte
				go func() { _, _ = io.Copy(stdin, channel); _ = stdin.Close() }()
				if !found || cmd.Run() != nil {
					binary.BigEndian.PutUint32(status[:], 1)
				}
				_, _ = channel.SendRequest("exit-status", false, status[:])
				_ = channel.Close()
			}
		}()
	}
}
