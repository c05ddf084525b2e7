package platform

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
)

// wayBackAfter tells how going back would be once a promotion is done: to where a
// rollback would lead then, by the same rule.
func (p *Platform) wayBackAfter(ctx context.Context, d difference, old *ent.Release) (slipway.WayBack, error) {
	if old == nil {
		return slipway.WayBack{Reason: "nothing runs there yet, so there is nothing to go back to"}, nil
	}
	lines, err := linesOf(ctx, p.db, d.service.ID, nil, d.environment.ID)
	if err != nil {
		return slipway.WayBack{}, err
	}
	to, ok := slipway.LineOf(d.done(lines[d.environment.ID].Stays)).Back()
	if !ok {
		return slipway.WayBack{Reason: "nothing else was verified there, so there is nothing to go back to"}, nil
	}
	target := old
	if to.Release != old.Number {
		if target, err = releaseOf(ctx, p.db, d.service.ID, to.Release); err != nil {
			return slipway.WayBack{}, err
		}
	}
	back := slipway.WayBack{Ready: true, Release: to.Release, Deployment: strconv.Itoa(to.Promotion), Warm: to.Release == old.Number, Schema: slipway.MigrationAdditive}
	name := fmt.Sprintf("release %d", to.Release)
	if d.release != nil && d.release.Number == to.Release {
		name += fmt.Sprintf(" with the config of promotion %d", to.Promotion)
	}
	if d.rollback {
		back.Reason = "going back further leads to " + name
		return back, nil
	}
	class, worst := classOf(pending(d.release, &ent.Deployment{Edges: ent.DeploymentEdges{Release: target}}))
	back.Schema = class
	switch {
	case d.release != nil && d.release.Migrations != nil && d.release.Migrations.Tool == "" && d.release.Manifest.ReleaseCommand != "":
		back.Schema, back.Reason = slipway.MigrationUnknown, "what the release command does to the database can't be read; "+name+" is kept"
	case class == slipway.MigrationDestructive:
		back.Ready = false
		back.Reason = fmt.Sprintf("%s %s: %s does not run on the schema after it; the way on is a fix forward", worst.ID, worst.Reason, name)
	case class == slipway.MigrationUnknown:
		back.Reason = fmt.Sprintf("%s %s: whether %s runs on the schema after it can't be told", worst.ID, worst.Reason, name)
	case back.Warm:
		back.Reason = name + " is kept running and takes about a second"
	default:
		back.Reason = "going back leads to " + name
	}
	return back, nil
}

// done is the history of an environment once a promotion has succeeded.
func (d difference) done(stays []slipway.Stay) []slipway.Stay {
	stays = slices.DeleteFunc(slices.Clone(stays), func(s slipway.Stay) bool { return d.id != 0 && s.Promotion >= d.id })
	for i := range stays {
		stays[i].Live = false
	}
	is := slipway.Stay{Promotion: math.MaxInt, Release: math.MaxInt, Rollback: d.rollback, Live: true, Verified: true}
	if d.release != nil {
		is.Release = d.release.Number
	}
	if d.config != nil {
		is.Config = d.config.Digest
	}
	return append(stays, is)
}
