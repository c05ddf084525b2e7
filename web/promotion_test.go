package web_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/platform"
)

// TestUntilWhen: a step that runs, and what is taken back, say until when at the
// latest, with the moment to the second behind it.
func TestUntilWhen(t *testing.T) {
	s := newSite(t)
	s.service("payments", "billing", "main")
	b := s.person("vera", false, map[string]slipway.Role{"billing": slipway.RoleViewer})
	at := func(service, ref string) string {
		q, err := s.Promote(as(), platform.PromoteInput{Service: service, Ref: ref})
		if err != nil {
			t.Fatal(err)
		}
		return regexp.MustCompile(`\s+`).ReplaceAllString(b.get("/promotions/"+numberOf(q.ID)).body, " ")
	}
	bound := regexp.MustCompile(`<small> ?at most until <time datetime="[^"]+" title="\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC" data-at>`)
	if body := at("payments", "endless"); len(bound.FindAllString(body, -1)) != 1 || strings.Contains(body, "taken back") {
		t.Errorf("a step that runs does not say until when\n%s", body)
	}
	s.service("orders", "billing", "main")
	body := at("orders", "undone")
	if !regexp.MustCompile(`What it deployed is being taken back.*Since <time [^>]*data-ago>.*; at most until <time [^>]*title="[^"]+ UTC" data-at>`).MatchString(body) || bound.MatchString(body) {
		t.Errorf("what is taken back does not say until when\n%s", body)
	}
}
