package platform_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent/auditentry"
)

func TestAudit(t *testing.T) {
	both(t, func(w *world) {
		ctx := audit.WithRequest(w.Context(), "req-1")
		w.register("billing")
		_, err := w.ChangeConfig(ctx, catalog.ConfigChange{Service: "billing", Set: map[string]string{"MODE": "one", "API_TOKEN": "hunter22"}})
		w.must(err)
		_, err = w.ChangeConfig(ctx, catalog.ConfigChange{Service: "billing", Set: map[string]string{"MODE": "two"}})
		w.must(err)
		nobody := slipway.WithViewer(w.T.Context(), slipway.Viewer{Kind: slipway.ViewerPerson, Name: "eve", Via: "api", Address: "203.0.113.9"})
		w.want(w.RemoveService(nobody, "billing", nil), slipway.NotFound, "no service billing")
		list, err := w.Audit(ctx, audit.Query{Service: "billing"})
		w.must(err)
		if len(list.Items) != 4 {
			w.Fatalf("%d entries: %v", len(list.Items), list.Items)
		}
		refused, changed := list.Items[0], list.Items[1]
		if refused.Actor != "eve" || refused.Result != "refused" || refused.Address != "203.0.113.9" || refused.Action != "service:change" {
			w.Errorf("%+v", refused)
		}
		if changed.Actor != "ada" || changed.Before["set MODE"] != "one" || changed.After["set MODE"] != "two" || changed.Request != "req-1" || changed.Action != "config.changed" {
			w.Errorf("%+v", changed)
		}
		for _, e := range list.Items {
			for _, text := range e.After {
				if strings.Contains(text, "hunter22") {
					w.Errorf("a secret is on record: %v", e)
				}
			}
		}
		_, err = w.Audit(nobody, audit.Query{})
		w.want(err, slipway.Denied, "admin of the platform")

		// Several at once don't fork the chain.
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if _, err := w.ChangeConfig(ctx, catalog.ConfigChange{Service: "billing", Set: map[string]string{"MODE": "many"}}); err != nil {
					w.Error(err)
				}
			})
		}
		all.Wait()
		check, err := w.VerifyAudit(ctx)
		if err != nil || check.Problem != "" || check.Entries < 12 {
			w.Fatalf("%+v %v", check, err)
		}

		// What somebody with the database in hand could do.
		db := w.Storage.Client
		last, err := db.AuditEntry.Query().Where(auditentry.Sequence(check.Entries)).Only(ctx)
		w.must(err)
		w.must(db.AuditEntry.DeleteOne(last).Exec(ctx))
		tampered, err := w.VerifyAudit(ctx)
		if err != nil || !strings.Contains(tampered.Problem, "missing at the end") {
			w.Errorf("the last entry is gone: %+v %v", tampered, err)
		}
		third, err := db.AuditEntry.Query().Where(auditentry.Sequence(3)).Only(ctx)
		w.must(err)
		w.must(db.AuditEntry.DeleteOne(third).Exec(ctx))
		tampered, err = w.VerifyAudit(ctx)
		if err != nil || tampered.Broken != 3 || !strings.Contains(tampered.Problem, "entry 3 is missing") {
			w.Errorf("the third entry is gone: %+v %v", tampered, err)
		}
		w.must(db.AuditEntry.Create().SetSequence(3).SetAt(third.At).SetActor("ada").SetKind(third.Kind).SetVia(third.Via).SetAddress(third.Address).SetRequest(third.Request).
			SetAction("nothing.happened").SetTeam("").SetService("").SetEnvironment("").SetObject("").SetResult("done").SetReason("").SetPrevious(third.Previous).SetHash(third.Hash).Exec(ctx))
		tampered, err = w.VerifyAudit(ctx)
		if err != nil || tampered.Broken != 3 || !strings.Contains(tampered.Problem, "not as it was written") {
			w.Errorf("the third entry is another: %+v %v", tampered, err)
		}
	})
}
