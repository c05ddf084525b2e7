package platform_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/identity"
)

// TestATakenNameIsSaid asks for names that others have, in every place where a
// name is given: nothing is fetched, a free one is proposed, and whose it is stays
// unsaid.
func TestATakenNameIsSaid(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		w.team("secretive")
		w.team("shop")
		_, err := w.Register(ctx, catalog.ServiceInput{Name: "billing", URL: "https://git.example.com/secretive/billing.git", Team: "secretive"})
		w.must(err)
		w.person("bob", false)
		_, err = w.SetMember(ctx, "shop", "bob", slipway.RoleMaintainer, nil)
		w.must(err)
		bob := w.session(w.signIn("bob"))
		asked := 0
		w.Source = askedSource{source{w}, &asked}
		taken := func(err error, words ...string) {
			w.Helper()
			w.want(err, slipway.Conflict, "is taken")
			e := err.(*slipway.Error) //nolint:errorlint // it is returned as it is
			if e.Field != "name" || asked > 0 || strings.Contains(e.Message, "secretive") {
				t.Errorf("at %q, after %d questions: %s", e.Field, asked, e.Message)
			}
			for _, word := range words {
				if !strings.Contains(e.Message, word) {
					t.Errorf("%q does not say %q", e.Message, word)
				}
			}
		}
		in := catalog.ServiceInput{Name: "billing", URL: "https://git.example.com/shop/billing.git", Token: slipway.NewSecret("of-shop")}
		_, err = w.Register(bob, in)
		taken(err, "services of all teams share their names", "shop-billing is free")
		_, err = w.Detect(bob, in)
		taken(err, "shop-billing is free")
		in.Name = "" // made of the repository
		_, err = w.Register(bob, in)
		taken(err, "the name billing", "shop-billing is free")
		_, err = w.Register(ctx, catalog.ServiceInput{Name: "shop-billing", URL: "https://git.example.com/x.git", Team: "shop"})
		w.must(err)
		asked = 0
		_, err = w.Register(bob, in)
		taken(err, "billing-2 is free")
		in.Name = "shop-billing"
		_, err = w.Register(bob, in)
		taken(err, "shop-billing-2 is free")
		long := "b" + strings.Repeat("i", slipway.MaxName-1)
		_, err = w.Register(ctx, catalog.ServiceInput{Name: long, URL: "https://git.example.com/x.git", Team: "shop"})
		w.must(err)
		asked, in.Name = 0, long
		_, err = w.Register(bob, in)
		taken(err, long[:slipway.MaxName-2]+"-2 is free")
		// Who may see what has it is told.
		_, err = w.Register(ctx, catalog.ServiceInput{Name: "billing", URL: in.URL, Team: "shop"})
		w.want(err, slipway.Conflict, "the name billing is taken: a service of team secretive has it (slipway service show billing); billing-2 is free")
		// Whoever may not register anywhere is told nothing.
		w.person("eve", false)
		_, err = w.Register(w.session(w.signIn("eve")), catalog.ServiceInput{Name: "billing", URL: in.URL, Team: "shop"})
		w.want(err, slipway.Invalid, "no team shop of yours")

		_, err = w.AddTeam(ctx, "shop", "")
		taken(err, "shop-2 is free")
		_, err = w.AddEnvironment(ctx, catalog.EnvironmentInput{Name: "prod"})
		taken(err, "prod-2 is free")
		_, err = w.AddAccount(ctx, identity.AccountInput{Name: "bob"})
		taken(err, "bob-2 is free")
		invited, err := w.Invite(ctx, "shop", slipway.RoleViewer)
		w.must(err)
		_, err = w.Accept(w.T.Context(), invited.Token, identity.AccountInput{Name: "bob", Password: password}, cli)
		taken(err, "bob-2 is free")
		_, err = w.Accept(w.T.Context(), slipway.NewSecret("no invitation"), identity.AccountInput{Name: "bob", Password: password}, cli)
		if slipway.CodeOf(err) == slipway.Conflict {
			t.Errorf("without an invitation it is said: %v", err)
		}
		_, err = w.Accept(w.T.Context(), invited.Token, identity.AccountInput{Name: "bob-2", Password: password}, cli)
		w.must(err)
	})
}

// TestNoAccountIsTakenForThePlatform makes accounts by every way there is with names
// that the audit log says of others than accounts.
func TestNoAccountIsTakenForThePlatform(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		w.team("shop")
		invited, err := w.Invite(ctx, "shop", slipway.RoleViewer)
		w.must(err)
		corp := w.corp(identity.ProviderInput{Open: true})
		w.OpenID = calledOperator{w.OpenID}
		for _, name := range []string{"operator", "platform", "system", "slipway", "worker", "push"} {
			_, err := w.Accept(w.T.Context(), invited.Token, identity.AccountInput{Name: name, Password: password}, cli)
			refused := []error{err}
			for _, kind := range []slipway.ViewerKind{slipway.ViewerPerson, slipway.ViewerService} {
				_, err = w.AddAccount(ctx, identity.AccountInput{Name: name, Kind: kind})
				refused = append(refused, err)
			}
			for _, err := range refused {
				w.want(err, slipway.Invalid, "choose another")
				if e, ok := err.(*slipway.Error); !ok || e.Field != "name" { //nolint:errorlint // it is returned as it is
					w.Errorf("%s: at no name: %v", name, err)
				}
			}
		}
		if v := w.comesIn(corp, "dora"); v.Name != "operator-2" {
			w.Errorf("who is called operator at the provider is %q", v.Name)
		}
		for _, name := range []string{"admin", "operators", "worker-2"} {
			_, err := w.AddAccount(ctx, identity.AccountInput{Name: name})
			w.must(err)
		}
	})
}

// calledOperator is a provider at which everybody is called operator.
type calledOperator struct{ slipway.OpenID }

func (c calledOperator) Redeem(ctx context.Context, client slipway.OpenIDClient, challenge slipway.SignInChallenge, code slipway.Secret) (slipway.Person, error) {
	person, err := c.OpenID.Redeem(ctx, client, challenge, code)
	person.Username = "operator"
	return person, err
}

// askedSource counts how often it is asked.
type askedSource struct {
	source
	asked *int
}

func (c askedSource) Resolve(ctx context.Context, repo slipway.Repository, ref string) (slipway.Commit, error) {
	*c.asked++
	return c.source.Resolve(ctx, repo, ref)
}

func (askedSource) History(context.Context, slipway.Repository, string, string, io.Writer) error {
	return slipway.Errorf(slipway.Unavailable, "no build here asks git")
}

// Export writes a project.
func (askedSource) Export(_ context.Context, _ slipway.Repository, _, dir string, _ io.Writer) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "requirements.txt"), []byte("flask\n"), 0o600)
}

// TestDetectionProposesAFreeName reads a repository whose name is taken.
func TestDetectionProposesAFreeName(t *testing.T) {
	both(t, func(w *world) {
		w.team("shop")
		w.Source = askedSource{source{w}, new(int)}
		in := catalog.ServiceInput{URL: "https://git.example.com/shop/billing.git", Team: "shop"}
		for _, want := range []string{"billing", "shop-billing", "billing-2"} {
			d, err := w.Detect(w.Context(), in)
			w.must(err)
			if d.Name != want {
				t.Errorf("proposes %q, want %q", d.Name, want)
			}
			taken := in
			taken.Name = d.Name
			_, err = w.Register(w.Context(), taken)
			w.must(err)
		}
	})
}
