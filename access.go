package slipway

import (
	"context"
	"slices"
	"strings"
)

// Role is what a member may do in a team. Each role includes those before it.
type Role string

const (
	RoleViewer     Role = "viewer"     // look
	RoleDeveloper  Role = "developer"  // promote, change config
	RoleMaintainer Role = "maintainer" // register services, set secrets, roll back
	RoleAdmin      Role = "admin"      // say who is in the team
)

// Roles lists every role, the weakest first.
var Roles = []Role{RoleViewer, RoleDeveloper, RoleMaintainer, RoleAdmin}

// Includes tells whether r may do what least may. No role includes nothing.
func (r Role) Includes(least Role) bool {
	have, want := slices.Index(Roles, r), slices.Index(Roles, least)
	return want >= 0 && have >= want
}

// Permission is what an operation needs. Every operation of the API names one.
type Permission string

const (
	PermitAnyone        Permission = "anyone"         // before signing in
	PermitSignedIn      Permission = "signed-in"      // whoever has an account; the operation shows only what its viewer may see
	PermitSelf          Permission = "self"           // one's own account, sessions and tokens
	PermitServiceRead   Permission = "service:read"   //
	PermitServiceAdd    Permission = "service:add"    //
	PermitServiceChange Permission = "service:change" //
	PermitPromote       Permission = "promote"        // into the environment that is asked for
	PermitRollback      Permission = "rollback"       //
	PermitCancel        Permission = "cancel"         //
	PermitApprove       Permission = "approve"        // ask to decide; who may is the policy's business
	PermitBreakGlass    Permission = "break_glass"    // open every gate of a promotion
	PermitPolicy        Permission = "policy:change"  // of a service in an environment
	PermitDomain        Permission = "domain:change"  // of a service in an environment; at once for all who ask, past every gate
	PermitFreeze        Permission = "freeze"         // a team's services
	PermitConfig        Permission = "config:change"  //
	PermitSecretRead    Permission = "secret:read"    // names, never values
	PermitSecret        Permission = "secret:change"  //
	PermitTeam          Permission = "team:change"    //
	PermitWebhookRead   Permission = "webhook:read"   // addresses can hold a key of the receiver's
	PermitWebhook       Permission = "webhook:change" //
	PermitPlatform      Permission = "platform"       // platform admins
)

// rule says who has a permission: people by their role in the team that owns
// the thing, tokens by a scope as well.
type rule struct {
	role  Role  // "" asks for no team
	scope Scope // what a token needs; promote stands for promote:ENVIRONMENT
	admin bool  // platform admins alone
}

// rules is the whole of who may do what.
var rules = map[Permission]rule{
	PermitSignedIn:      {scope: ScopeRead},
	PermitSelf:          {scope: ScopeAdmin},
	PermitServiceRead:   {role: RoleViewer, scope: ScopeRead},
	PermitServiceAdd:    {role: RoleMaintainer, scope: ScopeAdmin},
	PermitServiceChange: {role: RoleMaintainer, scope: ScopeAdmin},
	PermitPromote:       {role: RoleDeveloper, scope: scopePromote},
	PermitRollback:      {role: RoleDeveloper, scope: scopePromote},
	PermitCancel:        {role: RoleDeveloper, scope: scopePromote},
	PermitApprove:       {role: RoleViewer, scope: ScopeApprove},
	PermitBreakGlass:    {scope: ScopeBreakGlass, admin: true},
	PermitPolicy:        {role: RoleMaintainer, scope: ScopeAdmin},
	PermitDomain:        {role: RoleMaintainer, scope: ScopeConfig},
	PermitFreeze:        {role: RoleAdmin, scope: ScopeAdmin},
	PermitConfig:        {role: RoleDeveloper, scope: ScopeConfig},
	PermitSecretRead:    {role: RoleViewer, scope: ScopeRead},
	PermitSecret:        {role: RoleMaintainer, scope: ScopeConfig},
	PermitTeam:          {role: RoleAdmin, scope: ScopeAdmin},
	PermitWebhookRead:   {role: RoleMaintainer, scope: ScopeRead},
	PermitWebhook:       {role: RoleMaintainer, scope: ScopeAdmin},
	PermitPlatform:      {scope: ScopeAdmin, admin: true},
}

// Known tells whether a permission is one that operations can name.
func (p Permission) Known() bool {
	_, ok := rules[p]
	return ok || p == PermitAnyone
}

// Least is the weakest role that has a permission in a team, "" when roles in
// teams don't decide.
func (p Permission) Least() Role { return rules[p].role }

// Scope narrows a token: it may do what its owner may and its scopes name.
type Scope string

const (
	ScopeRead    Scope = "read"    // look
	ScopeConfig  Scope = "config"  // change config and secrets
	ScopeApprove Scope = "approve" // approve and reject promotions
	ScopeAdmin   Scope = "admin"   // everything that the owner may

	// ScopeBreakGlass opens every gate of a promotion; no scope but admin includes it.
	ScopeBreakGlass Scope = "break_glass"

	scopePromote Scope = "promote" // written promote:dev, or promote:* for every environment
)

// CheckScope refuses what is no scope.
func CheckScope(s Scope) error {
	switch s {
	case ScopeRead, ScopeConfig, ScopeApprove, ScopeBreakGlass, ScopeAdmin, scopePromote + ":*":
		return nil
	}
	if environment, ok := strings.CutPrefix(string(s), string(scopePromote)+":"); ok && CheckName("scopes", environment) == nil {
		return nil
	}
	return Errorf(Invalid, "%q is not a scope; there are read, promote:ENVIRONMENT, promote:*, approve, break_glass, config and admin", printable(string(s))).At("scopes")
}

// covers tells whether scopes allow something in an environment. Whoever may
// change may also look.
func covers(scopes []Scope, needed Scope, environment string) bool {
	for _, s := range scopes {
		switch {
		case s == ScopeAdmin, s == needed, needed == ScopeRead:
			return true
		case needed == scopePromote && (s == scopePromote+":*" || environment != "" && s == scopePromote+":"+Scope(environment)):
			return true
		}
	}
	return false
}

// GroupRule says what membership of a group at an identity provider is worth here.
type GroupRule struct {
	Group string `json:"group"`
	Team  string `json:"team,omitempty"`  // a team's name; "" with Admin
	Role  Role   `json:"role,omitempty"`  // in that team
	Admin bool   `json:"admin,omitempty"` // of the platform
}

// ViewerKind tells people from programs.
type ViewerKind string

const (
	ViewerPerson  ViewerKind = "person"
	ViewerService ViewerKind = "service" // a service account: chatops, a script
	ViewerSystem  ViewerKind = "system"  // Slipway itself
)

// Viewer is who asks. It is found once, where a request comes in, and travels in
// the context; without one nothing is allowed.
type Viewer struct {
	Kind    ViewerKind
	Account int    // 0 for the system
	Name    string // of the account
	Admin   bool   // of the platform
	Roles   map[int]Role
	Scopes  []Scope // of a token; nil, in a session, narrows nothing
	Session string  // its session, "" with a token
	Token   int     // its token, 0 in a session
	Trusts  []int   // that a CI job acts by
	Service string  // the only one that it may know of; "" for a viewer that isn't bound to one
	Via     string  // portal, api, cli, ci, chat
	Address string  // where from
}

// System is Slipway acting by itself.
func System(name string) Viewer {
	return Viewer{Kind: ViewerSystem, Name: name, Admin: true, Via: "system"}
}

// Access is the answer to whether a viewer may.
type Access string

const (
	Allowed      Access = "allowed"
	NotSignedIn  Access = "not signed in"
	Hidden       Access = "hidden" // the viewer may not even know that it is there
	RoleMissing  Access = "role missing"
	ScopeMissing Access = "scope missing"
	AdminsOnly   Access = "admins only"
)

// May decides whether v has a permission for something of a team, 0 where none
// is concerned, in an environment, "" where none is. It is the only decision
// about access there is.
func (v Viewer) May(p Permission, team int, environment string) Access {
	if p == PermitAnyone {
		return Allowed
	}
	r, ok := rules[p]
	if !ok || v.Kind == "" {
		return NotSignedIn
	}
	role := v.Roles[team]
	switch {
	case r.role != "" && !v.Admin && !role.Includes(RoleViewer):
		return Hidden
	case r.admin && !v.Admin:
		return AdminsOnly
	case r.role != "" && !v.Admin && !role.Includes(r.role):
		return RoleMissing
	case v.Scopes != nil && !covers(v.Scopes, r.scope, environment):
		return ScopeMissing
	}
	return Allowed
}

// Sees tells whether a viewer may look at what a team owns.
func (v Viewer) Sees(team int) bool { return v.May(PermitServiceRead, team, "") == Allowed }

// InPerson tells whether a person acts who is signed in, or the operator at the
// machine: with no token, and by no program.
func (v Viewer) InPerson() bool {
	return v.Kind == ViewerSystem || v.Kind == ViewerPerson && v.Token == 0
}

type viewerKey struct{}

// WithViewer says who asks.
func WithViewer(ctx context.Context, v Viewer) context.Context {
	return context.WithValue(ctx, viewerKey{}, v)
}

// ViewerFrom tells who asks. The zero Viewer is nobody.
func ViewerFrom(ctx context.Context) Viewer {
	v, _ := ctx.Value(viewerKey{}).(Viewer)
	return v
}

// Actor is who acts, for the record.
func Actor(ctx context.Context) string { return ViewerFrom(ctx).Name }
