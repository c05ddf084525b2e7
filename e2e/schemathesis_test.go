package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// callers are those by whose rights the contract is tried, the weakest first:
// the mightier, the more of what the others looked at is gone afterwards.
var callers = []struct {
	name, team string // "" for no role in the team
	admin      bool   // of the platform
}{
	{name: "nobody"},
	{name: "tries-viewer", team: "viewer"},
	{name: "tries-developer", team: "developer"},
	{name: "tries-maintainer", team: "maintainer"},
	{name: "tries-team-admin", team: "admin"},
	{name: "tries-platform-admin", admin: true},
}

// TestContract generates requests from the published contract and sends them to
// a running platform, in every role. SLIPWAY_SCHEMATHESIS is how many of them
// at least, each time others (`make schemathesis`); without it they are few and the
// same (CI).
func TestContract(t *testing.T) {
	t.Parallel()
	atLeast, err := strconv.Atoi(os.Getenv("SLIPWAY_SCHEMATHESIS"))
	bounded := err != nil
	program := schemathesis(t)
	s := newSite(t)
	s.settings = []string{"SLIPWAY_REQUESTS_PER_MINUTE=0"} // the bound itself is tried in api
	s.start()
	there := populate(s)
	t.Run("an undocumented status is found", func(t *testing.T) { s.findsUndocumented(t, program) })
	for _, c := range callers {
		t.Run(c.name, func(t *testing.T) {
			own := client{there: there}
			if c.name != "nobody" {
				s.must("account", "add", c.name)
				if c.team != "" {
					s.must("team", "set", "shop", c.name, c.team)
				}
				var made struct {
					Token string
					Info  struct{ ID int }
				}
				s.decode(&made, "token", "add", "tries", "--account", c.name, "--scope", "admin")
				own.token, own.id = made.Token, made.Info.ID
			}
			if c.admin {
				s.must("account", "set", c.name, "--admin")
			}
			before := s.answered()
			switch {
			case bounded && c.admin: // the bounds of every value once, by who gets furthest
				s.conforms(t, program, own, "--seed", "1", "--max-examples", "3")
			case bounded:
				s.conforms(t, program, own, "--seed", "1", "--max-examples", "2", "--phases", "examples,fuzzing,stateful")
			default:
				for s.answered()-before < (atLeast+len(callers)-1)/len(callers) && !t.Failed() {
					s.conforms(t, program, own, "--max-examples", "10")
				}
			}
			t.Logf("%d requests", s.answered()-before)
			if status, _ := s.ask(http.DefaultClient, "/api/v1/session", own.token); own.token != "" && status != http.StatusOK {
				t.Error("the token stopped being good on the way: most requests were refused for that alone")
			}
		})
	}
}

// populate makes what the examples of the contract name, so that generated
// requests find something: known names by path parameter.
func populate(s *site) string {
	for _, team := range []string{"shop", "ours"} {
		s.must("team", "add", team)
	}
	for _, account := range []string{"ada", "chatops"} {
		s.must("account", "add", account)
	}
	files := plugApp("hello")
	files["requirements.txt"] = ""
	repo := newRepository(s.t, files)
	for service, team := range map[string]string{"billing": "shop", "ledger": "ours"} {
		body, _ := json.Marshal(map[string]string{"url": repo.url(), "name": service, "team": team}) // strings
		if r := s.runWith(string(body), "api", "POST", "/services", "--input", "-"); r.code != 0 {
			s.t.Fatalf("register %s: %s%s", service, r.out, r.err)
		}
	}
	s.must("promote", "billing", "--follow")
	s.must("promote", "billing", "--to", "test", "--follow")
	s.must("promote", "billing", "--to", "prod") // which waits for an approval
	s.must("config", "set", "billing", "--env", "test", "LOG_LEVEL=warning")
	if r := s.runWith("hunter2-hunter2", "secret", "set", "billing", "DATABASE_URL"); r.code != 0 {
		s.t.Fatalf("secret set: %s%s", r.out, r.err)
	}
	there, _ := json.Marshal(map[string]any{ // strings and numbers
		"service": []string{"billing", "ledger"}, "environment": []string{"dev", "test", "prod"}, "team": []string{"shop", "ours"},
		"account": []string{"ada", "chatops"}, "promotion": []int{1, 2}, "number": []int{1},
	})
	return string(there)
}

// client is by which right requests are sent, and what they should find.
type client struct {
	token string // "" for none
	id    int    // of the token
	there string
}

// conforms runs Schemathesis once; what it finds fails the test.
func (s *site) conforms(t *testing.T, program string, as client, more ...string) {
	t.Helper()
	if out, found := s.tried(t, program, "http://"+s.listen+"/api/v1/openapi.yaml", as, more...); found {
		t.Errorf("%s", out) // which leaves credentials out
	}
}

// findsUndocumented takes a status away from an operation that answers with it:
// the run must say so, or the runs that say nothing mean nothing.
func (s *site) findsUndocumented(t *testing.T, program string) {
	status, text := s.ask(http.DefaultClient, "/api/v1/openapi.yaml", "")
	if status != http.StatusOK {
		t.Fatalf("the contract: %d", status)
	}
	before, operation, _ := strings.Cut(text, "operationId: getSession\n")
	line := regexp.MustCompile(`(?m)^ +"401":.*\n`).FindString(operation)
	lacking := filepath.Join(t.TempDir(), "openapi.yaml")
	if err := os.WriteFile(lacking, []byte(before+"operationId: getSession\n"+strings.Replace(operation, line, "", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	out, found := s.tried(t, program, lacking, client{there: "{}"}, "--seed", "1", "--max-examples", "1", "--include-operation-id", "getSession")
	if !found || !strings.Contains(out, "Undocumented status code") {
		t.Errorf("nobody is told of a 401 that the contract doesn't have:\n%s", out)
	}
}

// tried runs Schemathesis once over a contract, and tells whether it found anything.
func (s *site) tried(t *testing.T, program, contract string, as client, more ...string) (string, bool) {
	t.Helper()
	ours, err := filepath.Abs("testdata/schemathesis")
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{"--config-file", settings(t, ours), "run", contract, "--url", "http://" + s.listen + "/api/v1", "--no-color",
		"--workers", "1", "--request-timeout", "30"}, more...)
	if as.token != "" {
		args = append(args, "--header", "Authorization: Bearer "+as.token)
	}
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "SLIPWAY_THERE="+as.there, "SLIPWAY_OWN="+strconv.Itoa(as.id), "SCHEMATHESIS_HOOKS=hooks", "PYTHONPATH="+ours, "PYTHONDONTWRITEBYTECODE=1")
	cmd.Dir = t.TempDir() // where it leaves what it remembers
	out, err := cmd.CombinedOutput()
	_, found := err.(*exec.ExitError)
	if err != nil && !found {
		t.Fatal(err)
	}
	return string(out), found
}

// settings are those of testdata, and that a cursor of nobody's making may be refused
// wherever the contract takes one.
func settings(t *testing.T, ours string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(ours, "schemathesis.toml"))
	if err != nil {
		t.Fatal(err)
	}
	contract, err := openapi3.NewLoader().LoadFromFile(filepath.FromSlash("../api/openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var take []string
	for _, path := range contract.Paths.Map() {
		for _, operation := range path.Operations() {
			if operation.Parameters.GetByInAndName("query", "cursor") != nil {
				take = append(take, strconv.Quote(operation.OperationID))
			}
		}
	}
	file := filepath.Join(t.TempDir(), "schemathesis.toml")
	text = fmt.Appendf(text, "\n[[operations]]\ninclude-operation-id = [%s]\n"+
		"checks.positive_data_acceptance.expected-statuses = [\"2xx\", \"400\", \"401\", \"403\", \"404\"]\n", strings.Join(take, ", "))
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

var requestCount = regexp.MustCompile(`(?m)^slipway_http_request_duration_seconds_count\{.*\} (\d+)$`)

// answered is how many requests the platform has answered until now, by its own
// count, which it tells its operator: no account is needed that a request could
// end.
func (s *site) answered() int {
	s.t.Helper()
	status, body := s.ask(s.operator(), "/metrics", "")
	if status != http.StatusOK {
		s.t.Fatalf("the metrics: %d %s", status, body)
	}
	n := 0
	for _, m := range requestCount.FindAllStringSubmatch(body, -1) {
		one, err := strconv.Atoi(m[1])
		if err != nil {
			s.t.Fatal(err)
		}
		n += one
	}
	return n
}

// operator asks as who may read the data directory does.
func (s *site) operator() *http.Client {
	return &http.Client{Transport: keyed{s.data, &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(s.data, "api.sock"))
	}}}}
}

// keyed shows the key of the operator's socket with every request.
type keyed struct {
	data string
	to   http.RoundTripper
}

func (k keyed) RoundTrip(r *http.Request) (*http.Response, error) {
	key, err := os.ReadFile(filepath.Join(k.data, "api.key"))
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Header.Set("Slipway-Socket-Key", string(key))
	return k.to.RoundTrip(r)
}

func (s *site) ask(by *http.Client, path, token string) (int, string) {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodGet, "http://"+s.listen+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := by.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// schemathesis is the program, installed at its pinned version in a cache that
// the next test finds.
func schemathesis(t *testing.T) string {
	t.Helper()
	pins, err := filepath.Abs("testdata/schemathesis/requirements.txt")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(pins)
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "slipway-tests", fmt.Sprintf("schemathesis-%x", sha256.Sum256(text))[:32])
	program := filepath.Join(dir, "bin", "schemathesis")
	if _, err := os.Stat(filepath.Join(dir, "whole")); err == nil {
		return program
	}
	for _, command := range [][]string{
		{"python3", "-m", "venv", "--clear", dir},
		{filepath.Join(dir, "bin", "pip"), "install", "--quiet", "--disable-pip-version-check", "-r", pins},
	} {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", command, err, out)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "whole"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return program
}
