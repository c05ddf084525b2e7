package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/apitest"
	"github.com/slipway-dev/slipway/api/operations"
)

// TestWebhooks goes through a webhook's life by the API alone.
func TestWebhooks(t *testing.T) {
	w := apitest.New(t)
	keeper := w.SignedUp("keeper", false, map[string]slipway.Role{"shop": slipway.RoleMaintainer})
	outsider := w.SignedUp("outsider", false, map[string]slipway.Role{"elsewhere": slipway.RoleAdmin})
	call := func(status int, token, method, path, body string, headers ...string) (*http.Response, string) {
		t.Helper()
		resp, text := ask(t, w, method, "/api/v1"+path, body, append(headers, "Authorization", "Bearer "+token)...)
		if resp.StatusCode != status {
			t.Fatalf("%s %s: %d, want %d: %s", method, path, resp.StatusCode, status, text)
		}
		return resp, string(text)
	}
	const hooks = "/teams/shop/webhooks"
	resp, text := call(201, keeper, "POST", hooks, `{"url":"https://hooks.example.com/a","events":["promotion.*"]}`, "Idempotency-Key", "one")
	var made operations.NewWebhook
	if err := json.Unmarshal([]byte(text), &made); err != nil || !strings.HasPrefix(made.Secret, slipway.SigningPrefix) || resp.Header.Get("Location") != "/api/v1/teams/shop/webhooks/1" {
		t.Fatalf("%v %s %s", err, text, resp.Header.Get("Location"))
	}
	// The secret is shown once: not again under the same key, nor anywhere else.
	if _, text := call(409, keeper, "POST", hooks, `{"url":"https://hooks.example.com/a","events":["promotion.*"]}`, "Idempotency-Key", "one"); !strings.Contains(text, "shown once") {
		t.Error(text)
	}
	for _, path := range []string{hooks, hooks + "/1"} {
		if _, text := call(200, keeper, "GET", path, ""); strings.Contains(text, "whsec_") || strings.Contains(text, made.Secret) {
			t.Errorf("%s shows the secret: %s", path, text)
		}
	}
	resp, _ = call(200, keeper, "GET", hooks+"/1", "")
	tag := resp.Header.Get("ETag")
	call(200, keeper, "PATCH", hooks+"/1", `{"active":false}`, "If-Match", tag)
	call(412, keeper, "PATCH", hooks+"/1", `{"active":true}`, "If-Match", tag)
	call(409, keeper, "POST", hooks+"/1/ping", "")
	call(200, keeper, "PATCH", hooks+"/1", `{"active":true,"events":[]}`)
	for _, body := range []string{`{"url":"https://hooks.example.com/a","events":["promotoin.state"]}`, `{"url":"https://hooks.example.com/a","events":["Promotion *"]}`, `{"url":""}`, `{"url":"https://a.example","secret":"mine"}`} {
		call(400, keeper, "POST", hooks, body)
	}
	if _, text := call(201, keeper, "POST", hooks+"/1/secret", ""); strings.Contains(text, made.Secret) || !strings.Contains(text, "whsec_") {
		t.Errorf("rotated: %s", text)
	}
	// What was sent, page by page.
	for range 3 {
		call(202, keeper, "POST", hooks+"/1/ping", "")
	}
	var seen []int
	for cursor := ""; ; {
		_, text := call(200, keeper, "GET", hooks+"/1/deliveries?limit=2&cursor="+cursor, "")
		var page operations.WebhookDeliveryPage
		if err := json.Unmarshal([]byte(text), &page); err != nil || strings.Contains(text, `"body"`) {
			t.Fatalf("%v %s", err, text)
		}
		for _, d := range page.Items {
			seen = append(seen, d.Id)
		}
		if cursor = page.NextCursor; cursor == "" {
			break
		}
	}
	if len(seen) != 3 || seen[0] < seen[1] || seen[1] < seen[2] {
		t.Errorf("the deliveries are %v", seen)
	}
	if _, text := call(200, keeper, "GET", hooks+"/1/deliveries/1", ""); !strings.Contains(text, `\"kind\":\"ping\"`) {
		t.Errorf("%s", text)
	}
	if _, text := call(409, keeper, "POST", hooks+"/1/deliveries/1/replay", ""); !strings.Contains(text, "still tried") {
		t.Error(text)
	}
	if err := w.GiveUp(context.Background(), "1"); err != nil {
		t.Fatal(err)
	}
	resp, text = call(202, keeper, "POST", hooks+"/1/deliveries/1/replay", "")
	if resp.Header.Get("Location") != "/api/v1/teams/shop/webhooks/1/deliveries/4" || !strings.Contains(text, `"replay_of":1`) {
		t.Errorf("%s %s", resp.Header.Get("Location"), text)
	}
	// A webhook of another team is not there, also under one's own team's name.
	for _, path := range []string{"/teams/shop/webhooks/1", "/teams/elsewhere/webhooks/1", "/teams/shop/webhooks/1/deliveries", "/teams/elsewhere/webhooks/1/deliveries/1"} {
		call(404, outsider, "GET", path, "")
	}
	call(404, outsider, "POST", "/teams/elsewhere/webhooks/1/deliveries/1/replay", "")
	call(404, outsider, "DELETE", "/teams/elsewhere/webhooks/1", "")
	call(412, keeper, "DELETE", hooks+"/1", "", "If-Match", tag)
	call(204, keeper, "DELETE", hooks+"/1", "")
	call(404, keeper, "GET", hooks+"/1", "")
	_, text = call(200, w.Token, "GET", "/audit?limit=100", "")
	for _, action := range []string{"webhook.added", "webhook.changed", "webhook.rotated", "webhook.pinged", "webhook.replayed", "webhook.removed"} {
		if !strings.Contains(text, action) {
			t.Errorf("%s is not on record", action)
		}
	}
	if strings.Contains(text, "whsec_") || strings.Contains(text, "example.com/a") {
		t.Error("the record holds more than it should")
	}
}
