package platform_test

import (
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/identity"
)

// TestConnecting brings people together with the accounts that they have.
func TestConnecting(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.T.Context()
		w.team("shop")
		corp := w.corp(identity.ProviderInput{Groups: []slipway.GroupRule{{Group: "leads", Team: "shop", Role: slipway.RoleAdmin}}})
		add := func(in identity.AccountInput) *ent.Account {
			w.Helper()
			a, err := w.AddAccount(w.Context(), in)
			w.must(err)
			return a
		}
		// An account that nobody could open yet: an admin gave the address.
		add(identity.AccountInput{Name: "robert", Email: "Bert@Example.com"})
		if v := w.comesIn(corp, "bert"); v.Name != "robert" {
			w.Errorf("%+v", v)
		}
		// An account with a password: whoever has it must also be who has the address.
		add(identity.AccountInput{Name: "adele", Email: "ada@example.com", Password: password})
		done, err := w.FinishSignIn(ctx, w.through(corp, "ada"), browser)
		w.must(err)
		if done.Account != "adele" || done.Session.Access.Reveal() != "" || done.Link.Reveal() == "" {
			w.Fatalf("%+v", done)
		}
		_, err = w.Identify(ctx, done.Link, browser)
		w.want(err, slipway.Unauthenticated, "not good") // it opens nothing
		_, err = w.ConnectSignIn(ctx, done.Link, slipway.NewSecret("not the password, no"), slipway.Secret{}, browser)
		w.want(err, slipway.Invalid, "the password is wrong")
		_, err = w.ConnectSignIn(ctx, slipway.NewSecret(done.Link.Reveal()+"x"), password, slipway.Secret{}, browser)
		w.want(err, slipway.Unauthenticated, "waited too long")
		_, err = w.ConnectSignIn(ctx, w.signIn("adele").Access, password, slipway.Secret{}, browser)
		w.want(err, slipway.Unauthenticated, "waited too long") // a session's token is no link
		connected, err := w.ConnectSignIn(ctx, done.Link, password, slipway.Secret{}, browser)
		w.must(err)
		if connected.Session.Account != "adele" || connected.Next != "/promotions" || w.teamsOf("adele")["shop"] != slipway.RoleAdmin {
			w.Errorf("%+v %v", connected, w.teamsOf("adele"))
		}
		_, err = w.ConnectSignIn(ctx, done.Link, password, slipway.Secret{}, browser)
		w.want(err, slipway.Conflict, "sign in again")
		v := w.comesIn(corp, "ada")
		if v.Name != "adele" {
			w.Errorf("%+v", v)
		}
		// From now on the address is the provider's to say.
		evil := "boss@example.com"
		_, err = w.UpdateAccount(slipway.WithViewer(ctx, v), "adele", identity.AccountChange{Email: &evil})
		w.want(err, slipway.Conflict, "comes from the provider")

		// Whoever is inactive stays out.
		no := false
		for _, name := range []string{"adele", "robert"} {
			_, err = w.UpdateAccount(w.Context(), name, identity.AccountChange{Active: &no})
			w.must(err)
		}
		for user, name := range map[string]string{"ada": "adele", "bert": "robert"} {
			_, err = w.FinishSignIn(ctx, w.through(corp, user), browser)
			w.want(err, slipway.Denied, "the account "+name+" is not active")
		}
		// Nor is an address enough that two have, or that another person at the
		// same provider has had.
		add(identity.AccountInput{Name: "dora-1", Email: "dora@example.com"})
		_, err = w.FinishSignIn(ctx, w.through(corp, "dora"), browser)
		w.must(err)
		w.must(w.Storage.Client.Identity.Update().SetEmail("x@example.com").Exec(w.Context()))
		row, err := w.Storage.Client.Identity.Query().Order(ent.Desc("id")).First(w.Context())
		w.must(err)
		w.must(w.Storage.Client.Identity.DeleteOne(row).Exec(w.Context()))
		w.must(w.Storage.Client.Identity.Create().SetAccountID(row.AccountID).SetProviderID(row.ProviderID).SetSubject("dora-of-before").Exec(w.Context()))
		_, err = w.FinishSignIn(ctx, w.through(corp, "dora"), browser)
		w.want(err, slipway.Conflict, "somebody else's at this provider")
		add(identity.AccountInput{Name: "dora-2", Email: "dora@example.com"})
		_, err = w.FinishSignIn(ctx, w.through(corp, "dora"), browser)
		w.want(err, slipway.Conflict, "several accounts")
	})
}

// TestLastAdmin switches passwords off, and tries every way to lock all out.
func TestLastAdmin(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.T.Context()
		w.person("root", true)
		w.person("bob", false)
		corp := w.corp(identity.ProviderInput{Open: true, Groups: []slipway.GroupRule{{Group: "leads", Admin: true}}})
		w.want(w.SetLocalSignIn(w.Context(), false), slipway.Conflict, "no admin has signed in through a provider yet")
		w.comesIn(corp, "bert") // no admin: it is not enough
		w.want(w.SetLocalSignIn(w.Context(), false), slipway.Conflict, "no admin has signed in")
		if v := w.comesIn(corp, "ada"); !v.Admin {
			w.Fatalf("%+v", v)
		}
		w.must(w.SetLocalSignIn(w.Context(), false))
		if _, local, err := w.WaysIn(ctx); err != nil || local {
			w.Errorf("%v %v", local, err)
		}
		for _, name := range []string{"root", "bob", "nobody"} {
			_, err := w.SignIn(ctx, name, password, cli)
			w.want(err, slipway.Denied, "switched off")
		}
		// A password opens no invitation either.
		w.team("shop")
		in, err := w.Invite(w.Context(), "shop", slipway.RoleViewer)
		w.must(err)
		_, err = w.Accept(ctx, in.Token, identity.AccountInput{Name: "eve", Password: password}, browser)
		w.want(err, slipway.Conflict, "passwords are switched off")

		// ada is the only admin who comes in: she stays one, and so does the way.
		no := false
		_, err = w.UpdateAccount(w.Context(), "ada", identity.AccountChange{Active: &no})
		w.want(err, slipway.Conflict, "no admin could sign in any more")
		_, err = w.UpdateAccount(w.Context(), "ada", identity.AccountChange{Admin: &no})
		w.want(err, slipway.Conflict, "no admin could sign in any more")
		_, err = w.UpdateProvider(w.Context(), "corp", identity.ProviderChange{Active: &no})
		w.want(err, slipway.Conflict, "no admin could sign in any more")
		w.want(w.RemoveProvider(w.Context(), "corp", nil), slipway.Conflict, "no admin could sign in any more")
		// Her groups can't take it from her.
		rules := []slipway.GroupRule{{Group: "nobody-is-here", Admin: true}}
		_, err = w.UpdateProvider(w.Context(), "corp", identity.ProviderChange{Groups: &rules})
		w.must(err)
		if v := w.comesIn(corp, "ada"); !v.Admin {
			w.Error("the last admin was unmade by her groups")
		}
		// Should it happen all the same, admins' passwords open again, and theirs alone.
		_, err = w.Storage.Client.Identity.Delete().Exec(w.Context())
		w.must(err)
		_, err = w.SignIn(ctx, "bob", password, cli)
		w.want(err, slipway.Denied, "switched off")
		s, err := w.SignIn(ctx, "root", password, cli)
		w.must(err)
		v, err := w.Identify(ctx, s.Access, cli)
		w.must(err)
		w.must(w.SetLocalSignIn(slipway.WithViewer(ctx, v), true))
		w.signIn("bob")
	})
}
