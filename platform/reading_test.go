package platform_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/python"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/store"
)

// TestOverview turns pages over what runs where, and shows nobody more than
// their teams own.
func TestOverview(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		_, err := w.AddTeam(ctx, "billing", "")
		w.must(err)
		for i := range 5 {
			w.register(fmt.Sprintf("service-%d", i))
		}
		team := "billing"
		s, err := w.UpdateService(ctx, "service-3", catalog.ServiceChange{Team: &team})
		w.must(err)
		w.deployed("service-0", "dev", "c1", false)
		waiting := w.promotion("service-0", "test", false)
		_ = w.promotion("service-3", "dev", false)

		var names []string
		q := report.OverviewQuery{Page: store.Page{Limit: 2}}
		for pages := 0; pages < 5; pages++ {
			o, err := w.Overview(ctx, q)
			w.must(err)
			if o.Total != 5 || len(o.Cells) != len(o.Services)*len(o.Environments) {
				t.Fatalf("page %d: %d services in all, %d cells", pages, o.Total, len(o.Cells))
			}
			for _, s := range o.Services {
				names = append(names, s.Name)
			}
			if q.Cursor = o.Next; q.Cursor == "" {
				break
			}
		}
		if got := strings.Join(names, " "); got != "service-0 service-1 service-2 service-3 service-4" {
			t.Errorf("the pages hold %s", got)
		}
		o, err := w.Overview(ctx, report.OverviewQuery{Search: "VICE-0"})
		w.must(err)
		if o.Total != 1 || o.Cells[0].Deployment == nil || o.Cells[1].Promotion == nil || fmt.Sprint(o.Cells[1].Promotion.ID) != waiting || o.Cells[2].Promotion != nil {
			t.Errorf("what runs of service-0: %+v", o.Cells)
		}
		if o, err = w.Overview(ctx, report.OverviewQuery{Team: "billing"}); err != nil || o.Total != 1 || o.Services[0].Edges.Team.Name != "billing" {
			t.Errorf("the team's services: %v %v", o, err)
		}
		under, err := w.UnderWay(ctx)
		w.must(err)
		if len(under) != 2 {
			t.Errorf("%d promotions are under way", len(under))
		}

		viewer := slipway.WithViewer(t.Context(), slipway.Viewer{Kind: slipway.ViewerPerson, Account: 99, Name: "vera", Roles: map[int]slipway.Role{s.TeamID: slipway.RoleViewer}})
		if o, err = w.Overview(viewer, report.OverviewQuery{}); err != nil || o.Total != 1 || o.Services[0].Name != "service-3" {
			t.Errorf("a viewer of one team sees %v %v", o, err)
		}
		if under, err = w.UnderWay(viewer); err != nil || len(under) != 1 {
			t.Errorf("a viewer of one team sees %d promotions %v", len(under), err)
		}
		_, err = w.Overview(t.Context(), report.OverviewQuery{})
		w.want(err, slipway.Unauthenticated, "sign in")
		_, err = w.UnderWay(t.Context())
		w.want(err, slipway.Unauthenticated, "sign in")
	})
}

// TestTail reads the end of a long log, counts what comes before, and goes back
// from there.
func TestTail(t *testing.T) {
	both(t, func(w *world) {
		w.register("billing")
		id := w.promotion("billing", "dev", false)
		for chunk := range 20 {
			var text strings.Builder
			for i := range 10 {
				fmt.Fprintf(&text, "line %d\n", chunk*10+i+1)
			}
			w.must(w.ledger.Log(w.Context(), id, slipway.StepBuild, 1, chunk, text.String()))
		}
		tail, err := w.Tail(w.Context(), id, slipway.StepBuild, 0, 25)
		w.must(err)
		if len(tail.Chunks) != 3 || tail.Before != 170 || !tail.More || !strings.HasPrefix(tail.Chunks[0].Text, "line 171\n") || !strings.HasSuffix(tail.Chunks[2].Text, "line 200\n") {
			t.Errorf("the end is %d chunks after %d lines", len(tail.Chunks), tail.Before)
		}
		news := 0
		ctx, cancel := context.WithTimeout(w.Context(), time.Minute)
		defer cancel()
		w.must(w.ledger.Log(w.Context(), id, slipway.StepBuild, 1, 20, "line 201\n"))
		enough := errors.New("enough")
		err = w.Watch(ctx, id, tail.After, func(e report.LiveEvent) error {
			news++
			if e.Log == nil || e.Log.Text != "line 201\n" {
				t.Errorf("the watch goes on with %+v", e)
			}
			return enough
		})
		if !errors.Is(err, enough) || news != 1 {
			t.Errorf("the watch after the tail: %v", err)
		}
		tail, err = w.Tail(w.Context(), id, slipway.StepBuild, tail.Chunks[0].ID, 10_000)
		w.must(err)
		if len(tail.Chunks) != 17 || tail.Before != 0 || tail.More {
			t.Errorf("what comes before is %d chunks after %d lines", len(tail.Chunks), tail.Before)
		}
		if tail, err = w.Tail(w.Context(), id, slipway.StepDeploy, 0, 10); err != nil || len(tail.Chunks) != 0 || tail.More {
			t.Errorf("a step that printed nothing: %v %v", tail, err)
		}
		_, err = w.Tail(w.Context(), "99", slipway.StepBuild, 0, 10)
		w.want(err, slipway.NotFound, "no promotion 99")
	})
}

// TestFeed tells each reader what they may see, and goes on where they were.
func TestFeed(t *testing.T) {
	both(t, func(w *world) {
		ctx, cancel := context.WithTimeout(w.Context(), time.Minute)
		defer cancel()
		_, err := w.AddTeam(ctx, "billing", "")
		w.must(err)
		w.register("others")
		w.register("billing")
		team := "billing"
		s, err := w.UpdateService(ctx, "billing", catalog.ServiceChange{Team: &team})
		w.must(err)
		feed := report.NewFeed(w.Reports)
		after, err := feed.Last(ctx)
		w.must(err)
		viewer := slipway.WithViewer(ctx, slipway.Viewer{Kind: slipway.ViewerPerson, Account: 99, Name: "vera", Roles: map[int]slipway.Role{s.TeamID: slipway.RoleViewer}})

		enough := errors.New("enough")
		read := func(ctx context.Context, service string, after int) (seen []string, last int) {
			err := feed.Read(ctx, service, after, func(events []*ent.Event, until int) error {
				for _, e := range events {
					seen = append(seen, e.Service+" "+e.Kind)
				}
				last = until
				return enough
			})
			if !errors.Is(err, enough) {
				t.Errorf("the feed ended: %v", err)
			}
			return seen, last
		}
		type news struct {
			seen []string
			last int
		}
		heard := make(chan news, 1)
		go func() { seen, last := read(viewer, "", after); heard <- news{seen, last} }()
		_, err = w.ChangeConfig(ctx, catalog.ConfigChange{Service: "others", Set: map[string]string{"A": "b"}})
		w.must(err)
		_, err = w.ChangeConfig(ctx, catalog.ConfigChange{Service: "billing", Set: map[string]string{"A": "b"}})
		w.must(err)
		got := <-heard
		if strings.Join(got.seen, ",") != "billing config.changed" {
			t.Errorf("a viewer of one team heard of %v", got.seen)
		}
		if seen, _ := read(ctx, "others", after); strings.Join(seen, ",") != "others config.changed" {
			t.Errorf("one service's news are %v", seen)
		}
		if last, err := feed.Last(ctx); err != nil || last < got.last {
			t.Errorf("the last event is %d, after %d was heard: %v", last, got.last, err)
		}
		w.want(feed.Read(viewer, "others", 0, nil), slipway.NotFound, "no service others")
		_, err = feed.Last(t.Context())
		w.want(err, slipway.Unauthenticated, "sign in")
	})
}

// TestDetect says what a repository is, to whoever may register it, and keeps
// nothing.
func TestDetect(t *testing.T) {
	both(t, func(w *world) {
		w.Interpreters = func(context.Context) ([]python.Interpreter, error) {
			return []python.Interpreter{{Version: "3.13.5", Path: "/usr/bin/python3"}}, nil
		}
		in := catalog.ServiceInput{URL: "https://git.example.com/reports.git", Token: slipway.NewSecret("a token of the repository")}
		found, err := w.Detect(w.Context(), in)
		w.must(err)
		if found.Name != "reports" || found.Project == nil || found.Commit.ID != commitID("c1") {
			t.Errorf("found %+v", found)
		}
		left, err := w.Secrets.List(t.Context(), "_platform/detect-")
		if err != nil || len(left) > 0 {
			t.Errorf("the token was kept: %v %v", left, err)
		}
		viewer := slipway.WithViewer(t.Context(), slipway.Viewer{Kind: slipway.ViewerPerson, Account: 99, Name: "vera", Roles: map[int]slipway.Role{1: slipway.RoleViewer}})
		_, err = w.Detect(viewer, in)
		w.want(err, slipway.Denied, "maintainer")
		_, err = w.Detect(t.Context(), in)
		if code := slipway.CodeOf(err); code != slipway.Unauthenticated && code != slipway.Invalid {
			t.Errorf("nobody may detect: %v", err)
		}
		in.URL = "-oProxyCommand=evil"
		_, err = w.Detect(w.Context(), in)
		w.want(err, slipway.Invalid, "not a repository")
	})
}

// TestLiveConfig is what a deployment was started with, not what is set now.
func TestLiveConfig(t *testing.T) {
	both(t, func(w *world) {
		w.register("billing")
		if _, d, err := w.LiveConfig(w.Context(), "billing", "dev"); err != nil || d != nil {
			t.Errorf("nothing is live: %v %v", d, err)
		}
		w.deployed("billing", "dev", "c1", false)
		_, d, err := w.LiveConfig(w.Context(), "billing", "dev")
		if err != nil && slipway.CodeOf(err) != slipway.NotFound || d == nil || d.Edges.Release.Number != 1 {
			t.Errorf("what is live: %v %v", d, err)
		}
		_, _, err = w.LiveConfig(w.Context(), "nobody", "dev")
		w.want(err, slipway.NotFound, "no service nobody")
	})
}
