package platform_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/store"
)

// versions says what a setting of billing was, newest first: number, value or "sealed"
// or "unset", and the author.
func (w *world) versions(environment, key string) string {
	w.Helper()
	list, err := w.ConfigVersions(w.Context(), catalog.ConfigVersions{Service: "billing", Environment: environment, Key: key})
	w.must(err)
	var b strings.Builder
	for _, v := range list.Items {
		value := v.Value
		switch {
		case v.Unset:
			value = "unset"
		case v.Secret != "":
			value = "sealed"
		}
		fmt.Fprintf(&b, "%d=%s", v.Number, value)
		if v.Current {
			b.WriteString("*")
		}
		b.WriteString(" ")
	}
	return strings.TrimSpace(b.String())
}

// TestPlainValuesDontReplaceSecrets: no plain value takes a secret's place in any layer, and
// one that stands before a secret of another layer says so.
func TestPlainValuesDontReplaceSecrets(t *testing.T) {
	both(t, func(w *world) {
		ctx := as(w.Context(), "ada")
		w.register("billing")
		for _, environment := range []string{"", "prod"} {
			entry, err := w.SetSecret(ctx, catalog.SecretInput{Service: "billing", Environment: environment, Name: "DB_URL", Value: slipway.NewSecret("postgres://" + environment)})
			w.must(err)
			_, err = w.ChangeConfig(ctx, catalog.ConfigChange{Service: "billing", Environment: environment, Set: map[string]string{"A": "1", "DB_URL": "plain"}})
			w.want(err, slipway.Conflict, "slipway secret set")
			if got := w.settings("billing", environment); !strings.Contains(got, "DB_URL="+string(entry.Reference)) || strings.Contains(got, "A=1") {
				t.Errorf("in %q: %s", environment, got)
			}
			if _, err := w.Secrets.Get(ctx, entry.Reference); err != nil {
				t.Error(err)
			}
		}
		warnings, err := w.ChangeConfig(ctx, catalog.ConfigChange{Service: "billing", Environment: "dev", Set: map[string]string{"DB_URL": "sqlite:///dev.db"}})
		w.must(err)
		if !strings.Contains(fmt.Sprint(warnings), "DB_URL stands before a secret") {
			t.Errorf("the warnings are %v", warnings)
		}
	})
}

// TestConfigVersions: what a setting was is listed and can be had back, secrets with it, and
// who may not set a secret can't bring one back either.
func TestConfigVersions(t *testing.T) {
	both(t, func(w *world) {
		ctx := as(w.Context(), "ada")
		w.register("billing")
		w.set("billing", "prod", "", "LEVEL", "debug")
		w.set("billing", "", "", "LEVEL", "info")
		w.set("billing", "prod", "", "LEVEL", "warning")
		notes, err := w.ChangeConfig(ctx, catalog.ConfigChange{Service: "billing", Environment: "prod", Unset: []string{"LEVEL"}})
		w.must(err)
		if len(notes) != 1 || notes[0] != "LEVEL is info now, set for the service in all environments" {
			t.Errorf("what shows now: %v", notes)
		}
		if got, want := w.versions("prod", "LEVEL"), "3=unset* 2=warning 1=info* 1=debug"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		restore := func(environment, key string, number int) error {
			return w.RestoreConfig(ctx, catalog.ConfigRestore{Service: "billing", Environment: environment, Key: key, Number: number})
		}
		w.must(restore("prod", "LEVEL", 1))
		if got := w.settings("billing", "prod"); got != "LEVEL=debug(service_environment) " {
			t.Errorf("got %s", got)
		}
		w.must(restore("prod", "LEVEL", 3))
		w.want(restore("prod", "LEVEL", 3), slipway.Conflict, "nothing is to be done")
		w.want(restore("prod", "LEVEL", 9), slipway.NotFound, "slipway config history billing")
		w.want(restore("test", "LEVEL", 1), slipway.NotFound, "")

		// Secrets: by version, unseen; what is sealed does not stay readable.
		seal := func(value string) {
			t.Helper()
			_, err := w.SetSecret(ctx, catalog.SecretInput{Service: "billing", Name: "DSN", Value: slipway.NewSecret(value)})
			w.must(err)
		}
		w.set("billing", "", "", "DSN", "plain")
		w.set("billing", "", "", "DSN", "topsecret1")
		seal("topsecret1")
		seal("topsecret2")
		if got, want := w.versions("", "DSN"), "4=sealed* 3=sealed 1=plain"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		w.must(w.RemoveSecret(ctx, "billing", "", "DSN", false))
		w.must(w.Retain(ctx, 0))
		w.must(restore("", "DSN", 3))
		if got := w.settings("billing", ""); !strings.Contains(got, "DSN=sealed://billing/DSN.") {
			t.Errorf("got %s", got)
		}
		// Who may change config and no secrets can't bring one back.
		developer := w.colleague("billing", "dev", slipway.RoleDeveloper, false)
		err = w.RestoreConfig(developer, catalog.ConfigRestore{Service: "billing", Key: "DSN", Number: 1})
		w.want(err, slipway.Denied, "")
	})
}

// TestConfigVersionsAreBounded: the last twenty of a key stay, and values of those that went
// are needed by nothing.
func TestConfigVersionsAreBounded(t *testing.T) {
	both(t, func(w *world) {
		ctx := as(w.Context(), "ada")
		w.register("billing")
		var refs []slipway.SecretRef
		for i := range 25 {
			entry, err := w.SetSecret(ctx, catalog.SecretInput{Service: "billing", Name: "DSN", Value: slipway.NewSecret(fmt.Sprint("value ", i))})
			w.must(err)
			refs = append(refs, entry.Reference)
		}
		list, err := w.ConfigVersions(ctx, catalog.ConfigVersions{Service: "billing", Page: store.Page{Limit: 15}})
		w.must(err)
		if len(list.Items) != 15 || list.Items[0].Number != 25 || !list.Items[0].Current || list.Items[1].Current {
			t.Errorf("got %v", list.Items)
		}
		list, err = w.ConfigVersions(ctx, catalog.ConfigVersions{Service: "billing", Page: store.Page{Limit: 15, Cursor: list.Next}})
		w.must(err)
		if len(list.Items) != 5 || list.Items[4].Number != 6 || list.Next != "" {
			t.Errorf("got %v and %q", list.Items, list.Next)
		}
		w.must(w.Retain(ctx, 0))
		for i, ref := range refs {
			if _, err := w.Secrets.Get(ctx, ref); (err == nil) != (i >= 5) {
				t.Errorf("value %d: %v", i, err)
			}
		}
	})
}
