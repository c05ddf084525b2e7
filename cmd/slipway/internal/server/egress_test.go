package server

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cgi"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/adapters/source"
	"github.com/slipway-dev/slipway/egress"
	"github.com/slipway-dev/slipway/ingress"
)

// TestGuardFollowsTheListener is the rule of docs/security.md.
func TestGuardFollowsTheListener(t *testing.T) {
	for name, c := range map[string]struct {
		listen, public string
		proxies        []string
		flags          outgoingFlags
		strict         bool
	}{
		"this machine":              {listen: "127.0.0.1:0"},
		"its IPv6":                  {listen: "[::1]:0"},
		"a public URL of its own":   {listen: "127.0.0.1:0", public: "http://localhost:7070"},
		"a network":                 {listen: "0.0.0.0:0", strict: true},
		"a proxy":                   {listen: "127.0.0.1:0", proxies: []string{"127.0.0.1"}, strict: true},
		"a public URL":              {listen: "127.0.0.1:0", public: "https://slipway.example.com", strict: true},
		"a network, opened":         {listen: "0.0.0.0:0", flags: outgoingFlags{Outgoing: "open"}},
		"this machine, guarded":     {listen: "127.0.0.1:0", flags: outgoingFlags{Outgoing: "guarded"}, strict: true},
		"a network, and an allowed": {listen: "0.0.0.0:0", flags: outgoingFlags{Outgoing: "auto", Allow: []string{"10.0.0.0/8"}}, strict: true},
	} {
		l, err := net.Listen("tcp", c.listen)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		g, err := c.flags.guard(&ingress.Entrance{Listener: l, PublicURL: c.public}, ingress.Options{Proxies: c.proxies})
		if err != nil || g.Strict() != c.strict {
			t.Errorf("%s: strict is %v, %v", name, g.Strict(), err)
			continue
		}
		o := (&embedded{guard: g}).guarded(source.Options{})
		if o.AllowFile || o.Resolve == nil || o.Proxy == c.strict {
			t.Errorf("%s: git is %+v", name, o)
		}
		_, err = g.Resolve(t.Context(), "10.0.0.1")
		if admitted := !c.strict || len(c.flags.Allow) > 0; (err == nil) != admitted {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestGitGoesWhereWebhooksGo asks git of an open platform for addresses that
// nobody means: the unspecified one reaches a listener of this test, as a
// link-local one would reach the cloud's.
func TestGitGoesWhereWebhooksGo(t *testing.T) {
	root := t.TempDir()
	git := func(dir string, args ...string) string {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "protocol.file.allow=always"}, args...)...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v %s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git(root, "init", "--quiet", "-b", "main", "inner")
	inner := filepath.Join(root, "inner")
	if err := os.WriteFile(filepath.Join(inner, "a.txt"), []byte("a"), 0o644); err != nil {
		t.Fatal(err)
	}
	git(inner, "add", ".")
	git(inner, "commit", "--quiet", "-m", "one")

	var asked atomic.Int32 // by a name or an address that isn't meant
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	port := fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
	serve := &cgi.Handler{Path: gitBackend(t), Root: "/git", Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"}}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.Host, "127.0.0.1:") {
			asked.Add(1)
		}
		if rest, ok := strings.CutPrefix(r.URL.Path, "/moved"); ok {
			http.Redirect(w, r, "http://0.0.0.0:"+port+"/git"+rest+"?"+r.URL.RawQuery, http.StatusFound)
			return
		}
		serve.ServeHTTP(w, r)
	})}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	ssh, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ssh.Close() })
	go func() {
		for {
			c, err := ssh.Accept()
			if err != nil {
				return
			}
			asked.Add(1)
			_ = c.Close()
		}
	}()
	sshPort := fmt.Sprint(ssh.Addr().(*net.TCPAddr).Port)

	// A repository whose submodule lies there.
	git(root, "clone", "--quiet", inner, "outer")
	outer := filepath.Join(root, "outer")
	git(outer, "submodule", "--quiet", "add", inner, "part")
	git(outer, "config", "-f", ".gitmodules", "submodule.part.url", "http://0.0.0.0:"+port+"/git/inner/.git")
	git(outer, "commit", "--quiet", "-a", "-m", "two")

	guard, err := egress.New(egress.Options{Open: true, Lookup: func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("0.0.0.0")}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	g := source.New((&embedded{guard: guard}).guarded(source.Options{Dir: filepath.Join(t.TempDir(), "mirrors")}))
	if _, err := g.Resolve(t.Context(), slipway.Repository{URL: "http://127.0.0.1:" + port + "/git/inner/.git"}, ""); err != nil {
		t.Errorf("a server of this machine: %v", err)
	}
	for _, url := range []string{
		"http://0.0.0.0:" + port + "/git/inner/.git", "http://[::]:" + port + "/git/inner/.git", "http://name.example:" + port + "/git/inner/.git",
		"http://127.0.0.1:" + port + "/moved/inner/.git",
		"ssh://git@0.0.0.0:" + sshPort + "/inner", "ssh://git@name.example:" + sshPort + "/inner",
	} {
		if _, err := g.Resolve(t.Context(), slipway.Repository{URL: url}, ""); slipway.CodeOf(err) != slipway.Invalid {
			t.Errorf("%s: %v", url, err)
		}
	}
	whole := slipway.Repository{URL: "http://127.0.0.1:" + port + "/git/outer/.git"}
	head, err := g.Resolve(t.Context(), whole, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Export(t.Context(), whole, head.ID, filepath.Join(t.TempDir(), "tree"), io.Discard); slipway.CodeOf(err) != slipway.Invalid || !strings.Contains(err.Error(), "internal address") {
		t.Errorf("a submodule there: %v", err)
	}
	if n := asked.Load(); n > 0 {
		t.Errorf("%d calls came to where none is meant", n)
	}
}

// gitBackend is git's own server for HTTP.
func gitBackend(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "git-http-backend")
}
