package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/api/apitest"
)

// TestKeysComeOnce sends bodies in which an object has a key twice.
func TestKeysComeOnce(t *testing.T) {
	w := apitest.New(t)
	const post, patch = "POST", "PATCH"
	if resp, text := ask(t, w, post, "/api/v1/services", `{"url":"https://git.example.com/billing.git","name":"billing"}`); resp.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
	for _, c := range []struct{ method, path, body, pointer string }{
		{post, "/services", `{"url":"https://git.example.com/x.git","name":"x","name":"y"}`, `"/name"`},
		{post, "/services", `{"url":"https://git.example.com/x.git","url":"https://git.example.com/x.git","name":"x"}`, `"/url"`},
		{post, "/services", `{"url":"https://git.example.com/x.git","n\u0061me":"x","name":"y"}`, `"/name"`},
		{post, "/services", `{"url":"https://git.example.com/x.git","name":"x","overrides":{"processes":{"web":"a","web":"b"}}}`, `"/overrides/processes/web"`},
		{patch, "/services/billing/config", `{"set":{"A":"1","B":"2","A":"3"}}`, `"/set/A"`},
		{post, "/bundles", `{"environment":"dev","promotions":[{"service":"billing"},{"service":"a","service":"b"}]}`, `"/promotions/1/service"`},
	} {
		resp, text := ask(t, w, c.method, "/api/v1"+c.path, c.body)
		if resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(text), "is there twice") || !strings.Contains(string(text), c.pointer) {
			t.Errorf("%s %s: %d %s", c.path, c.body, resp.StatusCode, text)
		}
	}
	for _, body := range []string{`{"set":{"A":"1","a":"2","B":"{\"A\":1,\"A\":2}"}}`, `{"set":{"set":"1"},"unset":["A","A"]}`} {
		if resp, text := ask(t, w, patch, "/api/v1/services/billing/config", body); strings.Contains(string(text), "twice; give") {
			t.Errorf("%s: %d %s", body, resp.StatusCode, text)
		}
	}
}

// TestBodiesReadOneWay sends bodies of which one reader makes something else than
// another: with something behind the value, and with text that is no Unicode.
func TestBodiesReadOneWay(t *testing.T) {
	w := apitest.New(t)
	if resp, text := ask(t, w, "POST", "/api/v1/services", `{"url":"https://git.example.com/billing.git","name":"billing"}`); resp.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
	const path = "/api/v1/services/billing/config"
	for _, c := range []struct{ body, says string }{
		{`{"set":{"A":"1"}} {"x":1}`, "one value"},
		{`{"set":{"A":"1"}}garbage`, "one value"},
		{`{"set":{"A":"1"}}}`, "one value"},
		{`{"set":{"A":"1"}}null`, "one value"},
		{"{\"set\":{\"A\":\"1\"}}\x00", "one value"},
		{"{\"set\":{\"A\":\"\xff\xfe\"}}", `"/set/A"`},
		{"{\"set\":{\"A\":\"\xed\xa0\x80\"}}", `"/set/A"`},
		{"{\"unset\":[\"B\",\"A\xc3\"]}", `"/unset/1"`},
		{`{"set":{"A":"\ud800"}}`, `"/set/A"`},
		{`{"set":{"A":"\uDC00\ud800"}}`, `"/set/A"`},
		{`{"set":{"A":"\ud83d\u0041"}}`, `"/set/A"`},
		{`{"set":{"A":"\ud83d\ude00\ud83d"}}`, `"/set/A"`},
		{`{"set":{"A":"\\\ud83d"}}`, `"/set/A"`},
	} {
		resp, text := ask(t, w, "PATCH", path, c.body)
		if resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(text), c.says) || !strings.Contains(string(text), "send ") {
			t.Errorf("%q: %d %s", c.body, resp.StatusCode, text)
		}
	}
	for _, body := range []string{`{"set":{"A":"\ud83d\ude00 \u00e9 \\ud800 é 😀 \ufffd"}}`, " {\"set\":{\"A\":\"1\"}} \r\n\t"} {
		if resp, text := ask(t, w, "PATCH", path, body); resp.StatusCode != http.StatusOK {
			t.Errorf("%q: %d %s", body, resp.StatusCode, text)
		}
	}
}

// TestBodiesCutShort sends what begins as JSON and isn't: each is answered at once,
// whoever asks.
func TestBodiesCutShort(t *testing.T) {
	w := apitest.New(t)
	whole := `{"set":{"A":["1",{"b":null,"c":-1.5e3}],"D":true}}`
	bodies := []string{"[", "{", "[[", `[1`, `[1,`, `[1 2]`, `{"a"`, `{"a":`, `{"a" 1`, `{"a":1,`, "[\x00y", "[\xef\xbf\xbdy", "[tru", `{1:2}`, `{"a":[}`, `[{]`, `"`, "-", "[1e", `{"a":"\u12`}
	for i := 1; i < len(whole); i++ {
		bodies = append(bodies, whole[:i])
	}
	client := &http.Client{Timeout: 20 * time.Second} // a bound for an answer that would never come
	for _, c := range []struct{ method, path string }{
		{"PATCH", "/services/billing/config"}, {"POST", "/session"}, {"POST", "/session/refresh"}, {"PUT", "/accounts/chatops/password"},
	} {
		for _, body := range bodies {
			r, err := http.NewRequestWithContext(t.Context(), c.method, w.URL+"/api/v1"+c.path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer "+w.Token)
			answer, err := client.Do(r)
			if err != nil {
				t.Fatalf("%s %s %q: %v", c.method, c.path, body, err)
			}
			_ = answer.Body.Close()
			if answer.StatusCode != http.StatusBadRequest && answer.StatusCode != http.StatusTooManyRequests {
				t.Errorf("%s %s %q: %d", c.method, c.path, body, answer.StatusCode)
			}
		}
	}
}
