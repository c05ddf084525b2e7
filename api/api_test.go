package api_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api"
	"github.com/slipway-dev/slipway/api/apitest"
	"github.com/slipway-dev/slipway/api/operations"
)

// ask makes a request and returns the answer with its body.
func ask(t *testing.T, w *apitest.World, method, path, body string, headers ...string) (*http.Response, []byte) {
	t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, w.URL+path, content)
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", "Bearer "+w.Token)
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	conforms(t, req, resp, text)
	return resp, text
}

// conforms holds every answer that a test sees to the contract.
func conforms(t *testing.T, req *http.Request, resp *http.Response, body []byte) {
	t.Helper()
	path, inside := strings.CutPrefix(req.URL.Path, operations.BasePath)
	if !inside || path == "/" || path == "/openapi.yaml" || path == "" {
		return
	}
	router, err := apitest.Router()
	if err != nil {
		t.Fatal(err)
	}
	route, params, err := router.FindRoute(&http.Request{Method: req.Method, URL: req.URL})
	if err != nil {
		return // an unknown path, or a wrong method
	}
	err = openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route},
		Status:                 resp.StatusCode, Header: resp.Header, Body: io.NopCloser(bytes.NewReader(body)),
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, ExcludeResponseBody: !strings.Contains(resp.Header.Get("Content-Type"), "json") || strings.Contains(resp.Header.Get("Content-Type"), "cyclonedx")},
	})
	if err != nil {
		t.Errorf("%s %s: the answer breaks the contract: %v\n%s", req.Method, req.URL.Path, err, body)
	}
}

func spec(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := theSpec()
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

var theSpec = sync.OnceValues(func() (*openapi3.T, error) { return openapi3.NewLoader().LoadFromData(api.Spec) })

func problem(t *testing.T, resp *http.Response, body []byte) operations.Problem {
	t.Helper()
	var p operations.Problem
	if got := resp.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Fatalf("content type %q, want problem details; body %s", got, body)
	}
	if err := json.Unmarshal(body, &p); err != nil {
		t.Fatal(err)
	}
	if p.Status != resp.StatusCode || p.Detail == "" || p.Title == "" || p.RequestId == "" || p.RequestId != resp.Header.Get("X-Request-Id") {
		t.Errorf("incomplete problem: %s", body)
	}
	return p
}

func register(t *testing.T, w *apitest.World, name string) {
	t.Helper()
	resp, body := ask(t, w, "POST", "/api/v1/services", `{"url":"https://git.example.com/`+name+`.git"}`)
	if resp.StatusCode != http.StatusCreated || resp.Header.Get("Location") != "/api/v1/services/"+name {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
}

func TestProblems(t *testing.T) {
	w := apitest.New(t)
	register(t, w, "billing")
	const promote = "/api/v1/services/billing/promotions"
	for _, c := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		code                     slipway.Code
		pointer, detail          string
	}{
		{name: "a missing field", method: "POST", path: "/api/v1/services", body: `{}`, status: 400, code: slipway.Invalid, pointer: "/url"},
		{name: "an unknown field", method: "POST", path: "/api/v1/services", body: `{"url":"https://x/y","colour":"red"}`, status: 400, code: slipway.Invalid, pointer: "/colour"},
		{name: "a wrong type", method: "POST", path: promote, body: `{"release":"seven"}`, status: 400, code: slipway.Invalid, pointer: "/release"},
		{name: "a rule of the platform", method: "POST", path: "/api/v1/services", body: `{"url":"ext::sh -c id"}`, status: 400, code: slipway.Invalid, pointer: "/url"},
		{name: "a bad name in the path", method: "GET", path: "/api/v1/services/..%2Fetc", status: 400, code: slipway.Invalid, pointer: "path/service"},
		{name: "a long name", method: "GET", path: "/api/v1/services/" + strings.Repeat("a", 300), status: 400, code: slipway.Invalid, pointer: "path/service"},
		{name: "a bad number in the path", method: "GET", path: "/api/v1/promotions/x", status: 400, code: slipway.Invalid, pointer: "path/promotion"},
		{name: "a limit out of bounds", method: "GET", path: "/api/v1/services?limit=0", status: 400, code: slipway.Invalid, pointer: "query/limit"},
		{name: "a limit that is no number", method: "GET", path: "/api/v1/services?limit=x", status: 400, code: slipway.Invalid, pointer: "query/limit"},
		{name: "an unknown parameter", method: "GET", path: "/api/v1/promotions?stat=failed", status: 400, code: slipway.Invalid, pointer: "query/stat"},
		{name: "a cursor made by hand", method: "GET", path: "/api/v1/services?cursor=abc", status: 400, code: slipway.Invalid, pointer: "query/cursor"},
		{name: "a state that is none", method: "GET", path: "/api/v1/promotions?state=fine", status: 400, code: slipway.Invalid, pointer: "query/state"},
		{name: "broken JSON", method: "POST", path: "/api/v1/services", body: `{"url":`, status: 400, code: slipway.Invalid},
		{name: "an empty body", method: "POST", path: "/api/v1/services", status: 400, code: slipway.Invalid},
		{name: "another content type", method: "POST", path: "/api/v1/services", body: `url=x`, headers: []string{"Content-Type", "application/x-www-form-urlencoded"}, status: 415, code: slipway.Invalid},
		{name: "not there", method: "GET", path: "/api/v1/services/nothing", status: 404, code: slipway.NotFound, detail: "there is no service nothing"},
		{name: "no such promotion", method: "GET", path: "/api/v1/promotions/99/events", status: 404, code: slipway.NotFound},
		{name: "twice", method: "POST", path: "/api/v1/services", body: `{"url":"https://git.example.com/billing.git"}`, status: 409, code: slipway.Conflict},
		{name: "an unknown ref", method: "POST", path: promote, body: `{"ref":"missing"}`, status: 400, code: slipway.Invalid, pointer: "/ref"},
		{name: "something else is down", method: "POST", path: promote, body: `{"ref":"down"}`, status: 503, code: slipway.Unavailable},
		{name: "a defect", method: "POST", path: promote, body: `{"ref":"defect"}`, status: 500, code: slipway.Internal, detail: "internal error"},
		{name: "an unknown path", method: "GET", path: "/api/v1/nothing", status: 404, code: slipway.NotFound},
		{name: "a wrong method", method: "DELETE", path: "/api/v1/environments", status: 405, code: slipway.Invalid},
		{name: "another site", method: "POST", path: promote, body: `{}`, headers: []string{"Sec-Fetch-Site", "cross-site"}, status: 403, code: slipway.Denied},
		{name: "another origin", method: "POST", path: promote, body: `{}`, headers: []string{"Origin", "https://evil.example"}, status: 403, code: slipway.Denied},
		{name: "another host name", method: "GET", path: "/api/v1/services", headers: []string{"Host", "evil.example"}, status: 421, code: slipway.Denied},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp, body := ask(t, w, c.method, c.path, c.body, c.headers...)
			p := problem(t, resp, body)
			if resp.StatusCode != c.status || p.Code != c.code {
				t.Fatalf("got %d %s, want %d %s: %s", resp.StatusCode, p.Code, c.status, c.code, body)
			}
			if c.pointer != "" && !slices.ContainsFunc(p.Errors, func(f operations.FieldError) bool { return f.Pointer == c.pointer && f.Message != "" }) {
				t.Errorf("no error points at %s: %s", c.pointer, body)
			}
			if !strings.Contains(p.Detail, c.detail) || strings.Contains(string(body), "password authentication") {
				t.Errorf("detail %q", p.Detail)
			}
		})
	}
	resp, _ := ask(t, w, "DELETE", "/api/v1/environments", "")
	if allow := resp.Header.Get("Allow"); !strings.Contains(allow, "GET") || !strings.Contains(allow, "POST") {
		t.Errorf("Allow: %q", allow)
	}
}

// TestSecretsStayOut makes sure that a refused value is not repeated.
func TestSecretsStayOut(t *testing.T) {
	w := apitest.New(t)
	register(t, w, "billing")
	long := strings.Repeat("hunter2-", 9000)
	for _, body := range []string{`{"value":"` + long + `"}`, `{"value":7342117}`, `{"value":"","hunter2":"hunter2-x"}`} {
		resp, text := ask(t, w, "PUT", "/api/v1/services/billing/secrets/DB_URL", body)
		if p := problem(t, resp, text); p.Code != slipway.Invalid || strings.Contains(string(text), "hunter2-") || strings.Contains(string(text), "7342117") {
			t.Errorf("%s", text)
		}
	}
	resp, text := ask(t, w, "PUT", "/api/v1/services/billing/secrets/DB_URL?environment=prod", `{"value":"correct-horse"}`)
	if resp.StatusCode != 200 || strings.Contains(string(text), "horse") {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
	for _, path := range []string{"/secrets", "/config?environment=prod"} {
		if _, text = ask(t, w, "GET", "/api/v1/services/billing"+path, ""); strings.Contains(string(text), "horse") || !strings.Contains(string(text), "sealed://billing/prod/DB_URL") {
			t.Errorf("%s: %s", path, text)
		}
	}
	if resp, _ = ask(t, w, "DELETE", "/api/v1/services/billing/secrets/DB_URL?environment=prod", ""); resp.StatusCode != 204 {
		t.Error(resp.Status)
	}
}

func TestBodyLimit(t *testing.T) {
	w := apitest.New(t)
	body := `{"url":"` + strings.Repeat("a", api.MaxBody) + `"}`
	resp, text := ask(t, w, "POST", "/api/v1/services", body)
	if p := problem(t, resp, text); resp.StatusCode != 413 || p.Code != slipway.Invalid {
		t.Errorf("with a length: %d %s", resp.StatusCode, text)
	}
	// Chunked, so that only reading finds out.
	req, err := http.NewRequestWithContext(t.Context(), "POST", w.URL+"/api/v1/services", io.MultiReader(strings.NewReader(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+w.Token)
	chunked, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = chunked.Body.Close() }()
	if chunked.StatusCode != 413 {
		t.Errorf("chunked: %s", chunked.Status)
	}
}

func TestHosts(t *testing.T) {
	w := apitest.New(t)
	for host, want := range map[string]int{
		"localhost:7070": 200, "127.0.0.1": 200, "[::1]:7070": 200, "slipway.localhost": 200, "LOCALHOST.": 200,
		"localhost.evil.example": 421, "10.0.0.1": 421, "evil.example:7070": 421, "127.0.0.1.nip.io": 421,
	} {
		if resp, _ := ask(t, w, "GET", "/api/v1/version", "", "Host", host); resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", host, resp.StatusCode, want)
		}
	}
}

// TestEveryOperationIsRouted walks the contract: none answers as if it were not there.
func TestEveryOperationIsRouted(t *testing.T) {
	w := apitest.New(t)
	register(t, w, "billing")
	replace := strings.NewReplacer("{service}", "billing", "{environment}", "dev", "{promotion}", "1", "{number}", "1", "{step}", "build", "{name}", "KEY")
	_, page := ask(t, w, "GET", "/api/v1/", "")
	for path, item := range spec(t).Paths.Map() {
		for method, op := range item.Operations() {
			if op.OperationID == "deleteService" {
				continue // last, below
			}
			resp, body := ask(t, w, method, operations.BasePath+replace.Replace(path), map[bool]string{true: "{}"}[op.RequestBody != nil])
			if resp.StatusCode == 405 || resp.StatusCode >= 500 || strings.Contains(string(body), "nothing is at this path") {
				t.Errorf("%s %s: %d %s", method, path, resp.StatusCode, body)
			}
			if op.OperationID == "" || op.Summary == "" || op.Description == "" || len(op.Tags) != 1 {
				t.Errorf("%s %s is not described", method, path)
			}
			if !bytes.Contains(page, []byte(`id="`+op.OperationID+`"`)) || !bytes.Contains(page, []byte(">"+path+"<")) {
				t.Errorf("the reference page lacks %s", op.OperationID)
			}
		}
	}
	if resp, body := ask(t, w, "DELETE", "/api/v1/services/billing", ""); resp.StatusCode != 204 && resp.StatusCode != 409 {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

// TestWords holds the enums of the contract to the lists of the root package.
func TestWords(t *testing.T) {
	doc := spec(t)
	words := func(name string) []string {
		var out []string
		for _, v := range doc.Components.Schemas[name].Value.Enum {
			out = append(out, v.(string))
		}
		return out
	}
	same(t, words("PromotionState"), slipway.PromotionStates)
	same(t, words("StepName"), slipway.StepNames)
	same(t, words("StepState"), slipway.StepStates)
	same(t, words("ConfigLayer"), slipway.LayerOrder)
	if err := doc.Validate(t.Context()); err != nil {
		t.Error(err)
	}
	for name, s := range doc.Components.Schemas {
		if s.Value.Description == "" {
			t.Errorf("the shape %s is not described", name)
		}
		for field, p := range s.Value.Properties {
			if p.Value.Description == "" {
				t.Errorf("%s.%s is not described", name, field)
			}
		}
	}
}

func same[T ~string](t *testing.T, got []string, want []T) {
	t.Helper()
	list := make([]string, len(want))
	for i, v := range want {
		list[i] = string(v)
	}
	if !slices.Equal(got, list) {
		t.Errorf("the contract has %v, the root package %v", got, list)
	}
}

func TestReferencePage(t *testing.T) {
	w := apitest.New(t)
	resp, page := ask(t, w, "GET", "/api/v1/", "")
	policy := resp.Header.Get("Content-Security-Policy")
	if resp.StatusCode != 200 || !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe-inline") {
		t.Errorf("%d %q", resp.StatusCode, policy)
	}
	for _, never := range []string{"<script", "src=", "ZgotmplZ", "%!"} {
		if bytes.Contains(page, []byte(never)) {
			t.Errorf("the page has %s", never)
		}
	}
	for _, want := range []string{"curl -sN -H &#34;Authorization: Bearer $SLIPWAY_TOKEN&#34; http://127.0.0.1:7070/api/v1/promotions/12/events", "prefers-color-scheme:dark", "problem-conflict"} {
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("the page lacks %s", want)
		}
	}
	// Examples are to be pasted: they ask the platform that shows them.
	for _, c := range []struct {
		options api.Options
		origin  string
	}{
		{api.Options{Platform: w.Platform, Listen: "127.0.0.1:7177"}, "http://127.0.0.1:7177"},
		{api.Options{Platform: w.Platform, Listen: "0.0.0.0:7177", PublicURL: "https://slipway.team.example"}, "https://slipway.team.example"},
	} {
		r := httptest.NewRequest(http.MethodGet, c.origin+"/api/v1/", nil)
		answer := httptest.NewRecorder()
		apitest.NewServer(t, c.options).ServeHTTP(answer, r)
		if body := answer.Body.String(); !strings.Contains(body, c.origin+"/api/v1/promotions/12/events") || strings.Contains(body, "127.0.0.1:7070") {
			t.Errorf("the examples don't ask %s: %d", c.origin, answer.Code)
		}
	}
	resp, text := ask(t, w, "GET", "/api/v1/openapi.yaml", "")
	if resp.StatusCode != 200 || !bytes.Equal(text, api.Spec) {
		t.Error("the contract is not served as it is")
	}
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/": 302, "/api/v1": 302, "/nothing": 404} {
		if resp, _ := ask(t, w, "GET", path, ""); resp.StatusCode != want {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
}

func FuzzCursor(f *testing.F) {
	for _, seed := range []string{"", "OmJpbGxpbmc", "OjEy", "abc", "Og", "Oi0x", "%00", "🚢"} {
		f.Add(seed)
	}
	w := apitest.New(f)
	f.Fuzz(func(t *testing.T, cursor string) {
		for _, path := range []string{"/api/v1/services", "/api/v1/promotions"} {
			req, err := http.NewRequest("GET", w.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+w.Token)
			q := req.URL.Query()
			q.Set("cursor", cursor)
			req.URL.RawQuery = q.Encode()
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != 200 && resp.StatusCode != 400 && resp.StatusCode != 431 {
				t.Fatalf("%q: %s", cursor, resp.Status)
			}
		}
	})
}
