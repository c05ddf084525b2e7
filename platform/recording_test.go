package platform_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/auditentry"
	"github.com/slipway-dev/slipway/ent/team"
	"github.com/slipway-dev/slipway/identity"
)

// TestAChangeAndItsEntryAreOne breaks the writing of the entry after the change
// was written: neither is there then, and the chain is whole.
func TestAChangeAndItsEntryAreOne(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		w.register("billing")
		w.set("billing", "dev", "", "MODE", "one")
		before, err := w.VerifyAudit(ctx)
		w.must(err)

		s, err := w.Service(ctx, "billing")
		w.must(err)
		repository := s.Repository
		cut := errors.New("the power goes")
		broken := false
		w.Storage.Client.AuditEntry.Use(func(next ent.Mutator) ent.Mutator {
			return ent.MutateFunc(func(ctx context.Context, m ent.Mutation) (ent.Value, error) {
				if value, err := next.Mutate(ctx, m); !broken {
					return value, err
				}
				return nil, cut
			})
		})
		broken = true
		changes := map[string]func() error{
			"config": func() error {
				_, err := w.ChangeConfig(ctx, catalog.ConfigChange{Service: "billing", Environment: "dev", Set: map[string]string{"MODE": "two"}})
				return err
			},
			"team": func() error { _, err := w.AddTeam(ctx, "shop", ""); return err },
			"register": func() error {
				_, err := w.Register(ctx, catalog.ServiceInput{Name: "ledger", URL: repository})
				return err
			},
			"account": func() error {
				_, err := w.AddAccount(ctx, identity.AccountInput{Name: "bot", Kind: slipway.ViewerService})
				return err
			},
			"environment": func() error { _, err := w.AddEnvironment(ctx, catalog.EnvironmentInput{Name: "staging"}); return err },
		}
		for name, change := range changes {
			if err := change(); !errors.Is(err, cut) {
				w.Errorf("%s: %v", name, err)
			}
		}
		broken = false
		if got := w.settings("billing", "dev"); !strings.Contains(got, "MODE=one") {
			w.Errorf("the setting is %s although no entry tells so", got)
		}
		if there, err := w.Storage.Client.Team.Query().Where(team.Name("shop")).Exist(ctx); err != nil || there {
			w.Errorf("a team is there that no entry tells of: %v", err)
		}
		if all, err := w.Services(ctx, catalog.ServicesQuery{}); err != nil || len(all.Items) != 1 {
			w.Errorf("%v %v", all.Items, err)
		}
		after, err := w.VerifyAudit(ctx)
		if err != nil || after.Problem != "" || after.Entries != before.Entries {
			w.Errorf("%+v, before %+v: %v", after, before, err)
		}
		for name, change := range changes {
			if err := change(); err != nil {
				w.Errorf("%s afterwards: %v", name, err)
			}
		}
		if after, err = w.VerifyAudit(ctx); err != nil || after.Problem != "" || after.Entries != before.Entries+len(changes) {
			w.Errorf("%+v: %v", after, err)
		}
	})
}

// TestWhatReachesOutsideIsBegunOnRecord: the store of secrets has no part in the
// transaction, so that a crash leaves at least what was to be done.
func TestWhatReachesOutsideIsBegunOnRecord(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		w.register("billing")
		_, err := w.SetSecret(ctx, catalog.SecretInput{Service: "billing", Name: "API_TOKEN", Value: slipway.NewSecret("hunter2-hunter2")})
		w.must(err)
		rows, err := w.Storage.Client.AuditEntry.Query().Where(auditentry.Action("secret.set")).Order(auditentry.BySequence()).All(ctx)
		w.must(err)
		if len(rows) != 2 || rows[0].Result != "begun" || rows[1].Result != "done" {
			w.Errorf("%v", rows)
		}
	})
}
