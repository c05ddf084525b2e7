package apitest

import (
	"bytes"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWhatTheContractDoesNotHave proves that an answer can break the contract.
func TestWhatTheContractDoesNotHave(t *testing.T) {
	const problem = "application/problem+json"
	for name, c := range map[string]struct {
		method, path string
		status       int
		header       http.Header
		want         string // part of what is said; "" for nothing
	}{
		"a success":                   {"GET", "/version", 200, http.Header{"Content-Type": {"application/json"}}, ""},
		"a problem":                   {"GET", "/version", 421, http.Header{"Content-Type": {problem}}, ""},
		"no content":                  {"DELETE", "/services/billing", 204, nil, ""},
		"another success":             {"GET", "/version", 201, http.Header{"Content-Type": {"application/json"}}, "answers with 201"},
		"a status of another one":     {"GET", "/version", 404, http.Header{"Content-Type": {problem}}, "answers with 404"},
		"nothing at all":              {"GET", "/version", 0, nil, "answers with 0"},
		"a page for a problem":        {"GET", "/version", 500, http.Header{"Content-Type": {"text/html; charset=utf-8"}}, `500 is of the type "text/html"`},
		"an empty problem":            {"GET", "/version", 500, nil, `500 is of the type ""`},
		"401 that doesn't say how":    {"GET", "/status", 401, http.Header{"Content-Type": {problem}}, "WWW-Authenticate"},
		"503 that doesn't say when":   {"GET", "/status", 503, http.Header{"Content-Type": {problem}}, "Retry-After"},
		"503 that says when in words": {"GET", "/status", 503, http.Header{"Content-Type": {problem}, "Retry-After": {"soon"}}, "Retry-After"},
		"a tag that nobody expects":   {"GET", "/version", 200, http.Header{"Content-Type": {"application/json"}, "Etag": {`"1"`}}, "200 has the header ETag"},
	} {
		t.Run(name, func(t *testing.T) {
			router, err := Router()
			if err != nil {
				t.Fatal(err)
			}
			r, err := http.NewRequest(c.method, "/api/v1"+c.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			route, _, err := router.FindRoute(r)
			if err != nil {
				t.Fatal(err)
			}
			got := undocumented(t.Context(), route, &answered{status: c.status, header: c.header})
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// TestEveryTestServerIsHeld: a test that makes its server by itself would let
// answers pass that the contract does not have.
func TestEveryTestServerIsHeld(t *testing.T) {
	err := filepath.WalkDir("../..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte("api.New"+"Server(")) {
			t.Errorf("%s: make the server by apitest.NewServer", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
