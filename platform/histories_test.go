package platform_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/ent/decision"
	"github.com/slipway-dev/slipway/ent/deployment"
	"github.com/slipway-dev/slipway/ent/environment"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/ent/service"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/internal/modeltest"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/platform/platformtest"
	"github.com/slipway-dev/slipway/workflows"
)

// looks counts the looks at gates.
type looks struct {
	*platform.Gates
	begun, done atomic.Int64
}

func (g *looks) Review(ctx context.Context, req slipway.ReviewRequest) (slipway.Review, error) {
	g.begun.Add(1)
	defer g.done.Add(1)
	return g.Gates.Review(ctx, req)
}

// pastOf has the events of a history happen to a service of a platform.
type pastOf struct {
	*world
	name    string
	model   *modeltest.Model
	looks   *looks
	started int // promotions that were asked for
	commits int
	people  map[string]int // accounts, by the model's names
	teams   [2]string
	circle  string
}

// A running platform believes after each event of a history what the model believes:
// what has the traffic, where going back leads, what was taken back, which promotion
// waits for what, and whose yes counts; and it refuses what the model refuses.
func TestHistories(t *testing.T) {
	// Each of these was wrong once, or is seldom met by chance.
	told := []string{"NTaCaUab", "NTaPPab", "NTRNTab1aBAc", "NTQ3cab4Q4Qab5a", "NNBTTAabTab"}
	each, long := 2, 16
	if longHistories {
		each, long = 25, 40
	}
	for _, in := range []struct {
		name    string
		address func(testing.TB) string
	}{{"sqlite", platformtest.SQLite}, {"postgres", platformtest.Postgres}} {
		t.Run(in.name, func(t *testing.T) {
			w := newWorld(t, in.address(t))
			counted := &looks{}
			w.engaged(func(g *platform.Gates) slipway.Gatekeeper { counted.Gates = g; return counted })
			seeded := rand.New(rand.NewPCG(13, 11)) //nolint:gosec // the same histories in every run
			histories := slices.Clone(told)
			for range each {
				text := "NT"
				for range long {
					text += string(modeltest.Events[seeded.IntN(len(modeltest.Events))].What)
				}
				histories = append(histories, text)
			}
			for _, text := range histories {
				h := w.past(counted)
				for i := range len(text) {
					h.happens(text[:i], text[i])
				}
				h.over()
			}
		})
	}
}

// past makes what a history happens to.
func (w *world) past(counted *looks) *pastOf {
	w.Helper()
	ctx, name := w.Context(), w.newName()
	h := &pastOf{world: w, name: name, model: modeltest.New(), looks: counted, people: map[string]int{}, teams: [2]string{"old-" + name, "new-" + name}, circle: "circle-" + name}
	for _, team := range append(h.teams[:], h.circle) {
		_, err := w.AddTeam(ctx, team, "")
		w.must(err)
	}
	w.register(name)
	_, err := w.UpdateService(ctx, name, catalog.ServiceChange{Team: &h.teams[0]})
	w.must(err)
	for _, who := range modeltest.Names {
		a, err := w.Storage.Client.Account.Create().SetName(who + "-" + name).SetKind(account.KindPerson).SetEmail(who + "-" + name + "@example.com").Save(ctx)
		w.must(err)
		h.people[who] = a.ID
		h.member(h.teams[0], who, slipway.RoleMaintainer)
		h.member(h.circle, who, slipway.RoleDeveloper)
	}
	h.member(h.teams[1], "alan", slipway.RoleMaintainer)
	h.member(h.teams[1], "cleo", slipway.RoleViewer)
	for _, environment := range []string{"dev", "test"} {
		h.set(name, environment, slipway.LayerBoth, "EDITS", "0")
	}
	h.asksOf(slipway.PolicyChange{Approvals: ptr(2), OwnChanges: ptr(slipway.OwnNever)})
	return h
}

func (h *pastOf) member(team, who string, role slipway.Role) {
	h.Helper()
	_, err := h.SetMember(h.Context(), team, who+"-"+h.name, role, nil)
	h.must(err)
}

func (h *pastOf) asksOf(c slipway.PolicyChange) {
	h.Helper()
	_, err := h.SetPolicy(h.Context(), h.name, "test", c, false, nil)
	h.must(err)
}

// happens has one event happen to the model and to the platform, and compares what
// they believe then.
func (h *pastOf) happens(before string, what byte) {
	h.Helper()
	at := modeltest.Events[slices.IndexFunc(modeltest.Events, func(e struct {
		What byte
		Is   string
	}) bool {
		return e.What == what
	})]
	ok := h.model.Happens(what)
	done, err := h.does(what, ok)
	if done != ok {
		h.Fatalf("%s, and then %s: the model says %v, and the platform %v (%v)", before, at.Is, ok, done, err)
	}
	// It comes to it by itself, and stays with it when it is asked once more.
	want, got := h.model.String(), ""
	for until := time.Now().Add(20 * time.Second); got != want; <-time.After(10 * time.Millisecond) {
		if got = h.believes(); time.Now().After(until) {
			h.Fatalf("%s, and then %s: the platform believes\n%s\nand the model\n%s", before, at.Is, got, want)
		}
	}
	if h.model.Asked == nil {
		return
	}
	begun := h.looks.begun.Load()
	h.must(workflows.Look(h.Context(), h.Temporal, h.name, "test"))
	for until := time.Now().Add(20 * time.Second); h.looks.begun.Load() == begun || h.looks.done.Load() < h.looks.begun.Load(); <-time.After(5 * time.Millisecond) {
		if time.Now().After(until) {
			h.Fatalf("%s, and then %s: nothing looks again", before, at.Is)
		}
	}
	if got = h.believes(); got != want {
		h.Fatalf("%s, and then %s, and looked at again: the platform believes\n%s\nand the model\n%s", before, at.Is, got, want)
	}
}

// does has one event happen to the platform; false is that it was refused, or can't be
// asked for. sure is whether the model has it happen.
func (h *pastOf) does(what byte, sure bool) (bool, error) {
	h.Helper()
	ctx, m := h.Context(), h.model
	toDev := func(in platform.PromoteInput) (bool, error) {
		in.Service = h.name
		row, err := h.Promote(ctx, in)
		if err != nil {
			return false, err
		}
		h.succeeds(row.ID)
		return true, nil
	}
	back := func(environment string) (bool, error) {
		row, err := h.Rollback(ctx, platform.RollbackInput{Service: h.name, Environment: environment, Why: "the totals are wrong"})
		if err != nil {
			return false, err
		}
		h.succeeds(row.ID)
		return true, nil
	}
	switch what {
	case 'N':
		h.commits++
		h.commit("", fmt.Sprintf("c%d", h.commits))
		return toDev(platform.PromoteInput{})
	case 'D':
		if !sure {
			return false, nil
		}
		h.set(h.name, "dev", slipway.LayerBoth, "EDITS", fmt.Sprint(m.Dev.Edits))
		return toDev(platform.PromoteInput{Release: m.Dev.Live().Release})
	case 'A':
		if !sure {
			return false, nil
		}
		return toDev(platform.PromoteInput{Release: m.Dev.Live().Release})
	case 'B':
		return back("dev")
	case 'R':
		return back("test")
	case 'T':
		row, err := h.Promote(ctx, platform.PromoteInput{Service: h.name, Environment: "test"})
		if err == nil && m.Asked == nil {
			h.succeeds(row.ID)
		}
		return err == nil, err
	case 'a', 'b', 'c':
		return h.yes(modeltest.Names[what-'a'])
	case 'C', 'U':
		if sure {
			h.set(h.name, "test", slipway.LayerBoth, "EDITS", fmt.Sprint(m.Test.Edits))
		}
	case 'P':
		h.asksOf(slipway.PolicyChange{Approvals: &m.People.Yeses})
	case 'Q':
		names := []string{}
		if m.People.Circle == sure {
			names = []string{"team:" + h.circle}
		}
		_, err := h.SetPolicy(ctx, h.name, "test", slipway.PolicyChange{Approvers: &names}, false, nil)
		return err == nil, err
	case '1':
		_, err := h.UpdateAccount(ctx, "alan-"+h.name, identity.AccountChange{Active: ptr(!m.People.Off)})
		return err == nil, err
	case '2':
		if role := map[bool]slipway.Role{false: slipway.RoleMaintainer, true: slipway.RoleViewer}[m.People.Viewer]; sure {
			h.member(h.teams[0], "bob", role)
		}
	case '3':
		switch {
		case sure && m.People.Out:
			h.must(h.RemoveMember(ctx, h.circle, "cleo-"+h.name, nil))
		case sure:
			h.member(h.circle, "cleo", slipway.RoleDeveloper)
		}
	case '4':
		if sure && !m.People.NoTeam {
			_, err := h.AddTeam(ctx, h.circle, "")
			h.must(err)
			for _, who := range modeltest.Names {
				if who != "cleo" || !m.People.Out {
					h.member(h.circle, who, slipway.RoleDeveloper)
				}
			}
			return true, nil
		}
		err := h.RemoveTeam(ctx, h.circle, nil)
		return err == nil, err
	case '5':
		to := h.teams[0]
		if m.People.Moved {
			to = h.teams[1]
		}
		_, err := h.UpdateService(ctx, h.name, catalog.ServiceChange{Team: &to})
		return err == nil, err
	}
	return sure, nil
}

func (h *pastOf) succeeds(id int) {
	h.Helper()
	if state, reason := h.ended(fmt.Sprint(id)); state != "succeeded" {
		h.Fatalf("promotion %d has %s: %s", id, state, reason)
	}
}

// yes has somebody say yes to what waits, as the roles are at the moment.
func (h *pastOf) yes(who string) (bool, error) {
	h.Helper()
	ctx := h.Context()
	rows, err := h.Storage.Client.Promotion.Query().Where(promotion.HasServiceWith(service.Name(h.name)), promotion.StateEQ(promotion.StateWaiting)).All(ctx)
	h.must(err)
	if len(rows) == 0 {
		return false, nil
	}
	s, err := h.Service(ctx, h.name)
	h.must(err)
	viewer := slipway.Viewer{Kind: slipway.ViewerPerson, Account: h.people[who], Name: who + "-" + h.name, Via: "api", Roles: map[int]slipway.Role{}}
	if role := h.model.People.Role(who); role != "" {
		viewer.Roles[s.TeamID] = slipway.Role(role)
	}
	_, err = h.Decide(slipway.WithViewer(h.T.Context(), viewer), fmt.Sprint(rows[0].ID), platform.DecideInput{Verdict: slipway.VerdictApprove, Plan: slipway.Digest(rows[0].PlanHash)})
	if err != nil {
		return false, err
	}
	if h.model.Asked == nil {
		h.succeeds(rows[0].ID)
	}
	return true, nil
}

// believes says what the platform believes in the words of the model.
func (h *pastOf) believes() string {
	h.Helper()
	ctx := h.Context()
	in := func(of string) (live, back int) {
		d, err := h.Storage.Client.Deployment.Query().Where(deployment.HasServiceWith(service.Name(h.name)), deployment.HasEnvironmentWith(environment.Name(of)), deployment.Live(true)).WithRelease().All(ctx)
		h.must(err)
		if len(d) > 0 {
			live = d[0].Edges.Release.Number
		}
		way, err := h.WayBack(ctx, h.name, of)
		h.must(err)
		return live, way.Release
	}
	dev, backInDev := in("dev")
	test, backInTest := in("test")
	taken := []int{}
	for r := max(1, test); r <= h.model.Dev.Newer; r++ {
		plan, err := h.Plan(ctx, platform.PromoteInput{Service: h.name, Environment: "test", Release: r})
		h.must(err)
		if strings.Contains(fmt.Sprint(plan.Waits), "rolled back in dev by ada: the totals are wrong") {
			taken = append(taken, r)
		}
	}
	for _, r := range h.model.Dev.Taken { // what is older than test's isn't asked for there
		if r < test {
			taken = append(taken, r)
		}
	}
	slices.Sort(taken)
	text := fmt.Sprintf("dev %d back %d test %d back %d taken %v", dev, backInDev, test, backInTest, taken)
	rows, err := h.Storage.Client.Promotion.Query().Where(promotion.HasServiceWith(service.Name(h.name)), promotion.StateNotIn(promotion.StateSucceeded)).WithRelease().
		WithDecisions().All(ctx)
	h.must(err)
	for _, row := range rows {
		said := []string{}
		slices.SortFunc(row.Edges.Decisions, func(a, b *ent.Decision) int { return a.ID - b.ID })
		for _, d := range row.Edges.Decisions {
			if d.Void == "" && d.Verdict == decision.VerdictApprove {
				said = append(said, d.Name)
			}
		}
		is := "waits"
		if row.State != promotion.StateWaiting {
			is = "is " + string(row.State)
		}
		text += fmt.Sprintf("\n%d %s: %s\nsaid %v", row.Edges.Release.Number, is, row.Reason, said)
	}
	return strings.ReplaceAll(text, "-"+h.name, "")
}

// over ends what still waits.
func (h *pastOf) over() {
	h.Helper()
	if h.model.Asked == nil {
		return
	}
	id, err := h.Storage.Client.Promotion.Query().Where(promotion.HasServiceWith(service.Name(h.name)), promotion.StateEQ(promotion.StateWaiting)).OnlyID(h.Context())
	h.must(err)
	_, err = h.Cancel(h.Context(), fmt.Sprint(id))
	h.must(err)
	h.ended(fmt.Sprint(id))
}
