package slipway

import (
	"context"
	"testing"
)

// TestMay walks every permission by every role, in the own team and in another.
func TestMay(t *testing.T) {
	const own, other = 1, 2
	least := map[Permission]Role{
		PermitServiceRead: RoleViewer, PermitSecretRead: RoleViewer,
		PermitPromote: RoleDeveloper, PermitRollback: RoleDeveloper, PermitCancel: RoleDeveloper, PermitConfig: RoleDeveloper,
		PermitServiceAdd: RoleMaintainer, PermitServiceChange: RoleMaintainer, PermitSecret: RoleMaintainer, PermitWebhook: RoleMaintainer, PermitWebhookRead: RoleMaintainer,
		PermitTeam: RoleAdmin, PermitFreeze: RoleAdmin, PermitApprove: RoleViewer, PermitPolicy: RoleMaintainer, PermitDomain: RoleMaintainer,
	}
	for p := range rules {
		for i, role := range Roles {
			v := Viewer{Kind: ViewerPerson, Roles: map[int]Role{own: role}}
			want, wantOther := Allowed, Allowed
			switch needs, byRole := least[p]; {
			case p == PermitPlatform || p == PermitBreakGlass:
				want, wantOther = AdminsOnly, AdminsOnly
			case byRole:
				wantOther = Hidden
				if i < indexOf(needs) {
					want = RoleMissing
				}
			}
			if got := v.May(p, own, "dev"); got != want {
				t.Errorf("%s as %s of the own team: %s, want %s", p, role, got, want)
			}
			if got := v.May(p, other, "dev"); got != wantOther {
				t.Errorf("%s as %s in another team: %s, want %s", p, role, got, wantOther)
			}
		}
		admin := Viewer{Kind: ViewerPerson, Admin: true}
		if got := admin.May(p, other, "dev"); got != Allowed {
			t.Errorf("%s as platform admin: %s", p, got)
		}
		if got := (Viewer{}).May(p, own, "dev"); got != NotSignedIn {
			t.Errorf("%s as nobody: %s", p, got)
		}
	}
	if got := (Viewer{}).May(PermitAnyone, 0, ""); got != Allowed {
		t.Errorf("anyone: %s", got)
	}
	if got := (Viewer{Kind: ViewerPerson, Admin: true}).May("no-such", 0, ""); got == Allowed {
		t.Error("an unknown permission is allowed")
	}
}

func indexOf(r Role) int {
	for i, one := range Roles {
		if one == r {
			return i
		}
	}
	return -1
}

func TestScopes(t *testing.T) {
	for _, c := range []struct {
		scopes      []Scope
		permission  Permission
		environment string
		want        Access
	}{
		{nil, PermitSecret, "prod", Allowed},
		{nil, PermitBreakGlass, "prod", Allowed},
		{[]Scope{ScopeApprove, ScopeConfig, "promote:*"}, PermitBreakGlass, "prod", ScopeMissing},
		{[]Scope{ScopeBreakGlass}, PermitBreakGlass, "prod", Allowed},
		{[]Scope{ScopeBreakGlass}, PermitApprove, "prod", ScopeMissing},
		{[]Scope{ScopeBreakGlass}, PermitPromote, "prod", ScopeMissing},
		{[]Scope{ScopeAdmin}, PermitBreakGlass, "prod", Allowed},
		{[]Scope{}, PermitServiceRead, "", ScopeMissing},
		{[]Scope{ScopeRead}, PermitServiceRead, "", Allowed},
		{[]Scope{ScopeRead}, PermitPromote, "dev", ScopeMissing},
		{[]Scope{"promote:dev"}, PermitServiceRead, "", Allowed},
		{[]Scope{"promote:dev"}, PermitPromote, "dev", Allowed},
		{[]Scope{"promote:dev"}, PermitPromote, "prod", ScopeMissing},
		{[]Scope{"promote:dev"}, PermitPromote, "", ScopeMissing},
		{[]Scope{"promote:*"}, PermitPromote, "prod", Allowed},
		{[]Scope{"promote:*"}, PermitConfig, "prod", ScopeMissing},
		{[]Scope{ScopeConfig}, PermitConfig, "prod", Allowed},
		{[]Scope{ScopeConfig}, PermitTeam, "", ScopeMissing},
		{[]Scope{ScopeAdmin}, PermitTeam, "", Allowed},
		{[]Scope{ScopeRead}, PermitSelf, "", ScopeMissing},
	} {
		v := Viewer{Kind: ViewerService, Roles: map[int]Role{1: RoleAdmin}, Admin: c.permission == PermitBreakGlass, Scopes: c.scopes}
		if got := v.May(c.permission, 1, c.environment); got != c.want {
			t.Errorf("%v %s in %q: %s, want %s", c.scopes, c.permission, c.environment, got, c.want)
		}
		// A scope never gives what the role doesn't.
		v.Roles = nil
		if c.permission.Least() != "" && v.May(c.permission, 1, c.environment) != Hidden {
			t.Errorf("%v %s without a role is not hidden", c.scopes, c.permission)
		}
	}
	for s, ok := range map[Scope]bool{"read": true, "promote:dev": true, "promote:*": true, "promote": false, "promote:": false, "promote:../x": false, "root": false, "": false} {
		if (CheckScope(s) == nil) != ok {
			t.Errorf("CheckScope(%q) = %v", s, CheckScope(s))
		}
	}
}

func TestViewerFrom(t *testing.T) {
	if v := ViewerFrom(context.Background()); v.Kind != "" {
		t.Errorf("nobody is %v", v)
	}
	if v := ViewerFrom(WithViewer(context.Background(), System("x"))); v.Name != "x" || v.Kind != ViewerSystem {
		t.Errorf("%v", v)
	}
}
