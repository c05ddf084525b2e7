package platform_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/platform"
)

// Whoever has another address, or is called otherwise, has written the same commits.
func TestFormerAddressesStayOnes(t *testing.T) {
	live(t, func(w *world, name string) {
		ctx := w.Context()
		dev := w.colleague(name, "dev-"+name, slipway.RoleDeveloper, false)
		mai := w.colleague(name, "mai-"+name, slipway.RoleMaintainer, false)
		cleo := w.colleague(name, "cleo-"+name, slipway.RoleMaintainer, false)
		w.must(w.Storage.Client.Account.Update().SetPassword("x").Exec(ctx)) // addresses of others are a provider's
		_, err := w.UpdateAccount(mai, "mai-"+name, identity.AccountChange{DisplayName: ptr("M. of " + name)})
		w.must(err)
		w.policy(name, slipway.PolicyChange{Approvals: ptr(1), OwnChanges: ptr(slipway.OwnNever)})
		for commit, author := range map[string]string{"m1": "Somebody <MAI-" + name + "@example.com>", "m2": "M. of " + name + " <nobody@elsewhere.example>"} {
			w.written = []slipway.Commit{{ID: commitID(commit), Author: author}}
			w.commit("", commit)
			row, err := w.Promote(dev, platform.PromoteInput{Service: name})
			w.must(err)
			row = w.waiting(row.ID, "0 of 1 approvals")
			_, err = w.UpdateAccount(mai, "mai-"+name, identity.AccountChange{DisplayName: ptr("Other " + commit), Email: ptr(commit + name + "@other.example")})
			w.must(err)
			_, err = w.Decide(mai, fmt.Sprint(row.ID), platform.DecideInput{Verdict: slipway.VerdictApprove, Plan: slipway.Digest(row.PlanHash)})
			w.want(err, slipway.Denied, "your own change, as you wrote or committed some of it")
			if a := row.Authors; a == nil || !slices.Contains(a.Accounts, "mai-"+name) || slices.Contains(a.Unknown, author) {
				t.Errorf("written by %+v", a)
			}
			w.says(cleo, row.ID, slipway.VerdictApprove)
			if state, reason := w.ended(fmt.Sprint(row.ID)); state != "succeeded" {
				t.Fatalf("%s: %s", state, reason)
			}
		}
	})
}

// Who comes after a promotion's gates were looked at is known on its page: whether it is
// his own change is asked of today as well.
func TestAuthorsOfToday(t *testing.T) {
	live(t, func(w *world, name string) {
		dev := w.colleague(name, "dev-"+name, slipway.RoleDeveloper, false)
		w.policy(name, slipway.PolicyChange{Approvals: ptr(1), OwnChanges: ptr(slipway.OwnNever)})
		author := "Nina <nina-" + name + "@example.com>"
		w.written = []slipway.Commit{{ID: commitID("n1"), Author: author}}
		w.commit("", "n1")
		row, err := w.Promote(dev, platform.PromoteInput{Service: name})
		w.must(err)
		if a := w.waiting(row.ID, "0 of 1 approvals").Authors; a == nil || !slices.Contains(a.Unknown, author) {
			t.Fatalf("written by %+v", a)
		}
		w.colleague(name, "nina-"+name, slipway.RoleMaintainer, false)
		row, err = w.Promotion(dev, fmt.Sprint(row.ID))
		w.must(err)
		if a := row.Authors; !slices.Contains(a.Accounts, "nina-"+name) || slices.Contains(a.Unknown, author) {
			t.Errorf("written by %+v", a)
		}
		_, err = w.Cancel(dev, fmt.Sprint(row.ID))
		w.must(err)
	})
}

// One's address is changed in person, with a proof, and to one that is nobody else's.
func TestChangingOnesAddress(t *testing.T) {
	both(t, func(w *world) {
		w.person("root", true)
		w.person("bob", false)
		w.person("cleo", false)
		to := func(ctx context.Context, name, address string) error {
			_, err := w.UpdateAccount(ctx, name, identity.AccountChange{Email: &address})
			return err
		}
		bob := w.session(w.signIn("bob"))
		byToken := slipway.ViewerFrom(bob)
		byToken.Session, byToken.Token = "", 1
		w.want(to(slipway.WithViewer(w.T.Context(), byToken), "bob", "b@example.com"), slipway.Denied, "no token")
		w.old(bob)
		w.want(to(bob, "bob", "b@example.com"), slipway.Unproved, "changing your address")
		_, err := w.UpdateAccount(bob, "bob", identity.AccountChange{DisplayName: ptr("Bob")})
		w.must(err)
		w.must(w.Prove(bob, identity.FactorProof{Current: password}))
		w.must(to(bob, "bob", "Bob@Example.com"))
		w.must(to(bob, "bob", "b@example.com"))

		cleo := w.session(w.signIn("cleo"))
		for _, address := range []string{"B@example.com", "bob@example.com"} {
			err := to(cleo, "cleo", address)
			w.want(err, slipway.Conflict, "another account has, or had, this address")
			var said *slipway.Error
			if !errors.As(err, &said) || said.Field != "email" || strings.Contains(said.Message, "bob") {
				w.Errorf("refused with %+v", said)
			}
		}
		in, err := w.Invite(w.Context(), "default", slipway.RoleViewer)
		w.must(err)
		_, err = w.Accept(w.T.Context(), in.Token, identity.AccountInput{Name: "dora", Email: "bob@example.com", Password: password}, identity.Caller{Via: "portal"})
		w.want(err, slipway.Conflict, "another account has, or had, this address")
		w.must(to(bob, "bob", "bob@example.com")) // it was his
		w.must(to(w.Context(), "cleo", "b@example.com"))
	})
}
