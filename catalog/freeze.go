package catalog

import (
	"cmp"
	"context"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/ent/freeze"
	"github.com/slipway-dev/slipway/ent/membership"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/store"
)

// FreezeInput is a time in which nothing is promoted: everywhere, or for a
// team's services, or into one environment. Rollbacks are never frozen.
type FreezeInput struct {
	Reason      string
	Team        string // "" for every team, which takes an admin of the platform
	Environment string // "" for every environment
	Starts      time.Time
	Ends        time.Time
	Window      *slipway.Window // recurring: only within it
}

// Validate names the field at fault.
func (in FreezeInput) Validate() error {
	switch {
	case in.Reason == "" || len(in.Reason) > 500:
		return slipway.Errorf(slipway.Invalid, "say why, in at most 500 characters: everybody who is held up reads it").At("reason")
	case !in.Ends.After(in.Starts):
		return slipway.Errorf(slipway.Invalid, "a freeze ends after it starts").At("ends_at")
	case in.Ends.Sub(in.Starts) > 10*366*24*time.Hour:
		return slipway.Errorf(slipway.Invalid, "a freeze of more than ten years is a policy; set windows instead").At("ends_at")
	case !in.Ends.After(store.Now()):
		return slipway.Errorf(slipway.Invalid, "it would be over already").At("ends_at")
	case in.Window != nil:
		return in.Window.Validate("window")
	}
	return nil
}

// Freeze is a freeze with the names of what it is about.
type Freeze struct {
	*ent.Freeze
	Team, Environment string
	Until             time.Time // of now, when it is in force; else zero
}

// AddFreeze stops promotions for a time. Those under way that have begun go on.
func (cat *Catalog) AddFreeze(ctx context.Context, in FreezeInput) (*Freeze, error) {
	if in.Starts.IsZero() {
		in.Starts = store.Now()
	}
	teamID, err := cat.mayFreeze(ctx, in.Team)
	if err != nil {
		return nil, err
	}
	if err := in.Validate(); err != nil {
		return nil, err
	}
	environmentID := 0
	if in.Environment != "" {
		e, err := cat.Environment(ctx, in.Environment)
		if err != nil {
			return nil, err
		}
		environmentID = e.ID
	}
	var row *ent.Freeze
	err = cat.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		var err error
		create := tx.Freeze.Create().SetReason(store.Clean(in.Reason)).SetTeamID(teamID).SetStartsAt(in.Starts.UTC()).SetEndsAt(in.Ends.UTC()).SetPlacedBy(slipway.Actor(ctx))
		if environmentID != 0 {
			create.SetEnvironmentID(environmentID)
		}
		if in.Window != nil {
			create.SetWindow(in.Window)
		}
		if row, err = create.Save(ctx); err != nil {
			return err
		}
		cat.journal.Happened(ctx, "freeze.placed", "", in.Environment, 0, map[string]string{
			"reason": row.Reason, "team": in.Team, "from": row.StartsAt.Format(time.RFC3339), "to": row.EndsAt.Format(time.RFC3339), "freeze": strconv.Itoa(row.ID),
		})
		return nil
	})
	if err != nil {
		return nil, err
	}
	cat.changed(ctx, 0, row.EnvironmentID)
	list, err := cat.named(ctx, row)
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

func (cat *Catalog) mayFreeze(ctx context.Context, teamName string) (teamID int, err error) {
	if teamName == "" {
		_, err := cat.people.SignedIn(ctx, slipway.PermitPlatform)
		return 0, err
	}
	t, err := cat.people.Team(ctx, teamName)
	if err != nil {
		return 0, err
	}
	return t.ID, cat.people.May(ctx, slipway.PermitFreeze, t.ID, "", "")
}

// Freezes lists the freezes that are in force or to come, the next to end
// first. Everybody sees those for all teams and of its own.
func (cat *Catalog) Freezes(ctx context.Context) ([]*Freeze, error) {
	if _, err := cat.people.SignedIn(ctx, slipway.PermitSignedIn); err != nil {
		return nil, err
	}
	v := slipway.ViewerFrom(ctx)
	teams := []int{0}
	for id := range v.Roles {
		teams = append(teams, id)
	}
	query := cat.db.Freeze.Query().Where(freeze.EndsAtGT(store.Now()))
	if !v.Admin {
		query.Where(freeze.TeamIDIn(teams...))
	}
	rows, err := query.Order(freeze.ByEndsAt(), freeze.ByID()).Limit(500).All(ctx)
	if err != nil {
		return nil, err
	}
	return cat.named(ctx, rows...)
}

// named adds the names of what freezes are about.
func (cat *Catalog) named(ctx context.Context, rows ...*ent.Freeze) ([]*Freeze, error) {
	environments, err := InOrder(ctx, cat.db)
	if err != nil {
		return nil, err
	}
	teams, err := cat.db.Team.Query().All(store.AsSystem(ctx))
	if err != nil {
		return nil, err
	}
	out := make([]*Freeze, len(rows))
	for i, row := range rows {
		f := &Freeze{Freeze: row}
		for _, e := range environments {
			if e.ID == row.EnvironmentID {
				f.Environment = e.Name
			}
		}
		for _, t := range teams {
			if t.ID == row.TeamID {
				f.Team = t.Name
			}
		}
		if until, ok := InForce(row, store.Now()); ok {
			f.Until = until
		}
		out[i] = f
	}
	return out, nil
}

// mayLift refuses to lift a freeze to whom it holds, and to every program.
func (cat *Catalog) mayLift(ctx context.Context, row *ent.Freeze) error {
	v := slipway.ViewerFrom(ctx)
	does := "this lifts a freeze that " + row.PlacedBy + " placed"
	if row.TeamID == 0 || v.Admin {
		return cat.people.InPerson(ctx, does)
	}
	// What the team has asked of itself, and nobody of it.
	own, err := cat.db.Membership.Query().Where(membership.TeamID(row.TeamID), membership.RoleEQ(membership.RoleAdmin), membership.HasAccountWith(account.Name(row.PlacedBy))).Exist(store.AsSystem(ctx))
	switch {
	case err != nil:
		return err
	case !own:
		return cat.people.InPerson(ctx, does)
	case !v.InPerson():
		return slipway.Errorf(slipway.Denied, "%s; that takes an admin of the team in person, and no token or program; sign in and do it yourself", does)
	}
	return cat.people.Proven(ctx, "what lowers a gate")
}

// LiftFreeze ends a freeze now. It stays on record. It takes somebody in person: an
// admin of the platform, or, where an admin of its team placed it, one of the team.
func (cat *Catalog) LiftFreeze(ctx context.Context, id int) error {
	if _, err := cat.people.SignedIn(ctx, slipway.PermitSignedIn); err != nil {
		return err
	}
	none := slipway.Errorf(slipway.NotFound, "there is no freeze %d in force or to come; `slipway freeze ls` lists them", id)
	row, err := cat.db.Freeze.Query().Where(freeze.ID(id), freeze.EndsAtGT(store.Now())).Only(ctx)
	if ent.IsNotFound(err) {
		return none
	}
	if err != nil {
		return err
	}
	if row.TeamID == 0 {
		if _, err := cat.people.SignedIn(ctx, slipway.PermitPlatform); err != nil {
			return err
		}
	} else if err := cat.people.May(ctx, slipway.PermitFreeze, row.TeamID, "", ""); err != nil {
		if err == identity.ErrHidden { //nolint:errorlint // ErrHidden is never wrapped
			return none
		}
		return err
	}
	if err := cat.mayLift(ctx, row); err != nil {
		cat.people.DeniedWhile(ctx, "freeze.lifted", "", "", err)
		return err
	}
	now := store.Now()
	err = cat.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		cat.journal.Happened(ctx, "freeze.lifted", "", "", 0, map[string]string{"freeze": strconv.Itoa(id), "reason": row.Reason})
		n, err := tx.Freeze.Update().Where(freeze.ID(id), freeze.EndsAtGT(now)).SetEndsAt(now).SetLiftedBy(slipway.Actor(ctx)).Save(ctx)
		if err != nil || n == 0 {
			return cmp.Or[error](err, none)
		}
		return nil
	})
	if err != nil {
		return err
	}
	cat.changed(ctx, 0, row.EnvironmentID)
	return nil
}

// InForce tells whether a freeze holds at a time, and until when.
func InForce(row *ent.Freeze, now time.Time) (until time.Time, ok bool) {
	if now.Before(row.StartsAt) || !now.Before(row.EndsAt) {
		return time.Time{}, false
	}
	if row.Window == nil {
		return row.EndsAt, true
	}
	inside, until := row.Window.At(now)
	if until.After(row.EndsAt) {
		until = row.EndsAt
	}
	return until, inside
}
