package web_test

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/apitest"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/promotion"
)

// crowd fills a site with services, fifty a batch, in four environments, with
// twenty promotions each, and a step whose log has a hundred thousand lines:
// that of the promotion it returns.
func crowd(tb testing.TB, s *site, batches int) (logged string) {
	tb.Helper()
	ctx, db := as(), s.Storage.Client
	must := func(err error) {
		if err != nil {
			tb.Fatal(err)
		}
	}
	team, err := s.AddTeam(ctx, "crowd", "")
	must(err)
	_, err = s.AddEnvironment(ctx, catalog.EnvironmentInput{Name: "stage", After: "test"})
	must(err)
	environments, err := s.Environments(ctx)
	must(err)
	now, first := time.Now().UTC(), 0
	for batch := range batches {
		var services []*ent.ServiceCreate
		for i := range 50 {
			services = append(services, db.Service.Create().SetName(fmt.Sprintf("service-%04d", batch*50+i)).SetRepository("https://git.team.example/a.git").SetTeamID(team.ID))
		}
		rows, err := db.Service.CreateBulk(services...).Save(ctx)
		must(err)
		var releases []*ent.ReleaseCreate
		for _, row := range rows {
			releases = append(releases, db.Release.Create().SetServiceID(row.ID).SetNumber(1).SetCommit(strings.Repeat("a", 40)).SetRef("main").SetAuthor("Ada").SetSubject("Change").
				SetCommittedAt(now).SetArtifact(string(apitest.Artifact)).SetBytes(7).SetPython("3.13").SetFramework("flask").SetLock("").SetManifest(apitest.Manifest).SetTested(true))
		}
		built, err := db.Release.CreateBulk(releases...).Save(ctx)
		must(err)
		for round := range 5 {
			var promotions []*ent.PromotionCreate
			for i, row := range rows {
				for _, e := range environments {
					promotions = append(promotions, db.Promotion.Create().SetServiceID(row.ID).SetEnvironmentID(e.ID).SetReleaseID(built[i].ID).SetCommit(slipway.Commit{ID: strings.Repeat("a", 40)}).
						SetRequestedBy("ada").SetState(promotion.StateSucceeded).SetStartedAt(now).SetEndedAt(now))
				}
			}
			asked, err := db.Promotion.CreateBulk(promotions...).Save(ctx)
			must(err)
			first = cmp.Or(first, asked[0].ID)
			if round < 4 {
				continue
			}
			var deployments []*ent.DeploymentCreate
			for _, q := range asked {
				deployments = append(deployments, db.Deployment.Create().SetServiceID(q.ServiceID).SetEnvironmentID(q.EnvironmentID).SetReleaseID(*q.ReleaseID).SetPromotionID(q.ID).SetSnapshot("sha256:0").SetLive(true).SetVerified(true))
			}
			must(db.Deployment.CreateBulk(deployments...).Exec(ctx))
		}
	}
	must(db.Step.Create().SetPromotionID(first).SetName("test").SetPosition(0).SetState("succeeded").SetStartedAt(now).SetEndedAt(now).Exec(ctx))
	var text strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&text, "tests/test_money.py::test_%d \x1b[32mPASSED\x1b[0m\n", i)
		if text.Len() > 60_000 || i == 99_999 {
			must(s.Ledger.Log(context.Background(), strconv.Itoa(first), slipway.StepTest, 1, i, text.String()))
			text.Reset()
		}
	}
	return strconv.Itoa(first)
}

// BenchmarkPages measures what the server needs for a page on a busy platform:
// the middle, the 95th of a hundred, and the page's weight as it is sent.
func BenchmarkPages(b *testing.B) {
	s := newSite(b)
	logged := crowd(b, s, 20)
	who := s.person("alice", true, nil)
	for name, path := range map[string]string{
		"overview": "/", "figures": "/figures?part=figures", "filtered": "/?q=0999", "row": "/?part=row&service=service-0500", "promotions": "/promotions", "service": "/services/service-0500", "log": "/promotions/" + logged + "?step=test", "log-search": "/promotions/" + logged + "?step=test&find=test_99999",
	} {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			weight := 0
			for b.Loop() {
				began := time.Now()
				a := who.get(path, "Accept-Encoding", "gzip", "HX-Request", "true")
				took = append(took, time.Since(began))
				if weight = len(a.body); a.status != http.StatusOK {
					b.Fatal(a.status)
				}
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "ms-p95")
			b.ReportMetric(float64(weight)/1024, "KB")
		})
	}
}
