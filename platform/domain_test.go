package platform_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/auditentry"
	"github.com/slipway-dev/slipway/platform"
)

// domain adds a host name, and wants it refused with a code unless that is "".
func (w *world) domain(ctx context.Context, service, environment, name string, code slipway.Code, says string) {
	w.Helper()
	_, err := w.AddDomain(ctx, service, environment, catalog.DomainInput{Name: name})
	if code != "" {
		w.want(err, code, says)
		return
	}
	w.must(err)
}

// told is what the edge routes: SERVICE.ENVIRONMENT=NAME,NAME for each.
func (w *world) told() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, o := range w.names.Own {
		out = append(out, o.Service+"."+o.Environment+"="+strings.Join(o.Names, ","))
	}
	return strings.Join(out, " ")
}

func TestDomainsReachTheEdge(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		w.register("billing")
		w.register("wages")
		wants := func(names, billing string) {
			w.Helper()
			if got := w.told(); got != names {
				w.Errorf("the edge was told %q, want %q", got, names)
			}
			if got := w.AddressOf("billing", "prod"); got != billing {
				w.Errorf("billing is at %s, want %s", got, billing)
			}
		}
		const fallback = "http://billing.prod.localhost/"
		wants("", fallback)
		w.domain(ctx, "billing", "prod", "  Shop.Example.COM. ", "", "")
		wants("billing.prod=shop.example.com", "http://shop.example.com/")
		w.domain(ctx, "wages", "prod", "bücher.example", "", "")
		w.domain(ctx, "billing", "prod", "www.example.com", "", "")
		w.domain(ctx, "billing", "dev", "dev.example.com", "", "")
		wants("billing.dev=dev.example.com billing.prod=shop.example.com,www.example.com wages.prod=xn--bcher-kva.example", "http://shop.example.com/")
		_, err := w.AddDomain(ctx, "billing", "prod", catalog.DomainInput{Name: "www.example.com", First: true})
		w.must(err)
		_, err = w.AddDomain(ctx, "billing", "prod", catalog.DomainInput{Name: "example.com", First: true})
		w.must(err)
		wants("billing.dev=dev.example.com billing.prod=example.com,www.example.com,shop.example.com wages.prod=xn--bcher-kva.example", "http://example.com/")
		list, err := w.Domains(ctx, "billing", "prod")
		if err != nil || len(list) != 3 || list[0].Name != "example.com" || list[0].AddedBy != "ada" {
			w.Errorf("%+v %v", list, err)
		}
		w.must(w.RemoveDomain(ctx, "wages", "prod", "Bücher.example"))
		w.want(w.RemoveDomain(ctx, "wages", "prod", "shop.example.com"), slipway.NotFound, "wages has no name shop.example.com in prod")

		// An edge that is away gets to know it later; the change is made.
		w.mu.Lock()
		w.edgeDown = true
		w.mu.Unlock()
		w.must(w.RemoveDomain(ctx, "billing", "prod", "www.example.com"))
		w.mu.Lock()
		w.edgeDown = false
		w.mu.Unlock()
		w.must(w.Answer(w.T.Context()))
		wants("billing.dev=dev.example.com billing.prod=example.com,shop.example.com", "http://example.com/")

		// A removed service leaves its names to others.
		w.must(w.RemoveService(ctx, "billing", nil))
		wants("", fallback)
		w.domain(ctx, "wages", "prod", "example.com", "", "")

		said, err := w.Storage.Client.AuditEntry.Query().Where(auditentry.ActionHasPrefix("domain.")).Order(ent.Asc(auditentry.FieldSequence)).All(ctx)
		w.must(err)
		var actions []string
		for _, e := range said {
			actions = append(actions, strings.TrimPrefix(e.Action, "domain."))
		}
		if got := strings.Join(actions, " "); got != "added added added added moved added removed removed added" || said[0].After["name"] != "shop.example.com" || said[6].Before["name"] != "xn--bcher-kva.example" {
			w.Errorf("on record: %s", got)
		}
	})
}

// TestOneNameOnePlace: a name is had once, whoever has it stays unsaid, and the
// platform's are had by nobody.
func TestOneNameOnePlace(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		w.team("secretive")
		w.team("shop")
		for name, team := range map[string]string{"vault": "secretive", "billing": "shop"} {
			_, err := w.Register(ctx, catalog.ServiceInput{Name: name, URL: "https://git.example.com/x.git", Team: team})
			w.must(err)
		}
		w.domain(ctx, "vault", "dev", "vault.example.com", "", "")
		bob := w.colleague("billing", "bob", slipway.RoleMaintainer, false)
		refused := func(name string, code slipway.Code, says string) {
			w.Helper()
			_, err := w.AddDomain(bob, "billing", "dev", catalog.DomainInput{Name: name})
			w.want(err, code, says)
			if e := err.(*slipway.Error); e.Field != "name" || strings.Contains(e.Message, "secretive") || strings.Contains(e.Message, "vault ") { //nolint:errorlint // it is returned as it is
				w.Errorf("at %q: %s", e.Field, e.Message)
			}
		}
		refused("Vault.example.com", slipway.Conflict, "the name vault.example.com is taken")
		w.domain(ctx, "billing", "dev", "vault.example.com", slipway.Conflict, "vault has it in dev; take it away there first (slipway domain rm vault vault.example.com --env dev)")
		w.domain(bob, "billing", "dev", "shop.example.com", "", "")
		refused("shop.example.com", slipway.Conflict, "billing has the name shop.example.com in dev already")
		w.domain(bob, "billing", "prod", "shop.example.com", slipway.Conflict, "slipway domain rm billing shop.example.com --env dev")
		for _, name := range []string{"vault.dev.localhost", "anything.localhost", "slipway.example.com", "x.slipway.example.com", "apps.example.com", "vault.dev.apps.example.com"} {
			refused(name, slipway.Conflict, "the platform's own names")
		}
		for _, name := range []string{"", "shop", "*.example.com", "10.0.0.1", "https://shop.example.com", "shop.example.com:80", "a_b.example.com", "xn--a.example", strings.Repeat("a", 2000)} {
			refused(name, slipway.Invalid, "")
		}
		w.want(w.RemoveDomain(bob, "billing", "dev", "vault.example.com"), slipway.NotFound, "billing has no name")
		// Whoever can't see a service learns nothing of its names, and a developer adds none.
		_, err := w.Domains(bob, "vault", "dev")
		w.want(err, slipway.NotFound, "there is no service vault")
		w.domain(bob, "vault", "dev", "new.example.com", slipway.NotFound, "there is no service vault")
		dev := w.colleague("billing", "dana", slipway.RoleDeveloper, false)
		w.domain(dev, "billing", "dev", "new.example.com", slipway.Denied, "takes the role maintainer")
		w.want(w.RemoveDomain(dev, "billing", "dev", "shop.example.com"), slipway.Denied, "takes the role maintainer")
		if list, err := w.Domains(dev, "billing", "dev"); err != nil || len(list) != 1 {
			w.Errorf("%v %v", list, err)
		}
		for i := range slipway.MaxDomains - 1 {
			w.domain(bob, "billing", "dev", fmt.Sprintf("n%d.example.com", i), "", "")
		}
		refused("more.example.com", slipway.Conflict, "remove one first")

		// Of those who ask at once one gets it.
		ends := make(chan error, 8)
		for k := range cap(ends) {
			go func() {
				_, err := w.AddDomain(ctx, []string{"vault", "billing"}[k%2], []string{"test", "prod"}[k/2%2], catalog.DomainInput{Name: "rare.example.com"})
				ends <- err
			}()
		}
		var codes []slipway.Code
		for range cap(ends) {
			codes = append(codes, slipway.CodeOf(<-ends))
		}
		slices.Sort(codes)
		if codes[0] != "" || codes[1] != slipway.Conflict {
			w.Errorf("%v", codes)
		}
	})
}

// TestAnotherProcessOnTheDatabase changes names; this one's edge is told, too.
func TestAnotherProcessOnTheDatabase(t *testing.T) {
	w := newWorld(t, "sqlite://"+t.TempDir()+"/slipway.db")
	w.register("billing")
	other := platform.New(platform.Options{Storage: w.Storage, Ports: catalog.Ports{Secrets: w.Secrets, Target: w.Target, Source: w.Source, Builder: w.Builder}, Renderer: w.Renderer})
	_, err := other.AddDomain(w.Context(), "billing", "prod", catalog.DomainInput{Name: "shop.example.com"})
	w.must(err)
	if got := w.told(); got != "" {
		t.Fatal(got)
	}
	w.must(w.Answer(t.Context()))
	if got := w.told(); got != "billing.prod=shop.example.com" {
		t.Error(got)
	}
}

// TestNamesOfThisMachine: a service that takes names of this machine alone gets one of
// them in the first environment, unless somebody has it, or it is found anyhow.
func TestNamesOfThisMachine(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		for _, name := range []string{"billing", "wages", "shop"} {
			w.register(name)
		}
		suits := func(service, environment, want string, hosts *slipway.AcceptedHosts) {
			w.Helper()
			got, err := w.Suit(ctx, slipway.Deployment{Service: service, Environment: environment, Manifest: slipway.Manifest{Hosts: hosts}})
			if w.must(err); got != want {
				w.Errorf("%s got %q in %s, want %q", service, got, environment, want)
			}
		}
		local := &slipway.AcceptedHosts{Setting: "ALLOWED_HOSTS", Names: []string{"localhost", "127.0.0.1"}}
		suits("billing", "dev", "", local) // there is a base domain
		w.BaseDomain = ""
		suits("billing", "dev", "", local) // others reach the edge, too
		w.OneMachine = true
		suits("billing", "test", "", local)
		suits("billing", "dev", "", nil)
		suits("billing", "dev", "", &slipway.AcceptedHosts{Names: []string{".localhost", "127.0.0.1"}})
		suits("billing", "dev", "", &slipway.AcceptedHosts{Names: []string{"shop.example.com"}})
		w.domain(ctx, "shop", "dev", "shop.example.com", "", "")
		suits("shop", "dev", "", local)
		suits("billing", "dev", "localhost", local)
		suits("billing", "dev", "", local)
		suits("wages", "dev", "", &slipway.AcceptedHosts{Names: []string{"localhost"}})
		suits("wages", "dev", "127.0.0.1", &slipway.AcceptedHosts{Names: []string{"127.0.0.1"}})
		if got := w.told(); got != "billing.dev=localhost shop.dev=shop.example.com wages.dev=127.0.0.1" && got != "billing.dev=localhost wages.dev=127.0.0.1 shop.dev=shop.example.com" {
			w.Error(got)
		}
		w.domain(ctx, "wages", "dev", "localhost", slipway.Conflict, "billing has it in dev")
	})
}
