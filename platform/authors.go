package platform

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/ent/byline"
	"github.com/slipway-dev/slipway/ent/predicate"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/report"
)

const (
	// authorWait bounds how long a gate waits for the repository.
	authorWait = 20 * time.Second
	// authorAgain is how soon a repository that did not answer is asked again.
	authorAgain = time.Minute
)

// asksForAuthors tells whether it matters whose change a promotion is. Going back to
// what ran doesn't ask: it brings nothing new.
func asksForAuthors(facts slipway.GateFacts, policy slipway.Policy) bool {
	return (!facts.Plan.Rollback || facts.Anew) && policy.Approvals > 0 && policy.Defaults().OwnChanges != slipway.OwnAlways
}

// commitLog asks which commits lead from one to another, or why that can't be told.
type commitLog func(ctx context.Context, repo slipway.Repository, from, to string) (slipway.CommitLog, string)

// authors finds out who wrote what a promotion brings: the commits, once for each
// pair of them, and the config; and who of them has an account here. Of a rollback
// it is the config alone, and no repository is waited for.
func authors(ctx context.Context, db *ent.Client, ask commitLog, row *ent.Promotion, b brought) (*slipway.Authors, error) {
	running, err := report.LiveIn(ctx, db, row.Edges.Service.ID, row.Edges.Environment.ID)
	if err != nil {
		return nil, err
	}
	b.service, b.in, b.running = row.Edges.Service, row.Edges.Environment, running
	changed, err := configAuthors(ctx, db, b)
	if err != nil {
		return nil, err
	}
	if row.Rollback {
		found := slipway.AuthorsOf("", row.Commit.ID, slipway.CommitLog{Commits: []slipway.Commit{row.Commit}})
		found.Config = changed
		return &found, whoIs(ctx, db, &found)
	}
	from, to := "", row.Commit.ID
	if running != nil {
		from = running.Edges.Release.Commit
	}
	a := row.Authors
	if !a.Between(from, to) {
		log, why := ask(ctx, catalog.RepositoryOf(row.Edges.Service), from, to)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		log.Commits = append(slices.Clone(log.Commits), row.Commit) // also when it is the one that runs
		found := slipway.AuthorsOf(from, to, log)
		found.Why = why
		a = &found
	}
	a.Config = changed
	return a, whoIs(ctx, db, a)
}

func (g *Gates) commitLog(ctx context.Context, repo slipway.Repository, from, to string) (slipway.CommitLog, string) {
	if g.Source == nil {
		return slipway.CommitLog{}, "this worker has no way to the repository"
	}
	ctx, cancel := context.WithTimeout(ctx, authorWait)
	defer cancel()
	log, err := g.Source.Log(ctx, repo, from, to, slipway.MaxAuthored)
	switch {
	case err == nil:
		return log, ""
	case ctx.Err() != nil:
		return log, "the repository did not answer in time"
	case slipway.CodeOf(err) == slipway.Internal:
		return log, "internal error"
	}
	return log, err.Error()
}

// commitLog is for plans that nobody has asked to carry out yet: answers are kept.
func (p *Platform) commitLog(ctx context.Context, repo slipway.Repository, from, to string) (slipway.CommitLog, string) {
	ctx, cancel := context.WithTimeout(ctx, report.CommitWait)
	defer cancel()
	return p.CommitsBetween(ctx, repo, from, to)
}

// whoIs fills in the accounts of authors.
func whoIs(ctx context.Context, db *ent.Client, a *slipway.Authors) error {
	a.Accounts, a.Unknown = []string{}, []string{}
	for some := range slices.Chunk(a.People, 50) {
		var where []predicate.Account
		for _, person := range some {
			where = append(where, identity.Known(slipway.Writer(person)))
		}
		rows, err := db.Account.Query().Where(account.KindEQ(account.KindPerson), account.Or(where...)).WithIdentities().WithBylines().All(ctx)
		if err != nil {
			return err
		}
		for _, person := range some {
			known := false
			for _, row := range rows {
				if is(row, person) {
					known = true
					a.Accounts = append(a.Accounts, row.Name)
				}
			}
			if !known {
				a.Unknown = append(a.Unknown, person)
			}
		}
	}
	slices.Sort(a.Accounts)
	a.Accounts = slices.Compact(a.Accounts)
	return nil
}

// is tells whether an account, which has its identities and bylines, is the author
// or committer of a commit, as far as the name or address in it tells.
func is(a *ent.Account, person string) bool {
	name, address := slipway.Writer(person)
	if name != "" && (name == a.Name || name == a.DisplayName) {
		return true
	}
	if slices.ContainsFunc(a.Edges.Bylines, func(b *ent.Byline) bool {
		return b.Kind == byline.KindName && b.Text == name || b.Kind == byline.KindAddress && address != "" && strings.EqualFold(b.Text, address)
	}) {
		return true
	}
	if address == "" {
		return false
	}
	return strings.EqualFold(address, a.Email) ||
		slices.ContainsFunc(a.Edges.Identities, func(i *ent.Identity) bool { return strings.EqualFold(address, i.Email) })
}

// owns tells why a promotion is somebody's own: "" when it isn't. It is of who
// asked for it, who made the token or the trust by which it was asked for, who wrote
// or committed any commit of it, and who changed the config that it brings.
func owns(a *ent.Account, row *ent.Promotion) string {
	written := func(person string) bool { return is(a, person) }
	switch {
	case row.RequestedBy == a.Name:
		return "asked for it"
	case slices.Contains(row.Behind, a.Name):
		return "made what it was asked for with: the token, or the trust of a CI job"
	case written(row.Commit.Author), written(row.Commit.Committer),
		row.Authors != nil && slices.ContainsFunc(row.Authors.People, written):
		return "wrote or committed some of it"
	case row.Authors.Changed(a.Name) != "":
		return "changed " + row.Authors.Changed(a.Name)
	}
	return ""
}
