package e2e

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
)

// replaying has an application try at the portal what a browser brought it.
func replaying(app string) string {
	return strings.Replace(app, "if __name__", `@app.get("/replay")
def replay():
    import http.client
    from flask import request
    said, port, access = [], request.headers["Portal"], request.headers["Stolen"]
    for path, headers in (("/account", {"Cookie": "slipway-access-" + port + "=" + access}), ("/api/v1/session", {"Authorization": "Bearer " + access})):
        portal = http.client.HTTPConnection("127.0.0.1", int(port))
        portal.request("GET", path, headers={"Host": "slipway.localhost:" + port, **headers})
        said.append(str(portal.getresponse().status))
    return " ".join(said)

if __name__`, 1)
}

// replaysNothing has somebody sign in, and a service try his session.
func (s *site) replaysNothing(service string) {
	t := s.t
	t.Helper()
	const account = `{"name": "bob", "password": "correct horse battery staple"}`
	if r := s.runWith(account, "api", "POST", "/accounts", "--input", "-"); r.code != 0 {
		t.Fatalf("exit %d\n%s%s", r.code, r.out, r.err)
	}
	answer, err := http.Post("http://"+s.listen+"/api/v1/session", "application/json", strings.NewReader(account))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var session struct {
		Access string `json:"access_token"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&session); err != nil || session.Access == "" {
		t.Fatalf("bob signs in: %d %v", answer.StatusCode, err)
	}
	_, port, _ := net.SplitHostPort(s.listen)
	ask := func(at, host, path string) (status int, body string) {
		r, err := http.NewRequest(http.MethodGet, "http://"+at+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		r.Header.Set("Portal", port)
		r.Header.Set("Stolen", session.Access)
		r.AddCookie(&http.Cookie{Name: "slipway-access-" + port, Value: session.Access})
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, _ := io.ReadAll(answer.Body)
		return answer.StatusCode, string(text)
	}
	// At the sign-in page, and refused.
	if status, said := ask(s.edge, service+".dev.localhost", "/replay"); status != http.StatusOK || said != "303 401" {
		t.Errorf("a service with bob's session: %d %q", status, said)
	}
	if status, page := ask(s.listen, "slipway.localhost:"+port, "/account"); status != http.StatusOK || !strings.Contains(page, "bob") {
		t.Errorf("bob himself: %d", status)
	}
	if out := s.must("audit", "ls"); !strings.Contains(out, "session.use") {
		t.Errorf("nothing is on record:\n%s", out)
	}
}
