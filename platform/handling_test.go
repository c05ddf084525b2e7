package platform_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent/token"
	"github.com/slipway-dev/slipway/identity"
)

// handlers is a world with two teams.
type handlers struct {
	*world
	teams map[string]int
	n     int
}

func (h *handlers) account(kind slipway.ViewerKind, admin bool, roles map[string]slipway.Role) string {
	h.Helper()
	h.n++
	name := fmt.Sprintf("%s-%d", kind, h.n)
	_, err := h.AddAccount(h.Context(), identity.AccountInput{Name: name, Kind: kind, Admin: admin})
	h.must(err)
	for _, team := range slices.Sorted(maps.Keys(roles)) {
		if roles[team] != "" {
			_, err := h.SetMember(h.Context(), team, name, roles[team], nil)
			h.must(err)
		}
	}
	return name
}

// viewer is an account as it signs in now.
func (h *handlers) viewer(name string) slipway.Viewer {
	h.Helper()
	a, err := h.Account(h.Context(), name)
	h.must(err)
	v := slipway.Viewer{Kind: slipway.ViewerKind(a.Kind), Account: a.ID, Name: name, Admin: a.Admin, Roles: map[int]slipway.Role{}}
	for _, m := range a.Edges.Memberships {
		v.Roles[m.TeamID] = slipway.Role(m.Role)
	}
	return v
}

func (h *handlers) as(v slipway.Viewer) context.Context {
	return slipway.WithViewer(h.T.Context(), v)
}

// beyond names what a token opens that its holder may not do himself; "" for
// nothing, also when it opens nothing any more.
func (h *handlers) beyond(text slipway.Secret, holder slipway.Viewer) string {
	by, err := h.Identify(h.T.Context(), text, identity.Caller{Via: "api", Address: "192.0.2.7"})
	if err != nil {
		return ""
	}
	for _, permission := range []slipway.Permission{slipway.PermitServiceRead, slipway.PermitPromote, slipway.PermitSecret, slipway.PermitTeam, slipway.PermitPlatform} {
		for name, id := range h.teams {
			if by.May(permission, id, "dev") == slipway.Allowed && holder.May(permission, id, "dev") != slipway.Allowed {
				return fmt.Sprintf("%s in %s", permission, name)
			}
		}
	}
	return ""
}

// TestNobodyGetsFurtherByAnAccount walks the pairs of what somebody is in two
// teams and what a service account is there. Whatever is let through, nobody may
// hold a token in the end that does what he can't do himself.
func TestNobodyGetsFurtherByAnAccount(t *testing.T) {
	both(t, func(w *world) {
		h := &handlers{world: w, teams: map[string]int{}}
		for _, name := range []string{"shop", "vault"} {
			team, err := w.AddTeam(w.Context(), name, "")
			w.must(err)
			h.teams[name] = team.ID
		}
		var people []slipway.Viewer
		for _, shop := range []slipway.Role{"", slipway.RoleMaintainer, slipway.RoleAdmin} {
			for _, vault := range []slipway.Role{"", slipway.RoleMaintainer, slipway.RoleAdmin} {
				people = append(people, h.viewer(h.account(slipway.ViewerPerson, false, map[string]slipway.Role{"shop": shop, "vault": vault})))
			}
		}
		people = append(people, h.viewer(h.account(slipway.ViewerPerson, true, nil)))
		done, refused := 0, 0
		for _, v := range people {
			for _, admin := range []bool{false, true} {
				for _, shop := range []slipway.Role{"", slipway.RoleDeveloper, slipway.RoleAdmin} {
					for _, vault := range []slipway.Role{"", slipway.RoleDeveloper, slipway.RoleAdmin} {
						if admin && shop != vault {
							continue
						}
						roles := map[string]slipway.Role{"shop": shop, "vault": vault}
						what := fmt.Sprintf("%s (%v) and an account with %v, admin %v", v.Name, v.Roles, roles, admin)
						a := h.account(slipway.ViewerService, admin, roles)
						all := v.Admin || !admin && (shop != "" || vault != "")
						for team, role := range roles {
							all = all && (v.Admin || role == "" || v.Roles[h.teams[team]] == slipway.RoleAdmin)
						}
						row, text, err := w.AddToken(h.as(v), identity.TokenInput{Account: a, Name: "x", Scopes: []slipway.Scope{slipway.ScopeAdmin}})
						if (err == nil) != all {
							w.Errorf("%s: a token: %v", what, err)
						}
						if beyond := h.beyond(text, v); beyond != "" {
							w.Errorf("%s: a token that may %s", what, beyond)
						}
						if row == nil {
							row, text, err = w.AddToken(w.Context(), identity.TokenInput{Account: a, Name: "x", Scopes: []slipway.Scope{slipway.ScopeAdmin}})
							w.must(err)
						}
						for team, had := range roles {
							for _, role := range []slipway.Role{slipway.RoleMaintainer, slipway.RoleAdmin} {
								before := h.viewer(a)
								_, err := w.SetMember(h.as(v), team, a, role, nil)
								runs := v.Admin || v.Roles[h.teams[team]] == slipway.RoleAdmin
								wider := !before.Roles[h.teams[team]].Includes(role)
								if (err == nil) != (runs && (!wider || all)) {
									w.Errorf("%s: %s as %s: %v", what, team, role, err)
								}
								if err == nil {
									done++
								} else {
									refused++
								}
								// Whom it let in has got nothing by that.
								if _, text, err := w.AddToken(h.as(v), identity.TokenInput{Account: a, Name: "y", Scopes: []slipway.Scope{slipway.ScopeAdmin}}); err == nil {
									if beyond := h.beyond(text, v); beyond != "" {
										w.Errorf("%s: after %s as %s a token that may %s", what, team, role, beyond)
									}
								}
								if had == "" {
									_ = w.RemoveMember(w.Context(), team, a, nil)
								} else {
									_, err = w.SetMember(w.Context(), team, a, had, nil)
									w.must(err)
								}
							}
						}
						if err := w.RevokeToken(h.as(v), row.ID); (err == nil) != all && slipway.CodeOf(err) != slipway.NotFound {
							w.Errorf("%s: revoking: %v", what, err)
						}
					}
				}
			}
		}
		if done < 100 || refused < 100 {
			w.Errorf("%d were done and %d refused", done, refused)
		}
	})
}

// TestTokensDontGrowWithTheirAccount lets an account come into more than those
// had who hold tokens of it.
func TestTokensDontGrowWithTheirAccount(t *testing.T) {
	both(t, func(w *world) {
		h := &handlers{world: w, teams: map[string]int{}}
		for _, name := range []string{"shop", "vault"} {
			team, err := w.AddTeam(w.Context(), name, "")
			w.must(err)
			h.teams[name] = team.ID
		}
		shop := h.viewer(h.account(slipway.ViewerPerson, false, map[string]slipway.Role{"shop": slipway.RoleAdmin}))
		both := h.viewer(h.account(slipway.ViewerPerson, false, map[string]slipway.Role{"shop": slipway.RoleAdmin, "vault": slipway.RoleAdmin}))
		for what, grow := range map[string]func(account string) error{
			"by an admin of both": func(a string) error {
				_, err := w.SetMember(h.as(both), "vault", a, slipway.RoleMaintainer, nil)
				return err
			},
			"by an admin of the platform": func(a string) error {
				_, err := w.SetMember(w.Context(), "vault", a, slipway.RoleMaintainer, nil)
				return err
			},
			"after it left": func(a string) error {
				w.must(w.RemoveMember(h.as(shop), "shop", a, nil))
				_, err := w.SetMember(w.Context(), "vault", a, slipway.RoleMaintainer, nil)
				return err
			},
			"to the whole platform": func(a string) error {
				_, err := w.UpdateAccount(w.Context(), a, identity.AccountChange{Admin: new(true)})
				return err
			},
		} {
			a := h.account(slipway.ViewerService, false, map[string]slipway.Role{"shop": slipway.RoleDeveloper})
			held := map[string]slipway.Secret{}
			add := func(name string, ctx context.Context) {
				_, text, err := w.AddToken(ctx, identity.TokenInput{Account: a, Name: name, Scopes: []slipway.Scope{slipway.ScopeAdmin}})
				w.must(err)
				held[name] = text
			}
			add("of the shop", h.as(shop))
			add("of its own", h.as(h.viewer(a)))
			add("of the platform", w.Context())
			w.must(grow(a))
			for name, text := range held {
				if beyond := h.beyond(text, shop); beyond != "" && name != "of the platform" {
					w.Errorf("%s: the token %s may %s", what, name, beyond)
				}
			}
			if _, err := w.Identify(w.T.Context(), held["of the platform"], identity.Caller{}); err != nil {
				w.Errorf("%s: the platform's own token: %v", what, err)
			}
			if n, err := w.Storage.Client.Token.Query().Where(token.RevokedAtNotNil()).Count(w.Context()); err != nil || n == 0 {
				w.Errorf("%s: %d tokens have ended (%v)", what, n, err)
			}
		}
	})
}
