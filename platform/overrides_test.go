package platform_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/platform"
)

// override sets all overrides of a service.
func (w *world) override(name, text string) {
	w.Helper()
	o := slipway.Overrides(text)
	_, err := w.UpdateService(w.Context(), name, catalog.ServiceChange{Overrides: &o})
	w.must(err)
}

// TestOverridesAreKeptInOneForm whoever gives them, and on record as they were
// and are.
func TestOverridesAreKeptInOneForm(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		s, err := w.Register(ctx, catalog.ServiceInput{Name: "billing", URL: "https://git.example.com/billing.git", Overrides: "python: 3.12\nprocesses:\n  web: gunicorn app:app\n"})
		w.must(err)
		const first = `{"python":"3.12","processes":{"web":{"command":"gunicorn app:app"}}}`
		if s.Overrides != first {
			t.Errorf("kept as %s", s.Overrides)
		}
		o := slipway.Overrides("{processes: {web: {command: 'gunicorn app:app'}}, python: '3.12'}")
		same, err := w.UpdateService(ctx, "billing", catalog.ServiceChange{Overrides: &o})
		w.must(err)
		if same.Revision != s.Revision {
			t.Error("the same overrides in other words are a change")
		}
		// A repository that doesn't answer stands in the way of nothing.
		w.mu.Lock()
		was := w.commits
		w.commits = nil
		w.mu.Unlock()
		o = "{python: '3.13', env: {API_TOKEN: hunter22}}"
		s, err = w.UpdateService(ctx, "billing", catalog.ServiceChange{Overrides: &o})
		w.must(err)
		w.mu.Lock()
		w.commits = was
		w.mu.Unlock()
		if s.Overrides != `{"python":"3.13","env":{"API_TOKEN":"hunter22"}}` || s.Revision != same.Revision+1 {
			t.Errorf("%+v", s)
		}
		branch := ""
		if s, err = w.UpdateService(ctx, "billing", catalog.ServiceChange{Branch: &branch}); err != nil || s.Overrides == "" {
			t.Errorf("another change takes them away: %+v, %v", s, err)
		}
		list, err := w.Audit(ctx, audit.Query{Service: "billing"})
		w.must(err)
		if len(list.Items) != 2 {
			w.Fatalf("%d entries", len(list.Items))
		}
		changed, registered := list.Items[0], list.Items[1]
		if registered.After["overrides.processes.web.command"] != "gunicorn app:app" {
			t.Errorf("registered: %v", registered.After)
		}
		want := "map[overrides.env.API_TOKEN:[secret] overrides.processes.web.command:gunicorn app:app overrides.python:3.12]"
		if got := fmt.Sprint(changed.Before); got != want {
			t.Errorf("before: %s", got)
		}
		if got := fmt.Sprint(changed.After); got != "map[overrides.env.API_TOKEN:[secret] overrides.processes.web.command: overrides.python:3.13]" || changed.Action != "service.changed" {
			t.Errorf("after: %s", got)
		}
		w.override("billing", "{}")
		if s, _ := w.Service(ctx, "billing"); s.Overrides != "" {
			t.Errorf("taken back, they are %s", s.Overrides)
		}
	})
}

// TestOverridesAreRefusedByField and nothing is kept.
func TestOverridesAreRefusedByField(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		w.register("billing")
		bad := slipway.Overrides("{pyhton: '3.12', health: {pth: /}, verify: [{path: x}]}")
		_, err := w.UpdateService(ctx, "billing", catalog.ServiceChange{Overrides: &bad})
		w.want(err, slipway.Invalid, "did you mean")
		var e *slipway.Error
		if !errors.As(err, &e) || e.Field != "overrides/health/pth" || len(e.More) != 1 || e.More[0].Field != "overrides/pyhton" {
			t.Errorf("%+v", e)
		}
		_, err = w.Register(ctx, catalog.ServiceInput{Name: "other", URL: "https://git.example.com/o.git", Overrides: "[a]"})
		w.want(err, slipway.Invalid, "mapping")
		_, err = w.Register(ctx, catalog.ServiceInput{Name: "other", URL: "https://git.example.com/o.git", Overrides: slipway.Overrides("env: {A: " + strings.Repeat("x", 20<<10) + "}")})
		w.want(err, slipway.Invalid, "16 KiB")
		_, err = w.Detect(ctx, catalog.ServiceInput{URL: "https://git.example.com/o.git", Overrides: "server: apache"})
		w.want(err, slipway.Invalid, "server")
		_, err = w.DetectService(ctx, "billing", &bad)
		w.want(err, slipway.Invalid, "health.pth")
		_, err = w.Service(ctx, "other")
		w.want(err, slipway.NotFound, "")

		// A developer reads them, and neither changes nor tries them.
		billing, err := w.Service(ctx, "billing")
		w.must(err)
		developer := slipway.WithViewer(t.Context(), slipway.Viewer{Kind: slipway.ViewerPerson, Name: "bert", Via: "api", Roles: map[int]slipway.Role{billing.TeamID: slipway.RoleDeveloper}})
		good := slipway.Overrides("python: '3.12'")
		_, err = w.UpdateService(developer, "billing", catalog.ServiceChange{Overrides: &good})
		w.want(err, slipway.Denied, "")
		_, err = w.DetectService(developer, "billing", &good)
		w.want(err, slipway.Denied, "")
		if s, err := w.Service(developer, "billing"); err != nil || s.Overrides != "" {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

// TestOtherOverridesAreAnotherRelease of the same commit, and going back to the
// first is the first again.
func TestOtherOverridesAreAnotherRelease(t *testing.T) {
	live(t, func(w *world, name string) {
		ctx := w.Context()
		release := func(id string) int {
			w.Helper()
			row, err := w.Promotion(ctx, id)
			w.must(err)
			if row.Edges.Release == nil {
				w.Fatalf("promotion %s has no release", id)
			}
			return row.Edges.Release.Number
		}
		to := func(environment string) platform.PromoteInput {
			return platform.PromoteInput{Service: name, Environment: environment}
		}
		if n := release(w.promote(to("dev"), "succeeded")); n != 1 {
			t.Errorf("the first is %d", n)
		}
		w.override(name, "python: '3.12'")
		if n := release(w.promote(to("dev"), "succeeded")); n != 2 {
			t.Errorf("with overrides it is %d", n)
		}
		second, err := w.Release(ctx, name, 2)
		w.must(err)
		if second.Manifest.Overrides != `{"python":"3.12"}` || second.Commit != commitID("c1") {
			t.Errorf("%+v", second)
		}
		if n := release(w.promote(to("dev"), "succeeded")); n != 2 {
			t.Errorf("with the same again it is %d", n)
		}
		if n := release(w.promote(to("test"), "succeeded")); n != 2 {
			t.Errorf("the next environment gets %d", n)
		}
		// The one that was verified in test is not what the service says now.
		w.override(name, "python: '3.13'")
		_, err = w.Plan(ctx, platform.PromoteInput{Service: name, Environment: "prod", Ref: ""})
		w.must(err)
		w.commit("main", "c1")
		_, err = w.Plan(ctx, platform.PromoteInput{Service: name, Environment: "prod", Ref: "main"})
		w.want(err, slipway.Conflict, "release 2 of commit")
		plan, err := w.Plan(ctx, platform.PromoteInput{Service: name, Environment: "prod", Release: 2})
		w.must(err)
		if plan.Release.Number != 2 {
			t.Errorf("%+v", plan.Release)
		}
		w.override(name, "{}")
		_, err = w.Plan(ctx, to("dev"))
		w.want(err, slipway.Conflict, "release 1 is older than release 2")
	})
}

// TestOverridesAreFrozen: a promotion builds with those that it started with,
// whatever the service says meanwhile; who tries it again gets those of then.
func TestOverridesAreFrozen(t *testing.T) {
	live(t, func(w *world, name string) {
		ctx := w.Context()
		w.commit(commitID("c1"), "c1")
		w.override(name, "python: '3.12'")
		w.mu.Lock()
		w.build = func(context.Context) error { return slipway.Errorf(slipway.Refused, "it does not build") }
		w.mu.Unlock()
		failed := w.promote(platform.PromoteInput{Service: name}, "failed")
		w.override(name, "python: '3.13'")
		begun, goOn := w.hold()
		again, err := w.Retry(ctx, failed, platform.Skip{})
		w.must(err)
		<-begun
		w.override(name, "python: '3.11'")
		goOn()
		if state, reason := w.ended(fmt.Sprint(again.ID)); state != "succeeded" {
			t.Fatalf("%s: %s", state, reason)
		}
		row, err := w.Promotion(ctx, fmt.Sprint(again.ID))
		w.must(err)
		if o := row.Edges.Release.Manifest.Overrides; o != `{"python":"3.13"}` {
			t.Errorf("it was built with %s", o)
		}
		w.promote(platform.PromoteInput{Service: name}, "succeeded")
		newest, err := w.Release(ctx, name, 2)
		w.must(err)
		if o := newest.Manifest.Overrides; o != `{"python":"3.11"}` {
			t.Errorf("the next one was built with %s", o)
		}
	})
}

// TestRetryTakesOverridesOfNow: what failed for what the overrides say is mended by
// others, for a release that was made already, too. It is kept on its further way.
func TestRetryTakesOverridesOfNow(t *testing.T) {
	live(t, func(w *world, name string) {
		ctx := w.Context()
		red := func(is bool) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.red = is
		}
		w.commit(commitID("c1"), "c1")
		red(true)
		failed := w.promote(platform.PromoteInput{Service: name}, "failed")
		red(false)
		w.override(name, "python: '3.13'")
		again, err := w.Retry(ctx, failed, platform.Skip{})
		w.must(err)
		if state, reason := w.ended(fmt.Sprint(again.ID)); state != "succeeded" {
			t.Fatalf("%s: %s", state, reason)
		}
		row, err := w.Promotion(ctx, fmt.Sprint(again.ID))
		w.must(err)
		if r := row.Edges.Release; r.Number != 2 || r.Manifest.Overrides != `{"python":"3.13"}` {
			t.Errorf("it was release %d, built with %s", r.Number, r.Manifest.Overrides)
		}

		_, err = w.SetPolicy(ctx, name, "test", slipway.PolicyChange{Approvals: ptr(1)}, false, nil)
		w.must(err)
		next, err := w.Promote(ctx, platform.PromoteInput{Service: name, Environment: "test"})
		w.must(err)
		w.waiting(next.ID, "0 of 1 approvals")
		_, err = w.Cancel(ctx, fmt.Sprint(next.ID))
		w.must(err)
		w.ended(fmt.Sprint(next.ID))
		w.override(name, "{}")
		_, err = w.SetPolicy(ctx, name, "test", slipway.PolicyChange{Approvals: ptr(0)}, false, nil)
		w.must(err)
		onward, err := w.Retry(ctx, fmt.Sprint(next.ID), platform.Skip{})
		w.must(err)
		if state, reason := w.ended(fmt.Sprint(onward.ID)); state != "succeeded" {
			t.Fatalf("%s: %s", state, reason)
		}
		if row, err = w.Promotion(ctx, fmt.Sprint(onward.ID)); err != nil || row.Edges.Release.Number != 2 {
			t.Errorf("release %d came into test: %v", row.Edges.Release.Number, err)
		}
	})
}
