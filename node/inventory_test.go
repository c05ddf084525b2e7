package node_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
)

// TestInventory tells what runs, whoever asks, and ends it as a deployment ends that
// loses the traffic. What the service keeps on disk stays.
func TestInventory(t *testing.T) {
	b, ctx := newBench(t), context.Background()
	one, two := withBackground(b.deployment(1, "one", nil)), withBackground(b.deployment(2, "two", nil))
	b.must(one)
	b.must(two)
	all, err := b.node.Running(ctx)
	if err != nil || len(all) != 1 {
		t.Fatalf("%v, %+v", err, all)
	}
	if r := all[0]; r.Service != "shop" || r.Environment != "dev" || r.Newest != 2 || r.Deployment != "2" || r.Artifact != two.Artifact || len(r.Instances) != 3 {
		t.Errorf("%+v", r)
	}
	if d, err := b.node.Recall(ctx, "shop", "dev", "2"); err != nil || d.Artifact != two.Artifact || d.Config.Digest != two.Config.Digest || len(d.Manifest.Processes) != 3 {
		t.Errorf("%v, %+v", err, d)
	}
	if _, err := b.node.Recall(ctx, "shop", "dev", "7"); slipway.CodeOf(err) != slipway.NotFound {
		t.Errorf("what it doesn't have: %v", err)
	}

	// Another one of the same number, as a database that was restored would ask for.
	other := b.deployment(2, "other", nil)
	if _, err := b.deploy(other); slipway.CodeOf(err) != slipway.Conflict || !strings.Contains(err.Error(), "under the number 2") {
		t.Errorf("another deployment of the same number: %v", err)
	}
	if _, body, from := b.ask(); !strings.HasPrefix(body, "two ") || from != "2" {
		t.Errorf("%q from %q", body, from)
	}

	end := func(e slipway.Ending) {
		t.Helper()
		e.Service, e.Environment = "shop", "dev"
		if err := b.node.End(ctx, e, io.Discard); err != nil {
			t.Fatal(err)
		}
	}
	// What is still kept warm gets the traffic when that is asked for.
	end(slipway.Ending{Deployment: "2", Back: "1"})
	if _, body, from := b.ask(); !strings.HasPrefix(body, "one ") || from != "1" {
		t.Errorf("%q from %q", body, from)
	}
	b.eventually("the scheduler of what was ended is gone, and the other runs", func() bool {
		return len(b.alive("beat", "two")) == 0 && len(b.alive("web", "two")) == 0 && len(b.alive("beat", "one")) == 1
	})
	end(slipway.Ending{Deployment: "2"}) // again, as after a crash of who asked
	if _, body, _ := b.ask(); !strings.HasPrefix(body, "one ") {
		t.Errorf("%q", body)
	}
	// And nothing does when nothing is: what is kept warm goes, too.
	b.must(withBackground(b.deployment(3, "three", nil)))
	end(slipway.Ending{Deployment: "3", Back: "9"})
	if status, body, _ := b.ask(); status != http.StatusServiceUnavailable || !strings.Contains(body, "no release running") {
		t.Errorf("%d %q", status, body)
	}
	b.eventually("all that ran is gone", func() bool {
		return len(b.alive("web", "three"))+len(b.alive("web", "one"))+len(b.alive("worker", "three"))+len(b.alive("beat", "three")) == 0
	})
	if all, err = b.node.Running(ctx); err != nil || len(all) != 1 || all[0].Deployment != "" || all[0].Newest != 3 {
		t.Errorf("%v, %+v", err, all)
	}
	b.must(b.deployment(4, "four", nil))
	if _, body, _ := b.ask(); !strings.HasPrefix(body, "four ") {
		t.Errorf("%q", body)
	}
}
