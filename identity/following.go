package identity

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/ent/session"
	"github.com/slipway-dev/slipway/ent/token"
	"github.com/slipway-dev/slipway/store"
)

const (
	// StreamsPerAccount is how many streams one account may have open, unless the
	// platform is told otherwise; an address may have five times as many.
	StreamsPerAccount = 50
	// accessPoll is how soon a stream ends whose reader lost access by another
	// process. What this one does ends it at once.
	accessPoll = 10 * time.Second
	// streamPatience is when who was refused may try again.
	streamPatience = 10 * time.Second
)

// followings are the streams that are open: what follows live for as long as its
// reader likes, and so must be counted, and ended when the reader may no longer.
type followings struct {
	mu      sync.Mutex
	open    map[string]int        // by account, and by address
	readers map[string]*following // by who reads, with what rights
	changed chan struct{}         // closed when somebody's access may have changed
}

// following is everything that one reader follows with the same rights.
type following struct {
	viewer slipway.Viewer
	ends   map[int]context.CancelFunc
	next   int
	alone  context.CancelFunc // ends the look-out
}

// Follow counts a stream of the viewer's. The context that it returns ends with
// ctx, and when the viewer's token is revoked, the session ended, the account made
// inactive, or a role changed: who still may comes back, with today's rights. done
// is called when the stream is over. Limited says that too many are open.
func (d *Directory) Follow(ctx context.Context) (_ context.Context, done func(), err error) {
	v := slipway.ViewerFrom(ctx)
	if v.Kind == slipway.ViewerSystem {
		ctx, cancel := context.WithCancel(ctx)
		return ctx, cancel, nil
	}
	account, address := followsAs(v), "address "+Network(v.Address)
	f := &d.following
	f.mu.Lock()
	defer f.mu.Unlock()
	most := d.settings.Streams
	if most == 0 {
		most = StreamsPerAccount
	}
	if most > 0 && f.open[account] >= most {
		return nil, nil, tooManyStreams("you have %d live pages, event streams and followed logs open, which is as many as one account may; close some", most)
	}
	if most > 0 && f.open[address] >= 5*most {
		return nil, nil, tooManyStreams("%d live pages, event streams and followed logs are open from your address, which is as many as one may; close some", 5*most)
	}
	if f.open == nil {
		f.open, f.readers = map[string]int{}, map[string]*following{}
	}
	f.open[account]++
	f.open[address]++
	key := fmt.Sprint(account, v.Session, v.Token, v.Admin, v.Roles, v.Scopes) // maps print in order
	reader := f.readers[key]
	if reader == nil {
		reader = &following{viewer: v, ends: map[int]context.CancelFunc{}}
		var watch context.Context
		watch, reader.alone = context.WithCancel(context.WithoutCancel(ctx))
		f.readers[key] = reader
		go d.lookOut(watch, reader)
	}
	ctx, cancel := context.WithCancel(ctx)
	reader.next++
	number := reader.next
	reader.ends[number] = cancel
	once := sync.OnceFunc(func() {
		cancel()
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, who := range []string{account, address} {
			if f.open[who]--; f.open[who] == 0 {
				delete(f.open, who)
			}
		}
		delete(reader.ends, number)
		if len(reader.ends) == 0 && f.readers[key] == reader {
			reader.alone()
			delete(f.readers, key)
		}
	})
	return ctx, once, nil
}

func tooManyStreams(sentence string, n int) error {
	err := slipway.Errorf(slipway.Limited, sentence, n)
	err.After = streamPatience
	return err
}

func followsAs(v slipway.Viewer) string {
	if v.Account != 0 {
		return fmt.Sprint("account ", v.Account)
	}
	return "jobs of " + v.Service
}

// lookOut ends what a reader follows when the reader may no longer.
func (d *Directory) lookOut(ctx context.Context, reader *following) {
	tick := time.NewTicker(accessPoll)
	defer tick.Stop()
	for {
		changed := d.following.listen()
		if err := d.still(ctx, reader.viewer); slipway.CodeOf(err) == slipway.Unauthenticated {
			d.following.mu.Lock()
			ends := slices.Collect(maps.Values(reader.ends))
			d.following.mu.Unlock()
			for _, end := range ends {
				end()
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-changed:
		}
	}
}

func (f *followings) listen() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.changed == nil {
		f.changed = make(chan struct{})
	}
	return f.changed
}

// accessChanged is called when an entry about somebody's access has been written.
func (f *followings) accessChanged() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.changed != nil {
		close(f.changed)
		f.changed = nil
	}
}

// aboutAccess tells whether what an entry of the audit log is about can end
// somebody's access.
func aboutAccess(action string) bool {
	kind, _, _ := strings.Cut(action, ".")
	return !slices.Contains([]string{"promotion", "config", "secret", "environment", "policy", "freeze", "hold", "webhook", "delivery"}, kind) && action != "session.begin" && action != "session.proved"
}

// still is Unauthenticated when a viewer would not be the same now as when it was
// found out who that is.
func (d *Directory) still(ctx context.Context, v slipway.Viewer) error {
	ctx = store.AsSystem(ctx)
	over := slipway.Errorf(slipway.Unauthenticated, "the access that this began with is over")
	now := time.Now().UTC()
	var there bool
	var err error
	switch {
	case v.Account == 0:
		return nil // a job's token lives for minutes
	case v.Session != "":
		there, err = d.db.Session.Query().Where(session.Key(v.Session), session.EndedAtIsNil(), session.ExpiresAtGT(now)).Exist(ctx)
	case v.Token != 0:
		there, err = d.db.Token.Query().Where(token.ID(v.Token), token.RevokedAtIsNil(), token.Or(token.ExpiresAtIsNil(), token.ExpiresAtGT(now))).Exist(ctx)
	default:
		there = true
	}
	if err != nil {
		return err
	}
	if !there {
		return over
	}
	q := d.db.Account.Query().Where(account.ID(v.Account), account.Active(true))
	accountWithRoles(q)
	a, err := q.Only(ctx)
	if ent.IsNotFound(err) {
		return over
	}
	if err != nil {
		return err
	}
	roles := map[int]slipway.Role{}
	for _, m := range a.Edges.Memberships {
		roles[m.TeamID] = slipway.Role(m.Role)
	}
	if a.Admin != v.Admin || !maps.Equal(roles, v.Roles) {
		return over
	}
	return nil
}
