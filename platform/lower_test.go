package platform_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent/session"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/store"
)

// held are those whom a gate holds, or who aren't there themselves: a maintainer
// who is admin of the team, too, the token of an admin of the platform, and a
// program that is one.
func (w *world) held() map[string]context.Context {
	w.Helper()
	w.person("boss", true)
	_, text, err := w.AddToken(w.session(w.signIn("boss")), identity.TokenInput{Name: "terraform", Scopes: []slipway.Scope{slipway.ScopeAdmin}})
	w.must(err)
	token, err := w.Identify(w.Context(), text, identity.Caller{Via: "api"})
	w.must(err)
	return map[string]context.Context{
		"a maintainer":     w.colleague("billing", "mae", slipway.RoleAdmin, false),
		"an admin's token": slipway.WithViewer(w.T.Context(), token),
		"a program":        slipway.WithViewer(w.T.Context(), slipway.Viewer{Kind: slipway.ViewerService, Name: "bot", Admin: true, Via: "api"}),
	}
}

// lowers tries what lowers a gate: whom it holds may not, a session that was left
// open is asked for a proof, and an admin who is there may.
func (w *world) lowers(held map[string]context.Context, says string, try func(ctx context.Context) error) {
	w.Helper()
	for who, ctx := range held {
		err := try(ctx)
		if slipway.CodeOf(err) != slipway.Denied || !strings.Contains(err.Error(), "in person") && !strings.Contains(err.Error(), "admin of the platform") || !strings.Contains(err.Error(), says) {
			w.Errorf("%s is told %v, not %q", who, err, says)
		}
	}
	boss := w.session(w.signIn("boss"))
	w.must(w.Storage.Client.Session.Update().Where(session.Key(slipway.ViewerFrom(boss).Session)).SetProvedAt(time.Now().UTC().Add(-time.Hour)).Exec(w.Context()))
	if err := try(boss); slipway.CodeOf(err) != slipway.Unproved {
		w.Errorf("a session that was left open: %v", err)
	}
	w.must(w.Prove(boss, identity.FactorProof{Current: password}))
	w.must(try(boss))
}

// Nobody whom the gate holds leads releases past an environment: by a path of the
// service's own, or by the order of all.
func TestNoShortcut(t *testing.T) {
	both(t, func(w *world) {
		w.register("billing")
		held := w.held()
		mae := held["a maintainer"]
		take := func(path ...string) func(ctx context.Context) error {
			return func(ctx context.Context) error {
				_, err := w.UpdateService(ctx, "billing", catalog.ServiceChange{Environments: &path})
				return err
			}
		}
		place := func(name string, at int) func(ctx context.Context) error {
			return func(ctx context.Context) error {
				_, err := w.UpdateEnvironment(ctx, name, catalog.EnvironmentChange{Position: &at})
				return err
			}
		}
		w.must(take("dev", "test")(mae)) // which takes it nowhere that it could not go
		w.lowers(held, "lets releases of billing into prod without test", take("dev", "prod"))
		w.must(take()(mae))
		w.lowers(held, "lets releases of billing into prod without dev, into prod without test", take("prod"))
		w.must(take("dev", "test", "prod")(mae))
		w.lowers(map[string]context.Context{"a maintainer": mae}, "into prod without test", func(ctx context.Context) error {
			_, err := w.Register(ctx, catalog.ServiceInput{Name: "second", URL: "https://git.example.com/second.git", Environments: []string{"dev", "prod"}})
			return err
		})

		// An environment that takes anything vouches for nothing, wherever it is put.
		_, err := w.AddEnvironment(w.Context(), catalog.EnvironmentInput{Name: "preview"})
		w.must(err)
		w.asks("preview", slipway.PolicyChange{SkipsAllowed: ptr(true)})
		w.lowers(held, "into prod without dev, into prod without test", take("dev", "test", "preview", "prod"))
		w.must(take()(w.Context()))
		byAll := map[string]context.Context{"an admin's token": held["an admin's token"], "a program": held["a program"]}
		w.lowers(byAll, "this order lets releases into prod without dev, into prod without test", place("preview", 3))
		w.must(place("preview", 4)(w.Context()))
		w.lowers(byAll, "this order lets releases into test without dev", place("dev", 2))

		// What one service asks beyond the others counts for it, too.
		w.must(place("dev", 1)(w.Context()))
		w.asks("prod", slipway.PolicyChange{SkipsAllowed: ptr(true)})
		w.must(place("preview", 3)(held["a program"]))
		w.must(place("preview", 4)(held["a program"]))
		_, err = w.SetPolicy(mae, "billing", "prod", slipway.PolicyChange{SkipsAllowed: ptr(false)}, false, nil)
		w.must(err)
		w.lowers(byAll, "this order lets releases into prod without dev, into prod without test", place("preview", 3))

		refused, err := w.Audit(w.Context(), audit.Query{Action: "service.changed", Actor: "mae", Result: audit.Refused, Page: store.Page{Limit: 10}})
		w.must(err)
		if len(refused.Items) != 3 || !strings.Contains(refused.Items[0].Reason, "without test") {
			t.Errorf("on record: %+v", refused.Items)
		}
	})
}

// A service has no way out of what holds it by another team, or by being removed
// and registered anew.
func TestNoWayOutByAnotherTeam(t *testing.T) {
	both(t, func(w *world) {
		w.register("billing")
		ctx, held := w.Context(), w.held()
		w.team("wages")
		_, err := w.SetMember(ctx, "wages", "mae", slipway.RoleAdmin, nil)
		w.must(err)
		v := slipway.ViewerFrom(held["a maintainer"])
		wages, err := w.Team(ctx, "wages")
		w.must(err)
		v.Roles[wages.ID] = slipway.RoleAdmin
		mae := held["a maintainer"]
		give := func(team string) func(ctx context.Context) error {
			return func(ctx context.Context) error {
				_, err := w.UpdateService(ctx, "billing", catalog.ServiceChange{Team: &team})
				return err
			}
		}
		w.must(give("wages")(mae)) // no gate asks anything of a team
		w.must(give("default")(mae))

		_, err = w.SetPolicy(mae, "billing", "prod", slipway.PolicyChange{Approvals: ptr(2), Soak: ptr(60)}, false, nil)
		w.must(err)
		w.lowers(held, "giving billing from team default to team wages has other people approve in prod", give("wages"))
		w.must(give("default")(ctx))
		_, err = w.SetPolicy(ctx, "billing", "prod", slipway.PolicyChange{Approvals: ptr(0), RollbackRole: ptr(slipway.RoleAdmin)}, false, nil)
		w.must(err)
		w.want(give("wages")(mae), slipway.Denied, "has other people approve in prod")
		_, err = w.SetPolicy(ctx, "billing", "prod", slipway.PolicyChange{RollbackRole: ptr(slipway.RoleMaintainer)}, false, nil)
		w.must(err)
		w.must(give("wages")(mae))
		w.must(give("default")(mae))
		f, err := w.AddFreeze(ctx, catalog.FreezeInput{Reason: "the audit", Team: "default", Starts: time.Now().Add(time.Hour), Ends: time.Now().Add(2 * time.Hour)})
		w.must(err)
		w.want(give("wages")(mae), slipway.Denied, "gets out of a freeze of team default")
		w.must(w.LiftFreeze(ctx, f.ID))
		w.must(give("wages")(mae))
		w.must(give("default")(mae))

		// Removed and registered anew.
		_, err = w.SetPolicy(mae, "billing", "prod", slipway.PolicyChange{Approvals: ptr(2)}, false, nil)
		w.must(err)
		again := func(in catalog.ServiceInput) func(ctx context.Context) error {
			in.Name, in.URL = "billing", "https://git.example.com/billing.git"
			return func(ctx context.Context) error {
				_, err := w.Register(ctx, in)
				return err
			}
		}
		asked := func() {
			w.Helper()
			p, err := w.PolicyOf(ctx, "billing", "prod")
			w.must(err)
			if p.Policy.Approvals != 2 || p.Policy.Soak != 60 || p.Revision == 0 {
				t.Errorf("of the service that was registered anew is asked %+v", p)
			}
		}
		w.must(w.RemoveService(mae, "billing", nil))
		w.lowers(held, "giving billing from team default to team wages has other people approve in prod", again(catalog.ServiceInput{Team: "wages"}))
		asked()
		w.must(w.RemoveService(mae, "billing", nil))
		w.must(again(catalog.ServiceInput{Team: "wages"})(mae)) // whose it was
		asked()
		w.must(w.RemoveService(mae, "billing", nil))
		stranger := slipway.WithViewer(w.T.Context(), slipway.Viewer{Kind: slipway.ViewerPerson, Name: "eve", Roles: map[int]slipway.Role{wages.ID: slipway.RoleMaintainer}, Via: "api"})
		w.want(again(catalog.ServiceInput{Team: "default"})(mae), slipway.Denied, "giving billing from team wages to team default")
		w.must(again(catalog.ServiceInput{Team: "default"})(ctx))
		asked()
		w.must(w.RemoveService(mae, "billing", nil))
		w.want(again(catalog.ServiceInput{Team: "wages"})(stranger), slipway.Denied, "giving billing from another team to team wages")

		// Its path stays as short as it was, and as long.
		w.must(again(catalog.ServiceInput{Team: "default", Environments: []string{"dev", "prod"}})(ctx))
		w.must(w.RemoveService(mae, "billing", nil))
		w.want(again(catalog.ServiceInput{Team: "default", Environments: []string{"prod"}})(mae), slipway.Denied, "into prod without dev")
		w.must(again(catalog.ServiceInput{Team: "default", Environments: []string{"dev", "prod"}})(mae))
		asked()
	})
}

// Nobody whom a freeze holds lifts it, and no program does.
func TestFreezesAreLiftedInPerson(t *testing.T) {
	both(t, func(w *world) {
		w.register("billing")
		ctx, held := w.Context(), w.held()
		place := func(ctx context.Context, team string) int {
			w.Helper()
			f, err := w.AddFreeze(ctx, catalog.FreezeInput{Reason: "the audit", Team: team, Ends: time.Now().Add(time.Hour)})
			w.must(err)
			return f.ID
		}
		lift := func(id int) func(ctx context.Context) error {
			return func(ctx context.Context) error { return w.LiftFreeze(ctx, id) }
		}
		all := place(held["a program"], "") // which raises
		w.lowers(map[string]context.Context{"an admin's token": held["an admin's token"], "a program": held["a program"]}, "this lifts a freeze that bot placed", lift(all))
		w.lowers(held, "this lifts a freeze that ada placed", lift(place(ctx, "default")))

		// What the team asked of itself, its admins take back: in person.
		mae := held["a maintainer"]
		own := place(mae, "default")
		byToken := slipway.ViewerFrom(mae)
		byToken.Token = 1
		w.want(lift(own)(slipway.WithViewer(ctx, byToken)), slipway.Denied, "an admin of the team in person, and no token or program")
		w.want(lift(own)(held["an admin's token"]), slipway.Denied, "in person")
		w.must(lift(own)(mae))
		w.want(lift(own)(mae), slipway.NotFound, "no freeze")
	})
}

// No program makes itself a person, and no team that approves is made anew.
func TestNoProgramComesInAsSomebody(t *testing.T) {
	both(t, func(w *world) {
		w.register("billing")
		w.person("bob", false)
		held := w.held()
		delete(held, "a maintainer") // who isn't let so far
		n := 0
		for says, try := range map[string]func(ctx context.Context) error{
			"an admin of the platform": func(ctx context.Context) error {
				n++
				_, err := w.AddAccount(ctx, identity.AccountInput{Name: "eve" + strings.Repeat("e", n), Admin: true})
				return err
			},
			"in as bob": func(ctx context.Context) error {
				_, err := w.UpdateAccount(ctx, "bob", identity.AccountChange{Email: ptr("eve@example.com")})
				return err
			},
			"gives the new password in as bob": func(ctx context.Context) error {
				return w.SetPassword(ctx, "bob", identity.PasswordChange{New: slipway.NewSecret("a whole new password it is")})
			},
			"without a second factor": func(ctx context.Context) error { return w.ResetFactors(ctx, "bob") },
		} {
			w.lowers(held, says, try)
		}
		no, yes := false, true
		_, err := w.UpdateAccount(held["a program"], "bob", identity.AccountChange{Active: &no})
		w.must(err)
		w.lowers(held, "this lets bob in again", func(ctx context.Context) error {
			_, err := w.UpdateAccount(ctx, "bob", identity.AccountChange{Active: &yes})
			return err
		})

		w.team("release")
		w.asks("prod", slipway.PolicyChange{Approvals: ptr(1), Approvers: &[]string{"team:release"}})
		w.want(w.RemoveTeam(held["a program"], "release", nil), slipway.Conflict, "team release approves in prod; name others there first")
		w.asks("prod", slipway.PolicyChange{Approvers: &[]string{}})
		_, err = w.SetPolicy(w.Context(), "billing", "prod", slipway.PolicyChange{Approvers: &[]string{"team:release"}}, false, nil)
		w.must(err)
		w.want(w.RemoveTeam(held["a program"], "release", nil), slipway.Conflict, "team release approves what billing promotes into prod")
		_, err = w.SetPolicy(w.Context(), "billing", "prod", slipway.PolicyChange{}, true, nil)
		w.must(err)
		w.must(w.RemoveTeam(held["a program"], "release", nil))
	})
}
