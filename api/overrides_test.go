package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/api/apitest"
	"github.com/slipway-dev/slipway/api/operations"
)

// TestOverrides are given, returned in one form, kept by other changes, replaced
// and taken back.
func TestOverrides(t *testing.T) {
	w := apitest.New(t)
	overrides := func(text []byte) string {
		t.Helper()
		var s operations.Service
		if err := json.Unmarshal(text, &s); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		// Its escapes are the encoder's affair.
		return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(s.Overrides))
	}
	const kept = `{"python":"3.13","processes":{"web":{"command":"python serve.py <$PORT> 😀"}}}`
	resp, text := ask(t, w, "POST", "/api/v1/services", `{"url":"https://git.example.com/billing.git","overrides":{"processes":{"web":"python serve.py \u003c$PORT> \ud83d\ude00"},"python":3.13}}`)
	if resp.StatusCode != http.StatusCreated || overrides(text) != kept {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
	for _, c := range []struct{ method, body, want string }{
		{"GET", "", kept},
		{"PATCH", `{"kind":"worker"}`, kept},
		{"PATCH", `{"overrides":{"health":{"path":"/live"}}}`, `{"health":{"path":"/live"}}`},
		{"PATCH", `{"overrides":{}}`, ""},
		{"GET", "", ""},
	} {
		if resp, text := ask(t, w, c.method, "/api/v1/services/billing", c.body); resp.StatusCode != http.StatusOK || overrides(text) != c.want {
			t.Errorf("%s %s: %d %s", c.method, c.body, resp.StatusCode, text)
		}
	}
}

// TestOverridesAreRefusedByPointer wherever they are taken.
func TestOverridesAreRefusedByPointer(t *testing.T) {
	w := apitest.New(t)
	register(t, w, "billing")
	for _, c := range []struct{ method, path, rest string }{
		{"POST", "/services", `"url":"https://git.example.com/x.git",`},
		{"PATCH", "/services/billing", ""},
		{"POST", "/detection", `"url":"https://git.example.com/x.git",`},
		{"POST", "/services/billing/detection", ""},
	} {
		for body, want := range map[string]string{
			`{"pyhton":"3.13","health":{"path":"live"}}`:                 "/overrides/pyhton",
			`{"health":{"path":"live"},"server":"apache"}`:               "/overrides/health/path /overrides/server",
			`{"processes":{"web":{"command":"x","instances":0}}}`:        "/overrides/processes/web/instances",
			`{"processes":{"a/b~":"x"}}`:                                 "/overrides/processes/a~1b~0",
			`{"verify":[{"path":"/"},{"path":"x"}]}`:                     "/overrides/verify/1/path",
			`{"limits":{"body_megabytes":-1}}`:                           "/overrides/limits/body_megabytes",
			`{"environments":{"prod":{"limits":{"waiting_seconds":0}}}}`: "/overrides/environments/prod/limits/waiting_seconds",
			`{"name":"x"}`: "/overrides/name",
			`{"env":{"A":"` + strings.Repeat("x", 20<<10) + `"}}`: "/overrides",
			`{"env":{"A":null}}`:     "/overrides/env/A",
			`{"env":{"A":"\u0000"}}`: "/overrides/env/A",
		} {
			resp, text := ask(t, w, c.method, "/api/v1"+c.path, `{`+c.rest+`"overrides":`+body+`}`)
			p := problem(t, resp, text)
			var pointers []string
			for _, e := range p.Errors {
				pointers = append(pointers, e.Pointer)
			}
			if got := strings.Join(pointers, " "); resp.StatusCode != http.StatusBadRequest || got != want {
				t.Errorf("%s %s %.60s: %d at %q, want %q: %s", c.method, c.path, body, resp.StatusCode, got, want, p.Detail)
			}
		}
		for _, body := range []string{`null`, `"python: 3.13"`, `[]`} {
			if resp, text := ask(t, w, c.method, "/api/v1"+c.path, `{`+c.rest+`"overrides":`+body+`}`); resp.StatusCode != http.StatusBadRequest {
				t.Errorf("%s %s %s: %d %s", c.method, c.path, body, resp.StatusCode, text)
			}
		}
	}
}

// TestDetectionSaysWhatOverridesChange: what can't be deployed as detected can
// with a start command.
func TestDetectionSaysWhatOverridesChange(t *testing.T) {
	w := apitest.New(t)
	register(t, w, "billing")
	detect := func(path, body string) (d operations.Detection) {
		t.Helper()
		resp, text := ask(t, w, "POST", "/api/v1"+path, body)
		if err := json.Unmarshal(text, &d); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", resp.StatusCode, text)
		}
		return d
	}
	const url, start = `"url":"https://git.example.com/x.git"`, `"overrides":{"processes":{"web":"python serve.py"}}`
	if d := detect("/detection", `{`+url+`}`); d.Deployable || d.Name != "x" || d.Problems[0].Code != "web.none" || d.Problems[0].Remedy == "" {
		t.Errorf("%+v", d)
	}
	d := detect("/detection", `{`+url+`,`+start+`}`)
	if !d.Deployable || d.Processes["web"] != "python serve.py" {
		t.Errorf("%+v", d)
	}
	seen := false
	for _, f := range d.Findings {
		if f.What == "web" {
			seen = true
			if !f.Overridden || f.Key != "processes.web.command" || f.Rule != "web.override" || f.File != "" {
				t.Errorf("%+v", f)
			}
		}
	}
	if !seen {
		t.Error("no finding says how it starts")
	}
	if d := detect("/services/billing/detection", `{}`); d.Deployable {
		t.Errorf("%+v", d)
	}
	if d := detect("/services/billing/detection", `{`+start+`}`); !d.Deployable {
		t.Errorf("%+v", d)
	}
	if resp, text := ask(t, w, "PATCH", "/api/v1/services/billing", `{`+start+`}`); resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
	if d := detect("/services/billing/detection", `{}`); !d.Deployable {
		t.Errorf("its own do not count: %+v", d)
	}
	if d := detect("/services/billing/detection", `{"overrides":{}}`); d.Deployable {
		t.Errorf("without any: %+v", d)
	}
}
