package api_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/api"
	"github.com/slipway-dev/slipway/api/apitest"
)

// unbounded is the API of a world, as often as one likes.
func unbounded(f testing.TB, w *apitest.World) *api.Server {
	f.Helper()
	return apitest.NewServer(f, api.Options{Platform: w.Platform, RequestsPerMinute: 1 << 30})
}

// sent makes a request as it comes off a connection, where a header can hold
// what a client of Go's would not send.
func sent(s http.Handler, method, path, body string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://127.0.0.1"+path, strings.NewReader(body))
	r.Header = header
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// FuzzAuthorization: no header but the right one lets anybody in.
func FuzzAuthorization(f *testing.F) {
	w := apitest.New(f)
	s := unbounded(f, w)
	for _, seed := range []string{"", "Bearer", "Bearer ", "Bearer  x", "bearer slp_x", "Basic YTpi", "Bearer a.b.c", "Bearer\tx", "Bearer x, Bearer y", "Bearer \x00", "Bearer " + strings.Repeat("x", 5000)} {
		f.Add(seed)
	}
	if got := sent(s, "GET", "/api/v1/session", "", http.Header{"Authorization": {"Bearer " + w.Token}}); got.Code != http.StatusOK {
		f.Fatal(got.Code)
	}
	f.Fuzz(func(t *testing.T, header string) {
		got := sent(s, "GET", "/api/v1/session", "", http.Header{"Authorization": {header}})
		if got.Code != http.StatusUnauthorized || got.Header().Get("WWW-Authenticate") == "" || strings.Contains(got.Body.String(), w.Token) {
			t.Fatalf("%q: %d %s", header, got.Code, got.Body)
		}
	})
}

// FuzzIdempotencyKey: a key is refused as such, or makes a call that is carried
// out once.
func FuzzIdempotencyKey(f *testing.F) {
	w := apitest.New(f)
	s := unbounded(f, w)
	for _, seed := range []string{"deploy-1", "", " ", "a b", "é", "\x00", "\x7f", "'; drop table teams; --", "%00", strings.Repeat("k", 200), strings.Repeat("k", 201), "a,b", `"quoted"`} {
		f.Add(seed)
	}
	n := 0
	f.Fuzz(func(t *testing.T, key string) {
		n++
		body := fmt.Sprintf(`{"name":"team-%d"}`, n)
		ask := func() *httptest.ResponseRecorder {
			return sent(s, "POST", "/api/v1/teams", body, http.Header{"Authorization": {"Bearer " + w.Token}, "Idempotency-Key": {key}})
		}
		first, second := ask(), ask()
		visible := strings.Trim(key, " \t") != "" && len(key) <= 200 && strings.IndexFunc(key, func(r rune) bool { return r < '!' || r > '~' }) < 0
		switch first.Code {
		case http.StatusCreated:
			once := second.Code == http.StatusCreated && second.Header().Get("Idempotency-Replayed") == "true" && second.Body.String() == first.Body.String()
			if key != "" && (!visible || !once) || key == "" && second.Code != http.StatusConflict {
				t.Fatalf("%q: %d %s, then %d %s", key, first.Code, first.Body, second.Code, second.Body)
			}
		case http.StatusBadRequest:
			if visible {
				t.Fatalf("%q: %d %s", key, first.Code, first.Body)
			}
		case http.StatusUnprocessableEntity: // of an earlier call
			if !visible {
				t.Fatalf("%q: %d %s", key, first.Code, first.Body)
			}
		default:
			t.Fatalf("%q: %d %s", key, first.Code, first.Body)
		}
	})
}

// FuzzLastEventID: whatever a client says it saw last, the answer is a stream or
// a problem that names the header.
func FuzzLastEventID(f *testing.F) {
	w := apitest.New(f)
	s := unbounded(f, w)
	header := func() http.Header { return http.Header{"Authorization": {"Bearer " + w.Token}} }
	if got := sent(s, "POST", "/api/v1/services", `{"url":"https://git.example.com/billing.git","name":"billing"}`, header()); got.Code != http.StatusCreated {
		f.Fatal(got.Code, got.Body)
	}
	if got := sent(s, "POST", "/api/v1/services/billing/promotions", `{}`, header()); got.Code != http.StatusAccepted {
		f.Fatal(got.Code, got.Body)
	}
	sent(s, "GET", "/api/v1/promotions/1/events", "", header()) // until it has ended
	for _, seed := range []string{"", "0.0", "3.1", "999999999999999999.0", "1000000000000000000.0", "1", "-1.0", "1.2.3", "x'; --", "\x00", "1.0\r\ndata: x", "é"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		h := header()
		h.Set("Last-Event-ID", id)
		got := sent(s, "GET", "/api/v1/promotions/1/events", "", h)
		stream := got.Code == http.StatusOK && strings.HasPrefix(got.Header().Get("Content-Type"), "text/event-stream")
		if refused := got.Code == http.StatusBadRequest && strings.Contains(got.Body.String(), "Last-Event-ID"); !stream && !refused {
			t.Fatalf("%q: %d %s", id, got.Code, got.Body)
		}
	})
}
