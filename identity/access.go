package identity

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/ent/membership"
	"github.com/slipway-dev/slipway/ent/predicate"
	"github.com/slipway-dev/slipway/ent/service"
	"github.com/slipway-dev/slipway/ent/team"
	"github.com/slipway-dev/slipway/store"
)

// ErrHidden says that the viewer may not know of the thing. Callers turn it
// into the error of a thing that isn't there.
var ErrHidden = slipway.Errorf(slipway.NotFound, "it is not there")

// May refuses what ctx's viewer may not do to something of a team, 0 where no
// team is concerned. A refused change is put on record.
func (d *Directory) May(ctx context.Context, permission slipway.Permission, teamID int, serviceName, environment string) error {
	v := slipway.ViewerFrom(ctx)
	access := v.May(permission, teamID, environment)
	if v.Service != "" && permission.Least() != "" && serviceName != v.Service {
		access = slipway.Hidden // a CI job sees its own service and nothing else
	}
	if access == slipway.Allowed {
		return nil
	}
	err := d.refusal(ctx, v, permission, teamID, environment, access)
	if permission != slipway.PermitServiceRead && permission != slipway.PermitSignedIn && v.Kind != "" {
		d.audit.Refused(ctx, string(permission), serviceName, environment, err.Error())
	}
	return err
}

func (d *Directory) refusal(ctx context.Context, v slipway.Viewer, permission slipway.Permission, teamID int, environment string, access slipway.Access) error {
	switch access {
	case slipway.NotSignedIn:
		return slipway.Errorf(slipway.Unauthenticated, "sign in first: run `slipway login`, or send a token as `Authorization: Bearer TOKEN`")
	case slipway.Hidden:
		return ErrHidden
	case slipway.ScopeMissing:
		wanted := string(permission)
		if permission == slipway.PermitPromote || permission == slipway.PermitRollback || permission == slipway.PermitCancel {
			wanted = "promote:" + environment
		}
		return slipway.Errorf(slipway.Denied, "this token may not: it takes a scope for %s, and it has %s; make another one", wanted, scopes(v.Scopes))
	case slipway.AdminsOnly:
		return slipway.Errorf(slipway.Denied, "this takes an admin of the platform%s", d.Whom(ctx, account.Admin(true)))
	}
	name, role := d.TeamName(ctx, teamID), v.Roles[teamID]
	return slipway.Errorf(slipway.Denied, "this takes the role %s in team %s, and you are %s there%s", permission.Least(), name, role,
		d.Whom(ctx, account.HasMembershipsWith(membership.TeamID(teamID), membership.RoleEQ(membership.RoleAdmin))))
}

// Whom names people to ask.
func (d *Directory) Whom(ctx context.Context, who predicate.Account) string {
	names, err := d.db.Account.Query().Where(who, account.Active(true), account.KindEQ(account.KindPerson)).
		Order(account.ByName()).Limit(3).Select(account.FieldName).Strings(store.AsSystem(ctx))
	if err != nil || len(names) == 0 {
		return ""
	}
	return "; ask " + strings.Join(names, " or ")
}

// TeamName is what a refusal calls a team, whatever the viewer may see of it.
func (d *Directory) TeamName(ctx context.Context, id int) string {
	t, err := d.db.Team.Query().Where(team.ID(id)).Only(store.AsSystem(ctx))
	if err != nil {
		return "of the service"
	}
	return t.Name
}

func scopes(list []slipway.Scope) string {
	if len(list) == 0 {
		return "none"
	}
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	return strings.Join(out, ", ")
}

// sight is whose services a viewer may see. Who has the same sight sees the same.
type sight struct {
	all     bool
	teams   []int  // sorted
	service string // the only one; "" for no such limit
}

// SightOf is what a viewer may see of services. Two that are equal see the same.
func SightOf(v slipway.Viewer) sight {
	s := sight{all: v.Admin, service: v.Service}
	for id := range v.Roles {
		if v.Sees(id) {
			s.teams = append(s.teams, id)
		}
	}
	slices.Sort(s.teams)
	return s
}

// Key tells sights apart.
func (s sight) Key() string {
	if s.all {
		return "all"
	}
	return fmt.Sprint(s.teams, s.service)
}

// Visible keeps the services that the viewer may see.
func Visible(ctx context.Context) []predicate.Service {
	s := SightOf(slipway.ViewerFrom(ctx))
	if s.all {
		return nil
	}
	where := []predicate.Service{service.TeamIDIn(s.teams...)}
	if s.service != "" {
		where = append(where, service.Name(s.service))
	}
	return where
}

// Known refuses what is bound to a service: it need not know who works here.
func (d *Directory) known(ctx context.Context) (slipway.Viewer, error) {
	v, err := d.SignedIn(ctx, slipway.PermitSignedIn)
	if err == nil && v.Service != "" {
		err = slipway.Errorf(slipway.Denied, "this takes an account; the token of a CI job is for its service alone")
	}
	return v, err
}

// SignedIn refuses nobody and narrow tokens.
func (d *Directory) SignedIn(ctx context.Context, permission slipway.Permission) (slipway.Viewer, error) {
	return slipway.ViewerFrom(ctx), d.May(ctx, permission, 0, "", "")
}

// Founded tells whether there is an admin of the platform: until then nobody
// can sign in, and the link of SetUp makes the first account. Anybody may ask.
func (d *Directory) Founded(ctx context.Context) (bool, error) {
	return d.db.Account.Query().Where(account.Admin(true), account.Active(true), account.KindEQ(account.KindPerson)).Exist(store.AsSystem(ctx))
}

// ServiceFor finds a service that the viewer may do something to, in an
// environment, "" for none in particular. What the viewer may not see is not
// there: both are found out by the same query and said in the same words.
func (d *Directory) ServiceFor(ctx context.Context, name string, permission slipway.Permission, environment string) (*ent.Service, error) {
	s, err := d.db.Service.Query().Where(service.Name(name)).WithTeam().Only(ctx)
	if err == nil {
		err = d.May(ctx, permission, s.TeamID, name, environment)
	}
	if err == ErrHidden || ent.IsNotFound(err) { //nolint:errorlint // ErrHidden is never wrapped
		return nil, slipway.Errorf(slipway.NotFound, "there is no service %s; `slipway service ls` lists them", store.Printable(name))
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}
