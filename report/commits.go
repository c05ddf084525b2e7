package report

import (
	"context"
	"sync"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
)

// Between is what one environment runs and the next one doesn't.
type Between struct {
	From, To *ent.Deployment   // with their releases; nil where nothing runs
	Log      slipway.CommitLog // the commits that From has and To lacks, the newest first
	Behind   bool              // it is the other way round: To has them and From lacks them
	Why      string            // why they can't be told; "" when they can
}

// Between tells which commits lie between what a service runs in two
// environments. The repository is asked once for two commits: what lies between
// them never changes. One that can't be reached is no error; Why says so.
func (rep *Reports) Between(ctx context.Context, name, from, to string) (*Between, error) {
	s, err := rep.catalog.Service(ctx, name)
	if err != nil {
		return nil, err
	}
	b := &Between{}
	for _, side := range []struct {
		name string
		into **ent.Deployment
	}{{from, &b.From}, {to, &b.To}} {
		e, err := rep.catalog.Environment(ctx, side.name)
		if err != nil {
			return nil, err
		}
		if *side.into, err = LiveIn(ctx, rep.db, s.ID, e.ID); err != nil {
			return nil, err
		}
	}
	if b.From == nil || b.To == nil {
		return b, nil
	}
	repo, ahead, behind := catalog.RepositoryOf(s), b.From.Edges.Release.Commit, b.To.Edges.Release.Commit
	if b.Log, b.Why = rep.between.commits(ctx, rep, repo, behind, ahead); b.Why != "" || !b.Log.Rewound || len(b.Log.Commits) > 0 {
		return b, nil
	}
	b.Behind = true
	b.Log, b.Why = rep.between.commits(ctx, rep, repo, ahead, behind)
	return b, nil
}

const (
	mostBetween = 2000             // answers that are kept
	whyBetween  = 30 * time.Second // how long a repository that didn't answer is let be
)

// pair is two commits of a repository.
type pair struct {
	repo     slipway.Repository
	from, to string
}

// keptLog is an answer, or the question that is being asked.
type keptLog struct {
	done  chan struct{}
	log   slipway.CommitLog
	why   string
	until time.Time // zero: for ever
}

// betweens keeps what lies between commits. Whoever asks what is being asked
// already waits for that answer.
type betweens struct {
	mu   sync.Mutex
	kept map[pair]*keptLog
}

func (b *betweens) commits(ctx context.Context, p *Reports, repo slipway.Repository, from, to string) (slipway.CommitLog, string) {
	if from == to {
		return slipway.CommitLog{}, ""
	}
	key := pair{repo, from, to}
	b.mu.Lock()
	k, ok := b.kept[key]
	if !ok || !k.until.IsZero() && time.Now().After(k.until) {
		if b.kept == nil || len(b.kept) >= mostBetween {
			b.kept = map[pair]*keptLog{}
		}
		k = &keptLog{done: make(chan struct{})}
		b.kept[key] = k
		// The answer is for everybody who waits, so it doesn't end with the
		// one who asked first.
		go b.ask(context.WithoutCancel(ctx), p, key, k)
	}
	b.mu.Unlock()
	select {
	case <-k.done:
		return k.log, k.why
	case <-ctx.Done():
		return slipway.CommitLog{}, "the repository has not answered yet"
	}
}

func (b *betweens) ask(ctx context.Context, p *Reports, key pair, k *keptLog) {
	ctx, cancel := context.WithTimeout(ctx, CommitWait)
	defer cancel()
	log, err := p.ports.Source.Log(ctx, key.repo, key.from, key.to, ShownCommits)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		k.why, k.until = p.catalog.Why(err), time.Now().Add(whyBetween)
	} else {
		k.log = log
	}
	close(k.done)
}

// CommitWait bounds how long the repository is asked for commits.
const CommitWait = 10 * time.Second

// ShownCommits is how many commits a change lists.
const ShownCommits = 50

// CommitsBetween are those that lead from one commit to another, and why they aren't
// known; "" where they are.
func (rep *Reports) CommitsBetween(ctx context.Context, repo slipway.Repository, from, to string) (slipway.CommitLog, string) {
	return rep.between.commits(ctx, rep, repo, from, to)
}
