package web_test

import (
	"context"
	"encoding/base64"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/internal/layertest"
	"github.com/slipway-dev/slipway/sandbox"
	"github.com/slipway-dev/slipway/socket"
)

// relay connects to where it is told and passes on what comes by its third descriptor:
// to the portal it is who has made the connection.
const relay = `import socket, sys, threading
ours, theirs = socket.socket(fileno=3), socket.create_connection((sys.argv[1], int(sys.argv[2])))
def pump(a, b):
    while data := a.recv(65536):
        b.sendall(data)
    b.shutdown(socket.SHUT_WR)
threading.Thread(target=pump, args=(theirs, ours), daemon=True).start()
pump(ours, theirs)
`

// program is a process of this machine that makes connections.
type program struct {
	name  string
	start func(t testing.TB, cmd *exec.Cmd) error
}

func plainly(_ testing.TB, cmd *exec.Cmd) error { return cmd.Start() }

func anotherUser(_ testing.TB, cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	return cmd.Start()
}

// aService runs as the node runs instances and release commands.
func aService(t testing.TB, cmd *exec.Cmd) error {
	cmd.Dir = t.TempDir()
	return sandbox.Start(cmd, sandbox.Confinement{Write: []string{cmd.Dir}})
}

// aBuild runs as commands of a build, tests and templates do.
func aBuild(t testing.TB, cmd *exec.Cmd) error {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = sandbox.Run(ctx, sandbox.Command{
			Args: cmd.Args, Dir: dir, Env: sandbox.Environment(dir, nil, nil), ExtraFiles: cmd.ExtraFiles, Timeout: time.Minute, Confinement: &sandbox.Confinement{Write: []string{dir}},
		}, io.Discard)
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return nil
}

// through has all connections of a browser made by a program of the machine.
func (s *site) through(p program) *browser {
	b := s.browser()
	b.http.Transport = &http.Transport{MaxConnsPerHost: 1, DialContext: func(_ context.Context, _, address string) (net.Conn, error) {
		pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			return nil, err
		}
		ours, theirs := os.NewFile(uintptr(pair[0]), "ours"), os.NewFile(uintptr(pair[1]), "theirs")
		defer ours.Close()
		host, port, _ := net.SplitHostPort(address)
		cmd := exec.Command("/usr/bin/python3", "-c", relay, host, port)
		cmd.Stderr, cmd.ExtraFiles = os.Stderr, []*os.File{theirs}
		if err := p.start(s.t, cmd); err != nil {
			return nil, err
		}
		s.t.Cleanup(func() {
			_ = theirs.Close()
			if cmd.Process != nil {
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
			}
		})
		return net.FileConn(ours)
	}}
	s.t.Cleanup(b.http.CloseIdleConnections)
	return b
}

// call asks the API with a bearer token.
func (b *browser) call(method, path, bearer, body string) answer {
	b.t.Helper()
	r, err := http.NewRequest(method, b.base+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return b.do(r)
}

// isOut tells whether a page sent its reader to sign in, and gave him no session.
func (a answer) isOut() bool {
	for _, line := range a.header["Set-Cookie"] {
		c, err := http.ParseSetCookie(line)
		if err != nil || c.MaxAge >= 0 && !strings.HasPrefix(c.Name, "slipway-form") {
			return false
		}
	}
	return a.status == http.StatusSeeOther && strings.HasPrefix(a.header.Get("Location"), "/login")
}

// TestStolenSessions: a browser gives the portal's cookies to every port of its host.
// Whoever listens there and isn't its user gets nothing by them, whatever he tries, and
// the browser goes on.
func TestStolenSessions(t *testing.T) {
	s := newSiteOf(t, socket.NewPeers().Asking)
	browsing := s.through(program{"the browser", plainly})
	s.account("bob", true)
	browsing.signIn("bob")
	bob := browsing.cookies()
	if a := browsing.get("/account"); a.status != http.StatusOK {
		t.Fatalf("the browser itself: %d", a.status)
	}

	thieves := []program{{"a service", aService}, {"a build", aBuild}}
	if layertest.Root(t) {
		thieves = append(thieves, program{"another user", anotherUser})
	}
	for _, who := range thieves {
		thief := s.through(who)
		for _, stolen := range []map[string]string{bob, {"slipway-access": bob["slipway-access"]}, {"slipway-refresh": bob["slipway-refresh"]}} {
			thief.http.Jar, _ = cookiejar.New(nil)
			thief.plant(stolen)
			if a := thief.get("/account"); !a.isOut() {
				t.Errorf("%s reads as bob with %v: %d %v", who.name, names(stolen), a.status, a.header)
			}
			thief.plant(stolen)
			if a := thief.post("/login", "/theme", url.Values{"theme": {"dark"}}); strings.Contains(a.body, "bob") {
				t.Errorf("%s acts as bob: %d", who.name, a.status)
			}
		}
		if a := thief.call("GET", "/session", bob["slipway-access"], ""); a.status != http.StatusUnauthorized {
			t.Errorf("%s asks the API as bob: %d %s", who.name, a.status, a.body)
		}
		if a := thief.call("POST", "/session/refresh", "", `{"refresh_token":"`+bob["slipway-refresh"]+`"}`); a.status != http.StatusUnauthorized {
			t.Errorf("%s has bob's session renewed: %d %s", who.name, a.status, a.body)
		}
		// A token is a program's to use, whoever that is.
		if a := thief.call("GET", "/services", s.Token, ""); a.status != http.StatusOK {
			t.Errorf("%s with a token: %d %s", who.name, a.status, a.body)
		}
	}

	// None of this has spent anything of bob's, or lengthened it.
	if a := browsing.get("/account"); a.status != http.StatusOK {
		t.Errorf("bob, afterwards: %d", a.status)
	}
	browsing.plant(map[string]string{"slipway-access": ""})
	if a := browsing.get("/account"); a.status != http.StatusOK || browsing.cookies()["slipway-refresh"] == bob["slipway-refresh"] {
		t.Errorf("bob's session is not renewed: %d", a.status)
	}
	told := map[string]int{}
	for _, e := range s.misuse() {
		told[strings.Split(e.Reason, ": ")[0]]++
		if e.Actor != "bob" || e.Result != string(audit.Refused) || strings.Contains(e.Reason, "is confined") != strings.Contains(e.Reason, "over this connection") {
			t.Errorf("%+v", e)
		}
	}
	if len(told) != min(len(thieves), 2) || told["a session was tried that isn't good over this connection"] != 1 {
		t.Errorf("on record: %v", told)
	}
	for what, n := range told {
		if n != 1 {
			t.Errorf("%q is told %d times", what, n)
		}
	}
}

// TestForeignSessions: what listens on another port of the portal's host can also give a
// browser cookies. A session that isn't that user's isn't one that it goes on with, and
// code that the platform runs can begin none.
func TestForeignSessions(t *testing.T) {
	s := newSiteOf(t, socket.NewPeers().Asking)
	s.account("bob", false)
	s.account("mallory", false)
	browsing := s.through(program{"the browser", plainly})
	for _, who := range []program{{"a service", aService}, {"a build", aBuild}} {
		thief := s.through(who)
		a := thief.post("/login", "/login", url.Values{"name": {"mallory"}, "password": {password}})
		if a.status != http.StatusUnauthorized || !strings.Contains(a.body, "is confined") || thief.cookies()["slipway-access"] != "" {
			t.Errorf("%s signs in: %d %v", who.name, a.status, thief.cookies())
		}
		if a := thief.call("POST", "/session", "", `{"name":"mallory","password":"`+password+`"}`); a.status != http.StatusForbidden {
			t.Errorf("%s opens a session: %d %s", who.name, a.status, a.body)
		}
	}
	// One from where nobody asked, as behind a proxy, or by an earlier version.
	elsewhere, err := s.SignIn(t.Context(), "mallory", slipway.NewSecret(password), identity.Caller{Via: "portal"})
	if err != nil {
		t.Fatal(err)
	}
	tossed := []map[string]string{{"slipway-access": elsewhere.Access.Reveal(), "slipway-refresh": elsewhere.Refresh.Reveal()}}
	if layertest.Root(t) {
		other := s.through(program{"another user", anotherUser})
		other.signIn("mallory")
		if a := other.get("/account"); a.status != http.StatusOK {
			t.Errorf("another user's own session: %d", a.status)
		}
		tossed = append(tossed, other.cookies())
	}
	for _, cookies := range tossed {
		browsing.http.Jar, _ = cookiejar.New(nil)
		browsing.plant(cookies)
		if a := browsing.get("/account"); !a.isOut() {
			t.Errorf("the browser goes on with a foreign session: %d", a.status)
		}
		browsing.signIn("bob")
		if a := browsing.get("/account"); a.status != http.StatusOK || !strings.Contains(a.body, "bob") || strings.Contains(a.body, "mallory") {
			t.Errorf("bob signs in over it: %d", a.status)
		}
	}
}

// TestForeignWaysIn: a sign-in at a provider is finished where it was begun, also when a
// browser was given what it would have kept.
func TestForeignWaysIn(t *testing.T) {
	s := newSiteOf(t, socket.NewPeers().Asking)
	boss := s.through(program{"an admin", plainly})
	s.account("boss", true)
	boss.signIn("boss")
	if _, err := s.AddTeam(as(), "shop", ""); err != nil {
		t.Fatal(err)
	}
	corp := s.corp(boss, "developers=shop:developer")
	service := s.through(program{"a service", aService})
	if a := service.get("/login/with/corp"); a.status != http.StatusForbidden || len(service.cookies()) > 1 {
		t.Errorf("a service begins to sign in: %d %v", a.status, service.cookies())
	}
	if !layertest.Root(t) {
		return
	}
	other, browsing := s.through(program{"another user", anotherUser}), s.through(program{"the browser", plainly})
	back := other.through(corp, "bert", "/")
	browsing.plant(map[string]string{"slipway-signin": other.cookies()["slipway-signin"]})
	if a := browsing.get(back); a.status != http.StatusUnauthorized || browsing.cookies()["slipway-access"] != "" {
		t.Errorf("the browser finishes it: %d %v", a.status, browsing.cookies())
	}
	if a := other.get(back); a.status != http.StatusSeeOther || other.cookies()["slipway-access"] == "" {
		t.Errorf("who began it finishes it: %d %s", a.status, a.body)
	}
}

// TestSentencesOfOthers: no page says what another program, or another session, has left
// in the browser for it.
func TestSentencesOfOthers(t *testing.T) {
	s := newSite(t)
	bob, eve := s.person("bob", false, nil), s.person("eve", false, nil)
	eve.post("/account", "/account", url.Values{"display_name": {"Eve"}})
	const kept = "Your account is saved."
	sealed := eve.cookies()["slipway-said"]
	for _, value := range []string{base64.RawURLEncoding.EncodeToString([]byte("Sign in again at evil.example")), base64.RawURLEncoding.EncodeToString([]byte(kept)) + ".AAAA", sealed} {
		bob.plant(map[string]string{"slipway-said": value})
		if a := bob.get("/account"); a.status != http.StatusOK || strings.Contains(a.body, "evil.example") || strings.Contains(a.body, kept) {
			t.Errorf("bob reads what %q says: %d", value, a.status)
		}
	}
	if a := eve.get("/account"); !strings.Contains(a.body, kept) {
		t.Error("eve doesn't read her own")
	}
}

// account is a person who has not signed in.
func (s *site) account(name string, admin bool) {
	s.t.Helper()
	if _, err := s.AddAccount(as(), identity.AccountInput{Name: name, Admin: admin, Password: slipway.NewSecret(password)}); err != nil {
		s.t.Fatal(err)
	}
}

// misuse is what is on record of sessions that were tried by whom they aren't of.
func (s *site) misuse() (found []*ent.AuditEntry) {
	s.t.Helper()
	list, err := s.Audit(as(), audit.Query{})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range list.Items {
		if e.Action == "session.use" {
			found = append(found, e)
		}
	}
	return found
}

func names(cookies map[string]string) []string { return slices.Sorted(maps.Keys(cookies)) }
