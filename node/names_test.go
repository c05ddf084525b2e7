package node_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
)

// answers says which deployment answers under names; "404" where none does.
func (b *bench) answers(names ...string) string {
	b.t.Helper()
	var all []string
	for _, name := range names {
		_, from := b.under(name)
		all = append(all, from)
	}
	return strings.Join(all, " ")
}

// under asks the edge under a name: what it answers, and of which deployment, or with
// which status when of none.
func (b *bench) under(name string) (body, from string) {
	b.t.Helper()
	req, err := http.NewRequest(http.MethodGet, "http://"+b.edge+"/headers", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Host = name
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	if from = res.Header.Get(slipway.ReleaseHeader); from == "" {
		from = strconv.Itoa(res.StatusCode)
	}
	return string(text), from
}

func (b *bench) named(d slipway.Domains) {
	b.t.Helper()
	if err := b.node.Answer(context.Background(), d); err != nil {
		b.t.Fatal(err)
	}
}

// TestNames leads own names to what runs, live and across restarts, and default names
// to whom they belong whatever is told.
func TestNames(t *testing.T) {
	b := newBench(t)
	b.must(b.deployment(1, "one", nil))
	other := b.deployment(2, "other", nil)
	other.Service = "wages"
	b.must(other)
	const all = "shop.example.com SHOP.example.com:80 shop.example.com. www.example.com shop.dev.localhost wages.dev.localhost shop.dev.apps.example.com"
	names := strings.Fields(all)
	want := func(when, answers string) {
		t.Helper()
		if got := b.answers(names...); got != answers {
			t.Errorf("%s: %s answer %s, want %s", when, all, got, answers)
		}
	}
	want("at first", "404 404 404 404 1 2 404")
	d := slipway.Domains{Base: "apps.example.com", Own: []slipway.OwnDomains{
		{Service: "shop", Environment: "dev", Names: []string{"shop.example.com"}},
		// What another has, or is given by itself, isn't to be had; one that doesn't run has nobody to answer.
		{Service: "wages", Environment: "dev", Names: []string{"www.example.com", "shop.example.com", "shop.dev.localhost", "shop.dev.apps.example.com"}},
		{Service: "absent", Environment: "dev", Names: []string{"absent.example.com"}},
	}}
	b.named(d)
	const led = "1 1 1 2 1 2 1"
	want("told", led)
	if o := b.observe(); o.Host != "shop.example.com" || !strings.HasPrefix(o.URL, "http://shop.example.com:") {
		t.Errorf("%s at %s", o.Host, o.URL)
	}
	if body, _ := b.under("shop.example.com"); !strings.Contains("\n"+body, "\nHost: shop.example.com\n") {
		t.Errorf("the service is asked for another host: %s", body)
	}
	b.closed()
	b.open()
	want("after a restart", led)
	d.Own = d.Own[1:]
	b.named(d)
	want("taken away", "2 2 2 2 1 2 1")
	b.named(slipway.Domains{})
	want("none", "404 404 404 404 1 2 404")
	for name, bad := range map[string]slipway.Domains{
		"a base": {Base: "x"}, "a name": {Own: []slipway.OwnDomains{{Service: "shop", Environment: "dev", Names: []string{"*.example.com"}}}},
		"a service": {Own: []slipway.OwnDomains{{Service: "../x", Environment: "dev"}}},
	} {
		if err := b.node.Answer(context.Background(), bad); slipway.CodeOf(err) != slipway.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A file that can't be read takes no service down.
	b.named(d)
	b.closed()
	if err := os.WriteFile(filepath.Join(b.data, "node", "names.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.open()
	want("unreadable", "404 404 404 404 1 2 404")
	b.named(d)
	want("told again", "2 2 2 2 1 2 1")
}

// TestProbesAskForTheFirstName: a service that refuses its default name is healthy
// under its own, and stays so when it is given another that it refuses.
func TestProbesAskForTheFirstName(t *testing.T) {
	b := newBench(t)
	d := func(id int) slipway.Deployment {
		d := b.deployment(id, fmt.Sprint("word", id), map[string]string{"MODE": "host"})
		d.Manifest.Hosts = &slipway.AcceptedHosts{Setting: "ALLOWED_HOSTS", File: "settings.py", Line: 3, Names: []string{"shop.example.com"}}
		return d
	}
	_, err := b.deploy(d(1))
	if slipway.CodeOf(err) != slipway.Refused || !strings.Contains(err.Error(), "answered 400 to GET / for the host shop.dev.localhost (\"bad host\"): it takes these host names only: shop.example.com (ALLOWED_HOSTS in settings.py, line 3), and not shop.dev.localhost; give it one: slipway domain add shop shop.example.com --env dev") {
		t.Errorf("%v", err)
	}
	b.named(slipway.Domains{Own: []slipway.OwnDomains{{Service: "shop", Environment: "dev", Names: []string{"shop.example.com"}}}})
	b.must(d(2))
	b.named(slipway.Domains{})
	b.closed()
	b.open()
	b.eventually("it is healthy", func() bool { return healthy(b.observe().Instances) })
	if got := b.answers("shop.dev.localhost", "shop.example.com"); got != "2 404" {
		t.Error(got)
	}
}
