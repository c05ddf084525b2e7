package platform_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/ent/membership"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/platform"
)

// says gives a promotion somebody's answer to the plan as it stands.
func (w *world) says(who context.Context, id int, verdict slipway.Verdict) {
	w.Helper()
	row, err := w.Promotion(w.Context(), fmt.Sprint(id))
	w.must(err)
	_, err = w.Decide(who, fmt.Sprint(id), platform.DecideInput{Verdict: verdict, Comment: "because", Plan: slipway.Digest(row.PlanHash)})
	w.must(err)
}

// Whose approval was counted and who may no longer approve counts no more: it
// takes as many others, before anything is done.
func TestApprovalsOfWhoMayNow(t *testing.T) {
	live(t, func(w *world, name string) {
		ctx := w.Context()
		s, err := w.Service(ctx, name)
		w.must(err)
		team := s.Edges.Team.Name
		people := map[string]context.Context{}
		for _, who := range []string{"alan", "bob", "cleo"} {
			people[who] = w.colleague(name, who+"-"+name, slipway.RoleMaintainer, false)
		}
		alan := "alan-" + name
		w.policy(name, slipway.PolicyChange{Approvals: ptr(2), OwnChanges: ptr(slipway.OwnNever)})
		row, err := w.Promote(ctx, platform.PromoteInput{Service: name})
		w.must(err)
		w.waiting(row.ID, "0 of 2 approvals")
		w.says(people["alan"], row.ID, slipway.VerdictApprove)
		w.waiting(row.ID, "1 of 2 approvals")

		back := func() {
			t.Helper()
			_, err := w.UpdateAccount(ctx, alan, identity.AccountChange{Active: ptr(true)})
			w.must(err)
			_, err = w.SetMember(ctx, team, alan, slipway.RoleMaintainer, nil)
			w.must(err)
			row := w.waiting(row.ID, "1 of 2 approvals")
			if lapsed := row.Edges.Decisions[0].Lapsed; lapsed != "" {
				t.Errorf("it doesn't count, though it does: %s", lapsed)
			}
		}
		for _, c := range []struct {
			what, why string
			do        func() error
		}{
			{"a lesser role", "no longer a maintainer", func() error { _, err := w.SetMember(ctx, team, alan, slipway.RoleDeveloper, nil); return err }},
			{"out of the team", "no longer in the service's team", func() error { return w.RemoveMember(ctx, team, alan, nil) }},
			{"inactive", "not active", func() error {
				_, err := w.UpdateAccount(ctx, alan, identity.AccountChange{Active: ptr(false)})
				return err
			}},
		} {
			w.must(c.do())
			row := w.waiting(row.ID, "0 of 2 approvals; "+alan+"'s doesn't count now: ")
			d := row.Edges.Decisions[0]
			if !strings.Contains(row.Reason, c.why) || !strings.Contains(d.Lapsed, c.why) || d.Void != "" {
				t.Errorf("%s: %s; %+v", c.what, row.Reason, d)
			}
			back()
		}
		_, err = w.UpdateAccount(ctx, alan, identity.AccountChange{Active: ptr(false)})
		w.must(err)
		w.waiting(row.ID, "0 of 2 approvals")
		w.says(people["bob"], row.ID, slipway.VerdictApprove)
		w.waiting(row.ID, "1 of 2 approvals")
		w.says(people["cleo"], row.ID, slipway.VerdictApprove)
		if state, reason := w.ended(fmt.Sprint(row.ID)); state != "succeeded" {
			t.Errorf("%s: %s", state, reason)
		}

		// An exemption is of somebody who may exempt.
		root := w.colleague(name, "root-"+name, slipway.RoleAdmin, false)
		_, err = w.SetPolicy(ctx, name, "dev", slipway.PolicyChange{Approvals: ptr(1), Windows: &[]slipway.Window{never()}}, false, nil)
		w.must(err)
		w.commit("", "c2")
		asker := w.colleague(name, "asker-"+name, slipway.RoleAdmin, false)
		row, err = w.Promote(asker, platform.PromoteInput{Service: name})
		w.must(err)
		row = w.waiting(row.ID, "dev changes only")
		exempt := func(ctx context.Context) error {
			_, err := w.Decide(ctx, fmt.Sprint(row.ID), platform.DecideInput{Verdict: slipway.VerdictExempt, Plan: slipway.Digest(row.PlanHash), Comment: "now"})
			return err
		}
		byToken := slipway.ViewerFrom(root)
		byToken.Token = 1
		w.want(exempt(slipway.WithViewer(ctx, byToken)), slipway.Denied, "in person, and no token or program")
		if may, err := w.Deciding(slipway.WithViewer(ctx, byToken), row); err != nil || may.Exempt == "" {
			t.Errorf("by a token it may %+v: %v", may, err)
		}
		w.want(exempt(asker), slipway.Denied, "this is your own change, as you asked for it, so another admin")
		w.says(root, row.ID, slipway.VerdictExempt)
		w.until(row.ID, func(row *ent.Promotion) bool { return !strings.Contains(row.Reason, "changes only") })
		_, err = w.SetMember(ctx, team, "root-"+name, slipway.RoleMaintainer, nil)
		w.must(err)
		row = w.waiting(row.ID, "dev changes only")
		if why := row.Edges.Decisions[0].Lapsed; !strings.Contains(why, "no longer an admin of the service's team") {
			t.Error(why)
		}
	})
}

// never is a window that isn't open now, nor in the next hours.
func never() slipway.Window {
	at := time.Now().UTC().Add(12 * time.Hour)
	return slipway.Window{From: at.Format("15:04"), To: at.Add(time.Minute).Format("15:04")}
}

// A change is somebody's own who asked for it, who wrote or committed any commit
// of it, or who made the token or the trust that asked.
func TestOwnChange(t *testing.T) {
	live(t, func(w *world, name string) {
		ctx := w.Context()
		db := w.Storage.Client
		s, err := w.Service(ctx, name)
		w.must(err)
		people := map[string]context.Context{}
		for _, who := range []string{"alan", "bob", "cleo", "dora"} {
			people[who] = w.colleague(name, who+"-"+name, slipway.RoleMaintainer, false)
		}
		w.policy(name, slipway.PolicyChange{Approvals: ptr(1), OwnChanges: ptr(slipway.OwnNever)})
		w.written = []slipway.Commit{
			{ID: commitID("c1"), Author: "Somebody <somebody@elsewhere.example>", Committer: "Bob B. <BOB-" + name + "@example.com>"},
			{ID: commitID("c0"), Author: "Alan <alan-" + name + "@example.com>", Committer: "Somebody <somebody@elsewhere.example>"},
		}
		own := func(who string, id int, why string) {
			t.Helper()
			row, err := w.Promotion(ctx, fmt.Sprint(id))
			w.must(err)
			_, err = w.Decide(people[who], fmt.Sprint(id), platform.DecideInput{Verdict: slipway.VerdictApprove, Plan: slipway.Digest(row.PlanHash)})
			w.want(err, slipway.Denied, why)
			if strings.Contains(strings.Join(row.Waits[0].On, " "), who) {
				t.Errorf("it waits on %v", row.Waits[0].On)
			}
		}
		plan, err := w.Plan(people["dora"], platform.PromoteInput{Service: name})
		w.must(err)
		if on := strings.Join(plan.Waits[0].On, " "); strings.Contains(on, "alan") || strings.Contains(on, "bob") || strings.Contains(on, "dora") || !strings.Contains(on, "cleo") {
			t.Errorf("the plan waits on %s", on)
		}
		row, err := w.Promote(people["dora"], platform.PromoteInput{Service: name})
		w.must(err)
		row = w.waiting(row.ID, "0 of 1 approvals")
		own("alan", row.ID, "your own change, as you wrote or committed some of it")
		own("bob", row.ID, "your own change, as you wrote or committed some of it")
		own("dora", row.ID, "your own change")
		if a := row.Authors; a == nil || fmt.Sprint(a.Accounts, a.Unknown) != "[alan-"+name+" bob-"+name+"] [Ada Somebody <somebody@elsewhere.example>]" {
			t.Errorf("written by %+v", a)
		}
		w.says(people["cleo"], row.ID, slipway.VerdictApprove)
		if state, reason := w.ended(fmt.Sprint(row.ID)); state != "succeeded" {
			t.Fatalf("%s: %s", state, reason)
		}

		w.written = []slipway.Commit{}
		bot, err := db.Account.Create().SetName("bot-" + name).SetKind(account.KindService).Save(ctx)
		w.must(err)
		w.must(db.Membership.Create().SetAccountID(bot.ID).SetTeamID(s.TeamID).SetRole(membership.RoleDeveloper).Exec(ctx))
		maker := w.colleague(name, "root-"+name, slipway.RoleAdmin, true)
		people["root"] = maker
		_, text, err := w.AddToken(maker, identity.TokenInput{Account: bot.Name, Name: "deploys", Scopes: []slipway.Scope{"promote:dev"}})
		w.must(err)
		program, err := w.Identify(ctx, text, identity.Caller{Via: "api"})
		w.must(err)
		ci, err := db.Trust.Create().SetServiceID(s.ID).SetName("ci").SetIssuer("https://ci.example.com").SetAudience("slipway").SetSubject("main").
			SetScopes([]slipway.Scope{"promote:dev"}).SetMadeBy("root-" + name).Save(ctx)
		w.must(err)
		job := slipway.Viewer{Kind: slipway.ViewerService, Name: name + "/ci", Service: name, Trusts: []int{ci.ID}, Scopes: []slipway.Scope{"promote:dev"}, Roles: map[int]slipway.Role{s.TeamID: slipway.RoleDeveloper}, Via: "ci"}
		for i, by := range []slipway.Viewer{program, job, program} {
			if i == 2 { // as it is with a token of before makers were kept
				w.must(w.Storage.ForgetMakers(ctx))
			}
			w.commit("", fmt.Sprint("d", i))
			row, err := w.Promote(slipway.WithViewer(t.Context(), by), platform.PromoteInput{Service: name})
			w.must(err)
			row = w.waiting(row.ID, "0 of 1 approvals")
			own("root", row.ID, "your own change, as you made what it was asked for with")
			if fmt.Sprint(row.Behind) != "[root-"+name+"]" {
				t.Errorf("behind %s is %v", by.Name, row.Behind)
			}
			_, err = w.Cancel(ctx, fmt.Sprint(row.ID))
			w.must(err)
			w.ended(fmt.Sprint(row.ID))
		}

		// While the repository doesn't tell, nobody's yes counts.
		w.mu.Lock()
		w.silent = true
		w.mu.Unlock()
		w.commit("", "e1")
		row, err = w.Promote(ctx, platform.PromoteInput{Service: name})
		w.must(err)
		w.waiting(row.ID, "0 of 1 approvals; who wrote the commits can't be told")
		w.says(people["cleo"], row.ID, slipway.VerdictApprove)
		w.waiting(row.ID, "1 of 1 approvals; who wrote the commits can't be told")
		w.mu.Lock()
		w.silent, w.written = false, []slipway.Commit{{ID: commitID("e0"), Author: "Cleo <cleo-" + name + "@example.com>"}}
		w.mu.Unlock()
		_, err = w.UpdateAccount(ctx, bot.Name, identity.AccountChange{Active: ptr(true)}) // at which gates are looked at
		w.must(err)
		w.waiting(row.ID, "0 of 1 approvals; cleo-"+name+"'s doesn't count now: cleo-"+name+" wrote or committed some of it")
		w.says(people["alan"], row.ID, slipway.VerdictApprove)
		if state, reason := w.ended(fmt.Sprint(row.ID)); state != "succeeded" {
			t.Errorf("%s: %s", state, reason)
		}
	})
}

// Nobody approves by an account that was made for it: one that is younger than
// the request, or that somebody made whose own change it is.
func TestNewApprovers(t *testing.T) {
	live(t, func(w *world, name string) {
		ctx := w.Context()
		s, err := w.Service(ctx, name)
		w.must(err)
		team := s.Edges.Team.Name
		dev := w.colleague(name, "dev-"+name, slipway.RoleDeveloper, false)
		boss := w.colleague(name, "boss-"+name, slipway.RoleAdmin, false)
		root := w.colleague(name, "root-"+name, "", true)
		join := func(by context.Context, who string) context.Context {
			t.Helper()
			in, err := w.Invite(by, team, slipway.RoleMaintainer)
			w.must(err)
			_, err = w.Accept(t.Context(), in.Token, identity.AccountInput{Name: who, Password: slipway.NewSecret("correct horse battery staple")}, identity.Caller{Via: "portal"})
			w.must(err)
			v := slipway.ViewerFrom(w.colleague(name, who, "", false))
			v.Roles[s.TeamID] = slipway.RoleMaintainer
			return slipway.WithViewer(t.Context(), v)
		}
		friend := join(boss, "friend-"+name)
		_, err = w.AddAccount(root, identity.AccountInput{Name: "puppet-" + name})
		w.must(err)
		puppet := w.colleague(name, "puppet-"+name, slipway.RoleMaintainer, false)
		w.policy(name, slipway.PolicyChange{Approvals: ptr(1), OwnChanges: ptr(slipway.OwnNever)})
		no := func(who context.Context, row *ent.Promotion, why string) {
			t.Helper()
			_, err := w.Decide(who, fmt.Sprint(row.ID), platform.DecideInput{Verdict: slipway.VerdictApprove, Plan: slipway.Digest(row.PlanHash)})
			w.want(err, slipway.Denied, why)
			if name := slipway.ViewerFrom(who).Name; strings.Contains(strings.Join(row.Waits[0].On, " "), name) {
				t.Errorf("it waits on %v", row.Waits[0].On)
			}
		}
		for commit, c := range map[string]struct {
			by, not, may context.Context
			why          string
		}{
			"n1": {boss, friend, puppet, "made, or invited, by boss-" + name},
			"n2": {root, puppet, friend, "made, or invited, by root-" + name},
			"n3": {dev, nil, friend, ""},
		} {
			w.commit("", commit)
			row, err := w.Promote(c.by, platform.PromoteInput{Service: name})
			w.must(err)
			row = w.waiting(row.ID, "0 of 1 approvals")
			if c.not != nil {
				no(c.not, row, c.why)
			}
			no(join(boss, "late-"+commit+"-"+name), row, "the account is younger than the request")
			w.says(c.may, row.ID, slipway.VerdictApprove)
			if state, reason := w.ended(fmt.Sprint(row.ID)); state != "succeeded" {
				t.Fatalf("%s: %s", state, reason)
			}
		}
		// As it is with accounts of before that was kept.
		w.must(w.Storage.ForgetMakers(ctx))
		w.commit("", "n4")
		row, err := w.Promote(boss, platform.PromoteInput{Service: name})
		w.must(err)
		no(friend, w.waiting(row.ID, "0 of 1 approvals"), "made, or invited, by boss-"+name)
		_, err = w.Cancel(ctx, fmt.Sprint(row.ID))
		w.must(err)
		w.ended(fmt.Sprint(row.ID))
		w.commit("", "n5")
		row, err = w.Promote(root, platform.PromoteInput{Service: name})
		w.must(err)
		row = w.waiting(row.ID, "0 of 1 approvals")
		no(puppet, row, "made, or invited, by root-"+name)
		w.asks("dev", slipway.PolicyChange{NewApprovers: ptr(true)})
		w.until(row.ID, func(now *ent.Promotion) bool { return now.PlanHash != row.PlanHash })
		w.says(puppet, row.ID, slipway.VerdictApprove)
		if state, reason := w.ended(fmt.Sprint(row.ID)); state != "succeeded" {
			t.Errorf("%s: %s", state, reason)
		}
	})
}
