package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api"
	"github.com/slipway-dev/slipway/api/apitest"
	"github.com/slipway-dev/slipway/api/operations"
)

func TestACreatingCallIsCarriedOutOnce(t *testing.T) {
	w := apitest.New(t)
	register(t, w, "billing")
	const promotions = "/api/v1/services/billing/promotions"
	count := func() int {
		_, body := ask(t, w, "GET", "/api/v1/promotions", "")
		var page operations.PromotionPage
		if err := json.Unmarshal(body, &page); err != nil {
			t.Fatal(err)
		}
		return len(page.Items)
	}

	t.Run("repeated", func(t *testing.T) {
		first, body := ask(t, w, "POST", promotions, `{}`, "Idempotency-Key", "deploy-1")
		again, same := ask(t, w, "POST", promotions, `{}`, "Idempotency-Key", "deploy-1")
		if first.StatusCode != 202 || again.StatusCode != 202 || string(body) != string(same) || first.Header.Get("Location") != again.Header.Get("Location") {
			t.Errorf("%d %s\n%d %s", first.StatusCode, body, again.StatusCode, same)
		}
		if first.Header.Get("Idempotency-Replayed") != "" || again.Header.Get("Idempotency-Replayed") != "true" {
			t.Error("a replay must say that it is one")
		}
	})
	if n := count(); n != 1 {
		t.Errorf("one call made %d promotions", n)
	}
	t.Run("another call under the same key", func(t *testing.T) {
		if resp, body := ask(t, w, "POST", promotions, `{"ref":"main"}`, "Idempotency-Key", "deploy-1"); resp.StatusCode != 422 {
			t.Errorf("%d %s", resp.StatusCode, body)
		}
	})
	t.Run("keys of two accounts don't meet", func(t *testing.T) {
		other := w.SignedUp("grace", true, nil)
		resp, body := ask(t, w, "POST", "/api/v1/teams", `{"name":"red"}`, "Idempotency-Key", "deploy-1", "Authorization", "Bearer "+other)
		if resp.StatusCode != 201 {
			t.Errorf("%d %s", resp.StatusCode, body)
		}
	})
	t.Run("many at once", func(t *testing.T) {
		statuses := make(chan int, 10)
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				resp, _ := ask(t, w, "POST", "/api/v1/services", `{"url":"https://git.example.com/once.git"}`, "Idempotency-Key", "register-1")
				statuses <- resp.StatusCode
			})
		}
		all.Wait()
		close(statuses)
		created := 0
		for status := range statuses {
			if status == 201 {
				created++
			} else if status != 409 {
				t.Errorf("got %d", status)
			}
		}
		if created == 0 {
			t.Error("nobody was told that the service is there")
		}
		if resp, _ := ask(t, w, "POST", "/api/v1/services", `{"url":"https://git.example.com/once.git"}`, "Idempotency-Key", "register-1"); resp.StatusCode != 201 {
			t.Errorf("the answer was not kept: %d", resp.StatusCode)
		}
	})
	t.Run("what failed may be tried again", func(t *testing.T) {
		if resp, _ := ask(t, w, "POST", "/api/v1/services/absent/promotions", `{}`, "Idempotency-Key", "deploy-2"); resp.StatusCode != 404 {
			t.Fatal(resp.StatusCode)
		}
		register(t, w, "absent")
		if resp, body := ask(t, w, "POST", "/api/v1/services/absent/promotions", `{}`, "Idempotency-Key", "deploy-2"); resp.StatusCode != 202 {
			t.Errorf("%d %s", resp.StatusCode, body)
		}
	})
	t.Run("a secret is not kept", func(t *testing.T) {
		body := `{"name":"ci","scopes":["read"]}`
		first, text := ask(t, w, "POST", "/api/v1/tokens", body, "Idempotency-Key", "token-1")
		again, repeated := ask(t, w, "POST", "/api/v1/tokens", body, "Idempotency-Key", "token-1")
		if first.StatusCode != 201 || again.StatusCode != 409 || strings.Contains(string(repeated), "slp_") {
			t.Errorf("%d %s\n%d %s", first.StatusCode, text, again.StatusCode, repeated)
		}
	})
	if n := count(); n != 2 {
		t.Errorf("two calls made %d promotions", n)
	}
}

func TestTwoEditorsDontOverwriteEachOther(t *testing.T) {
	w := apitest.New(t)
	register(t, w, "billing")
	w.SignedUp("grace", false, map[string]slipway.Role{"shop": slipway.RoleViewer})
	for _, c := range []struct{ name, at, method, change, mine, theirs string }{
		{"service", "/services/billing", "PATCH", "/services/billing", `{"branch":"release"}`, `{"branch":"other"}`},
		{"environment", "/environments/test", "PATCH", "/environments/test", `{"policy":{"approvals":3}}`, `{"policy":{"approvals":4}}`},
		{"config", "/services/billing/config?environment=dev", "PATCH", "/services/billing/config?environment=dev", `{"set":{"A":"1"}}`, `{"set":{"A":"2"}}`},
		{"a weaker layer of the config", "/services/billing/config?environment=dev", "PATCH", "/services/billing/config?environment=dev", `{"layer":"service","set":{"A":"1"}}`, `{"set":{"A":"2"}}`},
		{"account", "/accounts/grace", "PATCH", "/accounts/grace", `{"display_name":"Grace"}`, `{"display_name":"G."}`},
		{"team", "/teams/shop", "PUT", "/teams/shop/members/grace", `{"role":"developer"}`, `{"role":"admin"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			seen, body := ask(t, w, "GET", "/api/v1"+c.at, "")
			tag := seen.Header.Get("ETag")
			if tag == "" {
				t.Fatalf("%d %s", seen.StatusCode, body)
			}
			mine, body := ask(t, w, c.method, "/api/v1"+c.change, c.mine, "If-Match", tag)
			if mine.StatusCode != 200 || mine.Header.Get("ETag") == tag {
				t.Fatalf("%d %s", mine.StatusCode, body)
			}
			late, body := ask(t, w, c.method, "/api/v1"+c.change, c.theirs, "If-Match", tag)
			if late.StatusCode != http.StatusPreconditionFailed || !strings.Contains(string(body), `"outdated"`) {
				t.Errorf("the second editor won: %d %s", late.StatusCode, body)
			}
			again, body := ask(t, w, c.method, "/api/v1"+c.change, c.theirs, "If-Match", `"0", `+mine.Header.Get("ETag"))
			if again.StatusCode != 200 {
				t.Errorf("%d %s", again.StatusCode, body)
			}
		})
	}
	if resp, _ := ask(t, w, "DELETE", "/api/v1/services/billing", "", "If-Match", `"1"`); resp.StatusCode != http.StatusPreconditionFailed {
		t.Errorf("got %d", resp.StatusCode)
	}
	if resp, _ := ask(t, w, "PATCH", "/api/v1/services/billing", `{"branch":"x"}`, "If-Match", `W/"1"`); resp.StatusCode != http.StatusPreconditionFailed {
		t.Errorf("a weak tag matched: %d", resp.StatusCode)
	}
	if resp, _ := ask(t, w, "PATCH", "/api/v1/services/billing", `{"branch":"x"}`, "If-Match", `*`); resp.StatusCode != 200 {
		t.Errorf("got %d", resp.StatusCode)
	}
}

func TestRequestsAreBounded(t *testing.T) {
	w := apitest.New(t)
	server := apitest.NewServer(t, api.Options{Platform: w.Platform, RequestsPerMinute: 5})
	get := func(token string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", "http://localhost/api/v1/environments", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		answer := httptest.NewRecorder()
		server.ServeHTTP(answer, r)
		return answer
	}
	other := w.SignedUp("grace", true, nil)
	for i := range 5 {
		answer := get(w.Token)
		if want := `"caller";r=` + strconv.Itoa(4-i) + `;`; answer.Code != 200 || !strings.HasPrefix(answer.Header().Get("RateLimit"), want) {
			t.Fatalf("%d: %d %s", i, answer.Code, answer.Header().Get("RateLimit"))
		}
	}
	if answer := get(w.Token); answer.Code != http.StatusTooManyRequests || answer.Header().Get("Retry-After") == "" {
		t.Errorf("%d %v", answer.Code, answer.Header())
	}
	if answer := get(other); answer.Code != 200 {
		t.Errorf("another account pays for it: %d", answer.Code)
	}
	refused := 0
	for range 30 {
		if get("slp_guess").Code == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused == 0 {
		t.Error("an address may guess for ever")
	}
}

// edge has answered by itself for one service that is known, for one that isn't, and for none.
type edge struct{ slipway.Edge }

func (edge) Unserved(context.Context) ([]slipway.EdgeCount, error) {
	return []slipway.EdgeCount{
		{Status: 404, Cause: slipway.EdgeUnknown, Count: 3}, {Service: "billing", Environment: "dev", Status: 502, Cause: slipway.EdgeUnfinished, Count: 7},
		{Service: "removed", Environment: "dev", Status: 503, Cause: slipway.EdgeUnreached, Count: 1},
	}, nil
}

// TestMetricsOfTheEdge are those of services that the viewer may see.
func TestMetricsOfTheEdge(t *testing.T) {
	w := apitest.New(t)
	w.Platform.Edge = edge{}
	register(t, w, "billing")
	stranger := w.SignedUp("eve", false, map[string]slipway.Role{"others": slipway.RoleViewer})
	for token, want := range map[string][]string{
		w.Token:  {`{cause="unfinished",environment="dev",service="billing",status="502"} 7`, `{cause="unknown",environment="",service="",status="404"} 3`},
		stranger: nil,
	} {
		_, body := ask(t, w, "GET", "/metrics", "", "Authorization", "Bearer "+token)
		var got []string
		for line := range strings.Lines(string(body)) {
			if of, figure := strings.CutPrefix(strings.TrimSpace(line), "slipway_edge_own_answers_total"); figure {
				got = append(got, of)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestMetrics(t *testing.T) {
	w := apitest.New(t)
	register(t, w, "billing")
	promote(t, w, "billing", `{}`)
	if resp, _ := ask(t, w, "GET", "/metrics", "", "Authorization", "Bearer nobody"); resp.StatusCode != 401 {
		t.Errorf("figures for everybody: %d", resp.StatusCode)
	}
	resp, body := ask(t, w, "GET", "/metrics", "")
	for _, want := range []string{`slipway_promotions{environment="dev",state=`, `slipway_http_request_duration_seconds_count{operation="createService",status="201"} 1`, "slipway_ready 1", "go_goroutines"} {
		if !strings.Contains(string(body), want) {
			t.Errorf("%d: no %s in\n%.2000s", resp.StatusCode, want, body)
		}
	}
	if strings.Contains(string(body), "billing") {
		t.Error("figures name a service")
	}
}
