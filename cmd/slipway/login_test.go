package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/adapters/openid"
	"github.com/slipway-dev/slipway/adapters/openid/openidtest"
	"github.com/slipway-dev/slipway/api/apitest"
	"github.com/slipway-dev/slipway/identity"
)

// console is what a command writes, read while it does.
type console struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.buf.Write(p)
}

func (c *console) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.buf.String()
}

// home is an environment with profiles of its own.
func home(t *testing.T, more map[string]string) func(string) string {
	dir := t.TempDir()
	return func(key string) string {
		if key == "HOME" {
			return dir
		}
		return more[key]
	}
}

var shown = regexp.MustCompile(`code ([A-Z]{4}-[A-Z]{4})`)

// TestLoginByBrowser waits on the command line until somebody says yes.
func TestLoginByBrowser(t *testing.T) {
	w := apitest.New(t)
	w.Address = w.URL
	password := slipway.NewSecret("correct horse battery staple")
	if _, err := w.AddAccount(slipway.WithViewer(t.Context(), slipway.System("test")), identity.AccountInput{Name: "bob", Password: password}); err != nil {
		t.Fatal(err)
	}
	s, err := w.SignIn(t.Context(), "bob", password, identity.Caller{Via: "portal"})
	if err != nil {
		t.Fatal(err)
	}
	v, err := w.Identify(t.Context(), s.Access, identity.Caller{Via: "portal"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		yes  bool
		exit int
		says string
	}{{true, 0, "as bob (profile there)"}, {false, 1, "refused in the browser"}} {
		env, out := home(t, nil), &console{}
		ended := make(chan int, 1)
		go func() {
			ended <- run(t.Context(), []string{"login", w.URL, "--as", "there", "--no-browser"}, strings.NewReader(""), out, out, env)
		}()
		deadline := time.Now().Add(time.Minute)
		for shown.FindStringSubmatch(out.String()) == nil {
			if time.Now().After(deadline) {
				t.Fatalf("no code: %s", out)
			}
			select {
			case code := <-ended:
				t.Fatalf("ended with %d: %s", code, out)
			case <-time.After(10 * time.Millisecond):
			}
		}
		if err := w.DecideDevice(slipway.WithViewer(t.Context(), v), shown.FindStringSubmatch(out.String())[1], c.yes); err != nil {
			t.Fatal(err)
		}
		if code := <-ended; code != c.exit || !strings.Contains(out.String(), c.says) || !strings.Contains(out.String(), w.URL+"/device?code=") {
			t.Errorf("%d: %s", code, out)
		}
		if c.yes {
			again := &console{}
			if code := run(t.Context(), []string{"whoami"}, strings.NewReader(""), again, again, env); code != 0 || !strings.Contains(again.String(), "bob") {
				t.Errorf("%d: %s", code, again)
			}
		}
	}
}

// TestLoginAsJob signs in by a job's own token, from each place that it can be in.
func TestLoginAsJob(t *testing.T) {
	w := apitest.New(t)
	ci := openidtest.NewServer(t)
	w.OpenID = openid.New(http.DefaultClient)
	w.Address = w.URL
	ada := home(t, map[string]string{"SLIPWAY_TOKEN": w.Token})
	for _, args := range [][]string{
		{"service", "add", "https://git.example.com/billing.git"},
		{"trust", "add", "billing", "main", "--issuer", ci.Issuer(), "--subject", "repo:shop/billing:*", "--scope", "promote:dev"},
	} {
		out := &console{}
		if code := run(t.Context(), append(args, "--server", w.URL), strings.NewReader(""), out, out, ada); code != 0 {
			t.Fatalf("%v: %d %s", args, code, out)
		}
	}
	token := func(audience, subject string) string { return ci.Sign(ci.Job(audience, subject)) }
	github := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer of the job" || r.URL.Query().Get("api-version") != "2.0" {
			http.Error(out, "no", http.StatusForbidden)
			return
		}
		fmt.Fprintf(out, `{"count":1,"value":%q}`, token(r.URL.Query().Get("audience"), "repo:shop/billing:ref:refs/heads/main"))
	}))
	t.Cleanup(github.Close)
	good := token(w.URL, "repo:shop/billing:ref:refs/heads/main")
	for name, c := range map[string]struct {
		env   map[string]string
		stdin string
		exit  int
		says  string
	}{
		"standard input":           {nil, good + "\n", 0, "as billing/main"},
		"the environment":          {map[string]string{"SLIPWAY_ID_TOKEN": good}, "", 0, "as billing/main"},
		"GitHub":                   {map[string]string{"ACTIONS_ID_TOKEN_REQUEST_URL": github.URL + "/?api-version=2.0", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of the job"}, "", 0, "as billing/main"},
		"GitHub without the right": {map[string]string{"ACTIONS_ID_TOKEN_REQUEST_URL": github.URL + "/?api-version=2.0", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "x"}, "", 1, "id-token: write"},
		"another repository":       {nil, token(w.URL, "repo:shop/wages:ref:refs/heads/main"), 1, "trusts no token like this one"},
		"nothing":                  {nil, "", 2, "no value"},
	} {
		env, out := home(t, c.env), &console{}
		code := run(t.Context(), []string{"login", w.URL, "--ci", "billing"}, strings.NewReader(c.stdin), out, out, env)
		if code != c.exit || !strings.Contains(out.String(), c.says) {
			t.Errorf("%s: %d %s", name, code, out)
		}
		if strings.Contains(out.String(), good) {
			t.Errorf("%s: the token is printed", name)
		}
		if c.exit != 0 {
			continue
		}
		out = &console{}
		if code := run(t.Context(), []string{"whoami", "--json"}, strings.NewReader(""), out, out, env); code != 0 || !json.Valid([]byte(out.String())) || !strings.Contains(out.String(), `"promote:dev"`) {
			t.Errorf("%s: %d %s", name, code, out)
		}
		out = &console{}
		if code := run(t.Context(), []string{"promote", "billing", "--to", "prod"}, strings.NewReader(""), out, out, env); code == 0 || !strings.Contains(out.String(), "scope for promote:prod") {
			t.Errorf("%s: %d %s", name, code, out)
		}
	}
}
