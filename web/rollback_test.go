package web_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/report"
)

// TestRollbackOffersWhatRanThere offers nothing else, and says of a newer release that
// going on to it is a promotion.
func TestRollbackOffersWhatRanThere(t *testing.T) {
	s := newSite(t)
	b := s.person("alice", true, nil)
	s.service("payments", "billing", "main")
	s.promote(platform.PromoteInput{Service: "payments", Ref: "next"})
	s.promote(platform.PromoteInput{Service: "payments", Environment: "test", Release: 1})

	page := b.get("/services/payments/rollback?env=test").body
	if !strings.Contains(page, "Nothing else was verified there") || strings.Contains(page, `<option value="1"`) || strings.Contains(page, `<option value="2"`) {
		t.Errorf("test, where one release has run, offers more:\n%s", page)
	}
	page = b.get("/services/payments/rollback?env=dev").body
	if !strings.Contains(page, "Roll back to 1") || !strings.Contains(page, `<option value="1"`) || strings.Contains(page, `<option value="2"`) {
		t.Errorf("dev, where release 2 runs, doesn't offer release 1 alone:\n%s", page)
	}

	q, err := s.Rollback(as(), platform.RollbackInput{Service: "payments", Environment: "dev"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(as(), time.Minute)
	defer cancel()
	if err := s.Watch(ctx, numberOf(q.ID), "", func(report.LiveEvent) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if page := b.get("/services/payments").body; !strings.Contains(page, "Promote 2 again") {
		t.Errorf("after going back the newer release isn't offered:\n%s", page)
	}
	answer := b.get("/services/payments/rollback?env=dev&release=2")
	for _, says := range []string{"Promote payments 2 to dev again", "This is a promotion forward", "Promote 2 again", `<optgroup label="Promote again release">`} {
		if answer.status != http.StatusOK || !strings.Contains(answer.body, says) {
			t.Errorf("going on to it: %d, without %q:\n%s", answer.status, says, answer.body)
		}
	}
	if strings.Contains(answer.body, "Roll back to 2") {
		t.Error("going on is called going back")
	}
}
