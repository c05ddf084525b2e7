package web_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/apitest"
)

// inventory is a node that runs what it is told, whoever asked for it.
type inventory struct {
	mu      sync.Mutex
	running map[string]slipway.Deployment // by service
	err     error
}

func (n *inventory) Running(context.Context) (all []slipway.Running, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.err != nil {
		return nil, n.err
	}
	for _, d := range n.running {
		all = append(all, slipway.Running{Service: d.Service, Environment: d.Environment, Newest: d.Fence, Observed: slipway.Observed{
			Deployment: d.ID, Release: d.Release, Artifact: d.Artifact, Config: d.Config.Digest, Instances: []slipway.Instance{{ID: "web.1", State: slipway.InstanceHealthy}},
		}})
	}
	return all, nil
}

func (n *inventory) Recall(_ context.Context, service, _, _ string) (slipway.Deployment, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.running[service], nil
}

func (n *inventory) End(_ context.Context, e slipway.Ending, _ io.Writer) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.running, e.Service)
	return nil
}

// TestUnrecordedOnTheNodesPage shows what runs without being on record to who may see
// it, and lets who may go back there alone adopt or end it.
func TestUnrecordedOnTheNodesPage(t *testing.T) {
	s := newSite(t)
	s.service("orders", "billing", "main")
	runs := func(service string) slipway.Deployment {
		return slipway.Deployment{ID: "77", Fence: 77, Service: service, Environment: "test", Release: 9, Artifact: "sha256:77", Config: slipway.Snapshot{Digest: apitest.Artifact}}
	}
	lost := runs("lost")
	lost.ID = "78"
	s.Inventory = &inventory{running: map[string]slipway.Deployment{"orders": runs("orders"), "lost": lost}}

	const title = "Runs, and isn't on record"
	if page := s.person("otto", false, map[string]slipway.Role{"other": slipway.RoleAdmin}).get("/nodes").body; strings.Contains(page, title) || strings.Contains(page, "orders") {
		t.Errorf("another team sees it:\n%s", page)
	}
	vera := s.person("vera", false, map[string]slipway.Role{"billing": slipway.RoleViewer})
	if page := vera.get("/nodes").body; !strings.Contains(page, title) || !strings.Contains(page, "orders in test: release 9, deployment 77") || strings.Contains(page, "lost in test") || strings.Contains(page, "/services/orders/unrecorded") {
		t.Errorf("who only looks sees\n%s", page)
	}
	fields := func(reason string) url.Values {
		return url.Values{"environment": {"test"}, "deployment": {"77"}, "do": {"adopt"}, "reason": {reason}}
	}
	if a := vera.post("/nodes", "/services/orders/unrecorded", fields("of before the backup")); a.status != http.StatusForbidden {
		t.Errorf("who only looks: %d", a.status)
	}
	// What a rollback there would ask somebody else about isn't a developer's alone either.
	less := s.person("less", false, map[string]slipway.Role{"billing": slipway.RoleDeveloper})
	if page := less.get("/nodes").body; strings.Contains(page, "Adopt orders in test") || !strings.Contains(page, "takes the role maintainer") {
		t.Errorf("a developer sees\n%s", page)
	}
	if a := less.post("/nodes", "/services/orders/unrecorded", fields("of before the backup")); a.status != http.StatusForbidden {
		t.Errorf("a developer: %d", a.status)
	}
	mae := s.person("dev", false, map[string]slipway.Role{"billing": slipway.RoleMaintainer})
	if page := mae.get("/nodes").body; !strings.Contains(page, "Adopt orders in test") || !strings.Contains(page, "End orders in test") {
		t.Errorf("who goes back there alone sees\n%s", page)
	}
	if a := mae.post("/nodes", "/services/orders/unrecorded", fields("")); a.status != http.StatusBadRequest || !strings.Contains(a.body, "Say why") {
		t.Errorf("without a reason: %d\n%s", a.status, a.body)
	}
	if a := mae.post("/nodes", "/services/orders/unrecorded", fields("of before the backup")); a.status != http.StatusSeeOther {
		t.Errorf("%d %s", a.status, a.body[max(0, strings.Index(a.body, "<main")):])
	}
	if page := mae.get("/nodes").body; strings.Contains(page, title) {
		t.Errorf("it is on record, and the page says\n%s", page)
	}
	alice := s.person("alice", true, nil)
	if page := alice.get("/nodes").body; !strings.Contains(page, "no service lost is registered") || strings.Contains(page, "Adopt lost in test") {
		t.Errorf("an admin sees\n%s", page)
	}
	if a := alice.post("/nodes", "/services/lost/unrecorded", url.Values{"environment": {"test"}, "deployment": {"78"}, "do": {"end"}, "reason": {"gone"}}); a.status != http.StatusSeeOther {
		t.Errorf("%d %s", a.status, a.body[max(0, strings.Index(a.body, "<main")):])
	}
	if page := alice.get("/nodes").body; strings.Contains(page, title) {
		t.Errorf("it has ended, and the page says\n%s", page)
	}
}

// TestNodesPageWithAnOldAgent: an agent that can't tell all that runs tells how it is all
// the same.
func TestNodesPageWithAnOldAgent(t *testing.T) {
	s := newSite(t)
	s.Nodes = func(context.Context) ([]slipway.NodeStatus, error) {
		return []slipway.NodeStatus{{ID: "node-of-before", CPUs: 2, Memory: 1 << 33, MemoryFree: 1 << 32, Disk: 1 << 40, DiskFree: 1 << 39}}, nil
	}
	s.Inventory = &inventory{err: slipway.Errorf(slipway.Unavailable, "the node agent is of an earlier version; `slipway down` and `slipway up` start the new one")}
	alice := s.person("alice", true, nil)
	for _, page := range []string{alice.get("/nodes").body, alice.get("/nodes?part=nodes").body} {
		if !strings.Contains(page, "node-of-before") || !strings.Contains(page, "The node agent is of an earlier version") {
			t.Errorf("the page says\n%s", page)
		}
	}
}
