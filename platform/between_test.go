package platform_test

import (
	"context"
	"sync"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/platform/platformtest"
)

// counted counts what a repository is asked.
type counted struct {
	slipway.Source
	mu    sync.Mutex
	asked int
	log   func(from, to string) (slipway.CommitLog, error)
}

func (c *counted) Log(_ context.Context, _ slipway.Repository, from, to string, _ int) (slipway.CommitLog, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	return c.log(from, to)
}

// TestBetween asks a repository once, however many ask for a page.
func TestBetween(t *testing.T) {
	w := newWorld(t, platformtest.SQLite(t))
	ctx := w.Context()
	w.register("billing")
	one, two := commitID("c1"), commitID("c2")
	repo := &counted{Source: w.Source, log: func(from, to string) (slipway.CommitLog, error) {
		if from == one && to == two {
			return slipway.CommitLog{Commits: []slipway.Commit{{ID: two, Author: "Ada", Subject: "Second"}}}, nil
		}
		return slipway.CommitLog{Rewound: true}, nil
	}}
	w.Source = repo
	b, err := w.Between(ctx, "billing", "dev", "test")
	w.must(err)
	if b.From != nil || b.To != nil || len(b.Log.Commits) != 0 || repo.asked != 0 {
		t.Errorf("nothing runs: %+v", b)
	}
	w.deployed("billing", "test", "c1", false)
	w.deployed("billing", "dev", "c2", false)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			b, err := w.Between(ctx, "billing", "dev", "test")
			if err != nil || b.Behind || len(b.Log.Commits) != 1 || b.Log.Commits[0].Subject != "Second" {
				t.Errorf("between dev and test: %+v %v", b, err)
			}
		})
	}
	all.Wait()
	if repo.asked != 1 {
		t.Errorf("the repository was asked %d times", repo.asked)
	}
	// The other way round, it is the later one that has them.
	if b, err = w.Between(ctx, "billing", "test", "dev"); err != nil || !b.Behind || len(b.Log.Commits) != 1 {
		t.Errorf("between test and dev: %+v %v", b, err)
	}
	// What can't be told is said, and not asked again at once.
	repo.log = func(string, string) (slipway.CommitLog, error) {
		return slipway.CommitLog{}, slipway.Errorf(slipway.Unavailable, "the repository can't be reached")
	}
	repo.asked = 0
	w.deployed("billing", "dev", "c3", false)
	for range 3 {
		if b, err = w.Between(ctx, "billing", "dev", "test"); err != nil || b.Why != "the repository can't be reached" {
			t.Errorf("an unreachable repository: %+v %v", b, err)
		}
	}
	if repo.asked != 1 {
		t.Errorf("an unreachable repository was asked %d times", repo.asked)
	}
	outsider := slipway.WithViewer(t.Context(), slipway.Viewer{Kind: slipway.ViewerPerson, Account: 99, Name: "otto"})
	_, err = w.Between(outsider, "billing", "dev", "test")
	w.want(err, slipway.NotFound, "no service")
}
