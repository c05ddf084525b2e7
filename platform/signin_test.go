package platform_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/adapters/openid"
	"github.com/slipway-dev/slipway/adapters/openid/openidtest"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/platform/platformtest"
	"github.com/slipway-dev/slipway/store"
)

var browser = identity.Caller{Via: "portal", Address: "192.0.2.9", Agent: "Firefox"}

// corp starts a real provider and makes it one of the platform's.
func (w *world) corp(in identity.ProviderInput) *openidtest.Server {
	w.Helper()
	s := openidtest.NewServer(w.T)
	w.OpenID, w.Address = openid.New(http.DefaultClient), "http://127.0.0.1:7070"
	w.provider(s, in)
	return s
}

func (w *world) provider(at openidtest.Provider, in identity.ProviderInput) {
	w.Helper()
	c := openidtest.Client(at)
	in.Issuer, in.ClientID, in.ClientSecret, in.Scopes = c.Issuer, c.ID, c.Secret, []string{"groups"}
	if in.Name == "" {
		in.Name = "corp"
	}
	_, err := w.AddProvider(w.Context(), in)
	w.must(err)
}

// through goes to the provider as a user and returns what the browser brings back.
func (w *world) through(at openidtest.Provider, user string) identity.SignInAnswer {
	w.Helper()
	begun, err := w.BeginSignIn(w.T.Context(), "corp", "/promotions")
	w.must(err)
	back, err := url.Parse(at.SignIn(w.T, begun.URL, user))
	w.must(err)
	q := back.Query()
	return identity.SignInAnswer{
		Provider: back.Path[len(identity.CallbackPath):], State: slipway.NewSecret(q.Get("state")), Code: slipway.NewSecret(q.Get("code")),
		Issuer: q.Get("iss"), Problem: q.Get("error"), Browser: begun.Browser,
	}
}

func (w *world) comesIn(at openidtest.Provider, user string) slipway.Viewer {
	w.Helper()
	done, err := w.FinishSignIn(w.T.Context(), w.through(at, user), browser)
	w.must(err)
	v, err := w.Identify(w.T.Context(), done.Session.Access, browser)
	w.must(err)
	if done.Next != "/promotions" {
		w.Errorf("leads to %q", done.Next)
	}
	return v
}

// teamsOf are the roles of an account by team.
func (w *world) teamsOf(name string) map[string]slipway.Role {
	w.Helper()
	a, err := w.Account(w.Context(), name)
	w.must(err)
	roles := map[string]slipway.Role{}
	for _, m := range a.Edges.Memberships {
		roles[m.Edges.Team.Name] = slipway.Role(m.Role)
	}
	return roles
}

func (w *world) team(name string) {
	w.Helper()
	_, err := w.AddTeam(w.Context(), name, "")
	w.must(err)
}

func TestSignInThroughProvider(t *testing.T) {
	both(t, func(w *world) {
		w.team("shop")
		corp := w.corp(identity.ProviderInput{Groups: []slipway.GroupRule{
			{Group: "developers", Team: "shop", Role: slipway.RoleDeveloper}, {Group: "leads", Team: "shop", Role: slipway.RoleMaintainer},
		}})
		// Who is in a group that a rule knows gets an account, and the role.
		v := w.comesIn(corp, "ada")
		if v.Name != "ada" || v.Kind != slipway.ViewerPerson || v.Admin || v.Session == "" {
			w.Errorf("%+v", v)
		}
		if got := w.teamsOf("ada"); !maps.Equal(got, map[string]slipway.Role{"shop": slipway.RoleMaintainer}) {
			w.Errorf("%v", got)
		}
		a, err := w.Account(w.Context(), "ada")
		w.must(err)
		if a.Email != "ada@example.com" || a.DisplayName != "Ada L." || a.Password != "" {
			w.Errorf("%+v", a)
		}
		// The second time it is the same one, and what an admin gave by hand in a
		// team of the rules is put right.
		_, err = w.SetMember(w.Context(), "shop", "ada", slipway.RoleAdmin, nil)
		w.must(err)
		if again := w.comesIn(corp, "ada"); again.Account != v.Account {
			w.Errorf("%+v", again)
		}
		if got := w.teamsOf("ada"); got["shop"] != slipway.RoleMaintainer {
			w.Errorf("%v", got)
		}
		// Nobody else is let in.
		_, err = w.FinishSignIn(w.T.Context(), w.through(corp, "dora"), browser)
		w.want(err, slipway.Denied, "none of your groups")
		_, err = w.FinishSignIn(w.T.Context(), w.through(corp, "carol"), browser)
		w.want(err, slipway.Denied, "has not verified the address")

		open := true
		_, err = w.UpdateProvider(w.Context(), "corp", identity.ProviderChange{Open: &open})
		w.must(err)
		if v := w.comesIn(corp, "dora"); v.Name != "dora" || len(v.Roles) != 0 {
			w.Errorf("%+v", v)
		}
		// A rule that is gone from the groups takes the role with it.
		rules := []slipway.GroupRule{{Group: "nobody-is-here", Team: "shop", Role: slipway.RoleViewer}}
		_, err = w.UpdateProvider(w.Context(), "corp", identity.ProviderChange{Groups: &rules})
		w.must(err)
		w.comesIn(corp, "ada")
		if got := w.teamsOf("ada"); len(got) != 0 {
			w.Errorf("%v", got)
		}
		// Its session ends within a day, whatever is refreshed.
		done, err := w.FinishSignIn(w.T.Context(), w.through(corp, "ada"), browser)
		w.must(err)
		if left := time.Until(done.Session.Expires); left > 24*time.Hour {
			w.Errorf("the session lasts %s", left)
		}
		actions := w.actions()
		for _, want := range []string{"provider.added", "provider.changed", "account.added", "team.member_set", "team.member_removed", "session.begin"} {
			if !slices.Contains(actions, want) {
				w.Errorf("%s is not on record: %v", want, actions)
			}
		}
		check, err := w.VerifyAudit(w.Context())
		if err != nil || check.Problem != "" {
			w.Errorf("%+v %v", check, err)
		}
	})
}

func (w *world) actions() []string {
	w.Helper()
	list, err := w.Audit(w.Context(), audit.Query{Page: store.Page{Limit: 500}})
	w.must(err)
	var out []string
	for _, e := range list.Items {
		out = append(out, e.Action)
		for _, facts := range []map[string]string{e.Before, e.After} {
			for _, v := range facts {
				if strings.Contains(v, "a secret of the client") {
					w.Errorf("%s holds the client's secret", e.Action)
				}
			}
		}
	}
	return out
}

// TestSignInReplayed tries what was used, made for another, or is too old.
func TestSignInReplayed(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.T.Context()
		corp := w.corp(identity.ProviderInput{Open: true})
		refused := func(in identity.SignInAnswer, text string) {
			w.Helper()
			_, err := w.FinishSignIn(ctx, in, browser)
			w.want(err, slipway.Unauthenticated, text)
		}
		used := w.through(corp, "ada")
		_, err := w.FinishSignIn(ctx, used, browser)
		w.must(err)
		refused(used, "not one that was begun")

		// A link with somebody else's state: the victim's browser did not begin it.
		stolen := w.through(corp, "bert")
		victim := stolen
		victim.Browser = slipway.NewSecret("")
		refused(victim, "not one that was begun")
		victim.Browser = w.through(corp, "ada").Browser
		refused(victim, "not one that was begun")
		_, err = w.FinishSignIn(ctx, stolen, browser) // it is still good where it was begun
		w.must(err)

		unknown := w.through(corp, "ada")
		unknown.State = slipway.NewSecret("made up")
		refused(unknown, "not one that was begun")
		other := w.through(corp, "ada")
		other.Provider = "another"
		refused(other, "not one that was begun")
		mixed := w.through(corp, "ada")
		mixed.Issuer = "https://evil.example.com"
		refused(mixed, "another provider answered")
		no := w.through(corp, "ada")
		no.Problem, no.Code = "access_denied", slipway.Secret{}
		refused(no, "did not sign you in")
		swapped, mine := w.through(corp, "bert"), w.through(corp, "ada")
		mine.Code = swapped.Code // a code that was got for another attempt
		refused(mine, "did not accept")

		late := w.through(corp, "ada")
		expired(w, late)
		refused(late, "not one that was begun")

		// The same through lies of the provider: nonce, audience, time.
		for _, lie := range []func(jwt.MapClaims) string{
			func(c jwt.MapClaims) string { c["nonce"] = "of before"; return corp.Sign(c) },
			func(c jwt.MapClaims) string { c["aud"] = "another"; return corp.Sign(c) },
			func(c jwt.MapClaims) string { c["exp"] = time.Now().Add(-time.Minute).Unix(); return corp.Sign(c) },
			corp.Unsigned, corp.Confused, corp.SignForeign,
		} {
			in := w.through(corp, "ada")
			corp.Rewrite(lie)
			refused(in, "")
			corp.Rewrite(nil)
		}
		list, err := w.Audit(w.Context(), audit.Query{Action: "session.begin", Result: audit.Refused})
		w.must(err)
		if len(list.Items) < 13 {
			w.Errorf("%d refusals are on record", len(list.Items))
		}
		// What is not active leads nowhere, also for who is under way.
		away, off := w.through(corp, "ada"), false
		_, err = w.UpdateProvider(w.Context(), "corp", identity.ProviderChange{Active: &off})
		w.must(err)
		_, err = w.FinishSignIn(ctx, away, browser)
		w.want(err, slipway.NotFound, "no provider")
		_, err = w.BeginSignIn(ctx, "corp", "/")
		w.want(err, slipway.NotFound, "no provider")
	})
}

// expired makes every attempt an old one.
func expired(w *world, _ identity.SignInAnswer) {
	w.Helper()
	ctx := w.Context()
	rows, err := w.Storage.Client.SignInAttempt.Query().All(ctx)
	w.must(err)
	for _, row := range rows {
		w.must(w.Storage.Client.SignInAttempt.DeleteOne(row).Exec(ctx))
		w.must(w.Storage.Client.SignInAttempt.Create().SetState(row.State).SetBrowser(row.Browser).SetProvider(row.Provider).SetNonce(row.Nonce).
			SetVerifier(row.Verifier).SetNext(row.Next).SetExpiresAt(time.Now().UTC().Add(-time.Second)).Exec(ctx))
	}
}

// TestProviders holds what admins give to what makes sense.
func TestProviders(t *testing.T) {
	both(t, func(w *world) {
		corp := w.corp(identity.ProviderInput{})
		good := identity.ProviderInput{Name: "two", Issuer: corp.Issuer(), ClientID: "x"}
		for text, change := range map[string]func(*identity.ProviderInput){
			"is not a name":            func(in *identity.ProviderInput) { in.Name = "Two!" },
			"there is a provider corp": func(in *identity.ProviderInput) { in.Name = "corp" },
			"must begin with https":    func(in *identity.ProviderInput) { in.Issuer = "http://login.example.com" },
			"is not the address":       func(in *identity.ProviderInput) { in.Issuer = "login.example.com" },
			"client id":                func(in *identity.ProviderInput) { in.ClientID = "" },
			"is not a scope":           func(in *identity.ProviderInput) { in.Scopes = []string{"a b"} },
			"there is no team": func(in *identity.ProviderInput) {
				in.Groups = []slipway.GroupRule{{Group: "g", Team: "nope", Role: "viewer"}}
			},
			"is not a role": func(in *identity.ProviderInput) {
				in.Groups = []slipway.GroupRule{{Group: "g", Team: "default", Role: "king"}}
			},
			"either a role": func(in *identity.ProviderInput) {
				in.Groups = []slipway.GroupRule{{Group: "g", Team: "default", Role: "viewer", Admin: true}}
			},
			"each rule names a group":     func(in *identity.ProviderInput) { in.Groups = []slipway.GroupRule{{Admin: true}} },
			"there is no OpenID provider": func(in *identity.ProviderInput) { in.Issuer += "/nowhere" },
			"display name is longer":      func(in *identity.ProviderInput) { in.DisplayName = strings.Repeat("x", 101) },
			"name the claim":              func(in *identity.ProviderInput) { in.GroupsClaim = strings.Repeat("x", 201) },
		} {
			in := good
			change(&in)
			_, err := w.AddProvider(w.Context(), in)
			if err == nil || !strings.Contains(err.Error(), text) {
				w.Errorf("%q: %v", text, err)
			}
		}
		row, err := w.Provider(w.Context(), "corp")
		w.must(err)
		if !strings.HasPrefix(row.ClientSecret, "sealed://") {
			w.Errorf("the secret is kept as %q", row.ClientSecret)
		}
		title := "Corp"
		_, err = w.UpdateProvider(w.Context(), "corp", identity.ProviderChange{DisplayName: &title, If: store.Precondition{"7"}})
		w.want(err, slipway.Outdated, "changed by somebody else")
		w.must(w.RemoveProvider(w.Context(), "corp", nil))
		if _, err := w.Secrets.Get(w.Context(), slipway.SecretRef(row.ClientSecret)); slipway.CodeOf(err) != slipway.NotFound {
			w.Errorf("the secret is left: %v", err)
		}
		bob := slipway.WithViewer(w.T.Context(), slipway.Viewer{Kind: slipway.ViewerPerson, Name: "bob"})
		_, err = w.Providers(bob)
		w.want(err, slipway.Denied, "admin of the platform")
		w.want(w.SetLocalSignIn(bob, false), slipway.Denied, "admin of the platform")
	})
}

// TestSignInThroughNode is the whole way through the second provider.
func TestSignInThroughNode(t *testing.T) {
	w := newWorld(t, platformtest.SQLite(t))
	node := openidtest.NewNode(t)
	w.OpenID, w.Address = openid.New(http.DefaultClient), "http://127.0.0.1:7070"
	w.team("shop")
	w.provider(node, identity.ProviderInput{Groups: []slipway.GroupRule{{Group: "developers", Team: "shop", Role: slipway.RoleDeveloper}}})
	if v := w.comesIn(node, "ada"); v.Name != "ada" || w.teamsOf("ada")["shop"] != slipway.RoleDeveloper {
		w.Errorf("%+v", v)
	}
	_, err := w.FinishSignIn(w.T.Context(), w.through(node, "carol"), browser)
	w.want(err, slipway.Denied, "has not verified")
	used := w.through(node, "bert")
	if used.Issuer != node.Issuer() {
		w.Errorf("it does not say who answers: %q", used.Issuer)
	}
	_, err = w.FinishSignIn(w.T.Context(), used, browser)
	w.must(err)
	_, err = w.FinishSignIn(w.T.Context(), used, browser)
	w.want(err, slipway.Unauthenticated, "not one that was begun")
}
