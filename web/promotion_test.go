package web_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/decision"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/ent/step"
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

// TestWhoseYesCounts: on the pages of a promotion stands whose yes counts no longer and
// why, and where a gate is that nobody can pass, to whom to turn.
func TestWhoseYesCounts(t *testing.T) {
	s := newSite(t)
	s.service("payments", "billing", "main")
	b := s.person("vera", false, map[string]slipway.Role{"billing": slipway.RoleMaintainer})
	id := s.promote(platform.PromoteInput{Service: "payments", Environment: "dev"})
	db := s.Storage.Client
	row, err := db.Promotion.Query().Order(ent.Desc(promotion.FieldID)).First(as())
	if err != nil || numberOf(row.ID) != id {
		t.Fatal(row, err)
	}
	nobody := slipway.GateFacts{Plan: slipway.PromotionPlan{Environment: "dev", Policy: slipway.Policy{Approvals: 1}}}
	for name, why := range map[string]string{"alan": "alan is not active any more", "cleo": "cleo is no longer a maintainer of the service's team"} {
		d := db.Decision.Create().SetPromotionID(row.ID).SetAccountID(len(name) + len(why)).SetName(name).SetVerdict(decision.Verdict(slipway.VerdictApprove)).SetPlan(string(nobody.Plan.Hash())).SetLapsed(why)
		if err := d.Exec(as()); err != nil {
			t.Fatal(err)
		}
		nobody.Decisions = append(nobody.Decisions, slipway.Decision{Name: name, Account: len(name), Verdict: slipway.VerdictApprove, Plan: nobody.Plan.Hash(), Lapsed: why})
	}
	_, _, waits := nobody.Outcome()
	if err := db.Promotion.UpdateOne(row).SetState(promotion.StateWaiting).SetPlanHash("sha256:9f").SetWaits(waits).Exec(as()); err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"/promotions/" + id, "/promotions/" + id + "/decide"} {
		body := b.get(page).body
		for _, want := range []string{
			"alan approved", "<small>doesn't count now: alan is not active any more", "alan&#39;s doesn&#39;t count now: alan", "<small>doesn't count now: cleo is no longer a maintainer of the service&#39;s team",
			"0 of 1 approvals", "nobody else may approve, so name approvers for dev or ask an admin to break the glass",
		} {
			if !strings.Contains(body, want) {
				t.Errorf("%s doesn't say %q", page, want)
			}
		}
	}
}

// TestWorkThatWasCut for a promotion that succeeded stands on top of its page.
func TestWorkThatWasCut(t *testing.T) {
	s := newSite(t)
	s.service("payments", "billing", "main")
	b := s.person("vera", false, map[string]slipway.Role{"billing": slipway.RoleViewer})
	id := s.promote(platform.PromoteInput{Service: "payments", Environment: "dev"})
	const top = "Not all work of the release before ended in time."
	if body := b.get("/promotions/" + id).body; strings.Contains(body, top) {
		t.Errorf("it is said of one that cut nothing\n%s", body)
	}
	err := s.Storage.Client.Step.Update().Where(step.NameEQ(step.Name(slipway.StepDeploy)), step.HasPromotion()).
		SetState(step.State(slipway.StepSucceeded)).SetReason("worker.1 was killed, which cut jobs.long[1]").Exec(as())
	if err != nil {
		t.Fatal(err)
	}
	if body := b.get("/promotions/" + id).body; !strings.Contains(body, top) || !strings.Contains(body, "worker.1 was killed, which cut jobs.long[1].") {
		t.Errorf("it is not said\n%s", body)
	}
}
