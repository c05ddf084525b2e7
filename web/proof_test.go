package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestAPromptGoesOnWithWhatWasAsked makes a token in a session that was proved
// long ago: the page asks, and then makes it.
func TestAPromptGoesOnWithWhatWasAsked(t *testing.T) {
	s := newSite(t)
	b := s.person("bob", false, nil)
	if err := s.Storage.Client.Session.Update().SetProvedAt(time.Now().UTC().Add(-time.Hour)).Exec(as()); err != nil {
		t.Fatal(err)
	}
	const page = "/account/tokens"
	asked := b.post(page, page, url.Values{"name": {`CI of "payments"`}, "scope": {"read", "config"}, "days": {"30"}})
	if asked.status != http.StatusForbidden || strings.Contains(asked.body, "data-token") {
		t.Fatalf("%d %s", asked.status, asked.body)
	}
	for _, want := range []string{`action="/account/tokens"`, `name="scope" value="read"`, `name="scope" value="config"`, `name="days" value="30"`, "CI of &#34;payments&#34;", `name="_current"`} {
		if !strings.Contains(asked.body, want) {
			t.Errorf("the prompt does not hold %s", want)
		}
	}
	fields := url.Values{"_proof": {"yes"}, "_current": {"not the password at all"}, "name": {"CI"}, "scope": {"read", "config"}, "days": {"30"}}
	if a := b.post(page, page, fields); a.status != http.StatusBadRequest || !strings.Contains(a.body, "The current password is wrong.") || !strings.Contains(a.body, `name="scope" value="config"`) || strings.Contains(a.body, "not the password at all") {
		t.Errorf("%d %s", a.status, a.body)
	}
	fields.Set("_current", password)
	fields.Del("_form")
	if a := b.post(page, page, fields); a.status != http.StatusOK || !strings.Contains(a.body, "data-token") {
		t.Errorf("%d %s", a.status, a.body)
	}
	// From then on it is not asked for again.
	if a := b.post(page, page, url.Values{"name": {"another"}, "scope": {"read"}, "days": {"30"}}); a.status != http.StatusOK || !strings.Contains(a.body, "data-token") {
		t.Errorf("%d", a.status)
	}
}
