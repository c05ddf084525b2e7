package platform

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/auditentry"
	"github.com/slipway-dev/slipway/ent/predicate"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/ent/snapshot"
	"github.com/slipway-dev/slipway/identity"
)

// readAhead is how long before it was written down a config, or what an owner
// overrides, was read at the earliest: what was changed in between isn't in it.
const readAhead = 10 * time.Minute

// brought is what a promotion takes along besides commits.
type brought struct {
	config    *slipway.Snapshot  // nil while it isn't rendered
	overrides *slipway.Overrides // of the release; nil for a rollback, whose release has run there
	running   *ent.Deployment    // with its release; nil for none
	service   *ent.Service       //
	in        *ent.Environment   //
}

// configAuthors are who changed, since what runs was rendered and built, the
// settings, secrets and overrides in which a promotion differs from it. The audit
// log tells it, which is never shortened.
func configAuthors(ctx context.Context, db *ent.Client, b brought) ([]slipway.ConfigAuthor, error) {
	since := map[string]time.Time{} // by what differs
	var was slipway.Snapshot
	rendered, built := b.service.CreatedAt, b.service.CreatedAt
	if b.running != nil {
		row, err := db.Snapshot.Query().Where(snapshot.Digest(b.running.Snapshot)).Only(ctx)
		if err != nil && !ent.IsNotFound(err) {
			return nil, err
		}
		if row != nil {
			was, rendered = row.Content, row.CreatedAt.Add(-readAhead)
		}
		first, err := db.Promotion.Query().Where(promotion.ReleaseID(b.running.ReleaseID)).Order(promotion.ByID()).First(ctx)
		if err != nil && !ent.IsNotFound(err) {
			return nil, err
		}
		if first != nil {
			built = first.CreatedAt.Add(-readAhead)
		}
	}
	if b.config != nil {
		for _, c := range CompareConfig(was, *b.config) {
			if !c.File { // a file differs by a setting, or by the release
				since[c.Key] = rendered
			}
		}
	}
	if b.overrides != nil {
		var old slipway.Overrides
		if b.running != nil {
			old = b.running.Edges.Release.Manifest.Overrides
		}
		_, keys := catalog.Overridden(old, *b.overrides)
		for key := range keys {
			since[key] = built
		}
	}
	if len(since) == 0 {
		return nil, nil
	}
	earliest := rendered
	if built.Before(earliest) {
		earliest = built
	}
	where := []predicate.AuditEntry{auditentry.ActionIn("config.changed", "secret.set", "secret.removed", "service.changed"), auditentry.Result(string(audit.Done)),
		auditentry.ServiceIn(b.service.Name, ""), auditentry.EnvironmentIn(b.in.Name, ""), auditentry.AtGTE(earliest)}
	rows, err := db.AuditEntry.Query().Where(where...).Order(ent.Asc(auditentry.FieldSequence)).All(ctx)
	if err != nil {
		return nil, err
	}
	var out []slipway.ConfigAuthor
	note := func(name, key string) {
		at := slices.IndexFunc(out, func(a slipway.ConfigAuthor) bool { return a.Name == name })
		if at < 0 {
			at, out = len(out), append(out, slipway.ConfigAuthor{Name: name})
		}
		if !slices.Contains(out[at].Changed, key) {
			out[at].Changed = append(out[at].Changed, key)
		}
	}
	for _, row := range rows {
		for _, key := range touched(row) {
			if from, differs := since[key]; !differs || row.At.Before(from) {
				continue
			}
			note(row.Actor, key)
			for _, name := range strings.Fields(row.After[identity.ActedBy]) {
				note(name, key)
			}
		}
	}
	return out, nil
}

// touched are the settings and overrides that an entry of the audit log is about.
func touched(row *ent.AuditEntry) []string {
	if strings.HasPrefix(row.Action, "secret.") {
		return []string{row.After["name"]}
	}
	var out []string
	for _, facts := range []map[string]string{row.After, row.Before} {
		for fact := range facts {
			for _, verb := range []string{"set ", "unset "} {
				if key, ok := strings.CutPrefix(fact, verb); ok {
					out = append(out, key)
				}
			}
			if row.Action == "service.changed" && strings.HasPrefix(fact, "overrides.") {
				out = append(out, fact)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
