package identity

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/throttle"
	"github.com/slipway-dev/slipway/store"
)

// pace is how wrong guesses of one kind slow down the next: the first few cost
// nothing, then each makes the next wait twice as long, up to most. Once they
// are many, the wait is longest.
type pace struct {
	free          int
	most          time.Duration
	many          int // 0 for never
	longest       time.Duration
	rememberedFor time.Duration
}

// The figures stand in docs/security.md, with where they come from.
var (
	// fromPlace is for guesses at one name from one address, browser or session.
	fromPlace = pace{free: 5, most: 15 * time.Minute, rememberedFor: 24 * time.Hour}
	// fromAddress is for guesses at whatever names from one address.
	fromAddress = pace{free: 20, most: 15 * time.Minute, rememberedFor: 24 * time.Hour}
	// fromAnywhere is for guesses at one name from wherever nobody has signed in
	// to it. It waits for seconds only: its owner may be among those who wait.
	fromAnywhere = pace{free: 10, most: 30 * time.Second, many: 100, longest: 5 * time.Minute, rememberedFor: 24 * time.Hour}
)

// wait is how long n wrong guesses keep the next one waiting.
func (p pace) wait(n int) time.Duration {
	switch {
	case n < p.free:
		return 0
	case p.many > 0 && n >= p.many:
		return p.longest
	}
	return min(time.Second<<min(n-p.free, 20), p.most)
}

const (
	// maxThrottles bounds how much is remembered of names that nobody has.
	maxThrottles = 100_000
	// knownFor is how long an address, or a browser, is known to be somebody's.
	knownFor = 90 * 24 * time.Hour
)

// Network is what one caller can be told by: an IPv6 host has a whole /64 to ask from.
func Network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if ip = ip.Unmap().WithZone(""); ip.Is6() {
		return netip.PrefixFrom(ip, 64).Masked().String()
	}
	return ip.String()
}

// guess is one attempt at what only the owner of a name knows or has. Whether the
// name is somebody's makes no difference to what follows.
type guess struct {
	what  string // such as a password
	name  string
	from  Caller
	place string // a session or a browser that is known to be the account's; "" for none
}

// counted is a guess that has been counted: it may be looked at.
type counted struct {
	directory *Directory
	places    []bucket
	before    map[string]*ent.Throttle
	after     map[string]int
}

type bucket struct {
	key  string
	pace pace
	own  bool // of this name and this place: a right guess makes up for all before
}

// guessing keeps the key by which names and addresses are counted.
type guessing struct {
	mu      sync.Mutex
	key     []byte
	swept   time.Time
	hashing chan struct{}    // bounds how many passwords are hashed at once
	absent  string           // a hash to compare with where there is no account
	clock   func() time.Time // what a wait is measured by; nil is time.Now
}

func (g *guessing) now() time.Time {
	if g.clock != nil {
		return g.clock()
	}
	return time.Now()
}

// guessKey reads the key of what is counted and of browsers that are known,
// making it at the first time.
func (d *Directory) guessKey(ctx context.Context) ([]byte, error) {
	d.guesses.mu.Lock()
	defer d.guesses.mu.Unlock()
	if d.guesses.key != nil {
		return d.guesses.key, nil
	}
	ctx, ref := store.AsSystem(ctx), slipway.RefIn(d.secrets, "_platform/sign-in-key")
	secret, err := d.secrets.Get(ctx, ref)
	if slipway.CodeOf(err) == slipway.NotFound {
		secret = slipway.NewSecret(hex.EncodeToString(Random(32)))
		err = d.secrets.Set(ctx, ref, secret)
	}
	if err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(secret.Reveal())
	if err != nil || len(key) != 32 {
		return nil, errors.New("the key of sign-ins is damaged")
	}
	d.guesses.key = key
	return key, nil
}

// keyed is a keyed hash of parts, by which they can be told from others and by
// nobody be found out.
func keyed(key []byte, parts ...string) string {
	mac := hmac.New(sha256.New, key)
	for _, part := range parts {
		mac.Write([]byte(strconv.Itoa(len(part)) + ":" + part))
	}
	return hex.EncodeToString(mac.Sum(nil))
}

// count counts a guess before anybody looks at it, so that guesses that come at
// once are counted one by one, by all processes on the database. It is Limited
// when this one has to wait; then nothing is counted.
func (d *Directory) count(ctx context.Context, g guess) (*counted, error) {
	key, err := d.guessKey(ctx)
	if err != nil {
		return nil, err
	}
	ctx = store.AsSystem(ctx)
	network := Network(g.from.Address)
	var at []bucket
	known := ""
	if g.place != "" {
		at = []bucket{{keyed(key, g.what, "known", g.name, g.place), fromPlace, true}}
	} else {
		known = keyed(key, "address", g.name, network)
		at = []bucket{
			{keyed(key, g.what, "place", g.name, network), fromPlace, true},
			{keyed(key, g.what, "address", network), fromAddress, false},
			{keyed(key, g.what, "name", g.name), fromAnywhere, false},
		}
	}
	slices.SortFunc(at, func(a, b bucket) int { // so that two who want the same don't wait for each other
		if a.key < b.key {
			return -1
		}
		return 1
	})
	d.sweepThrottles(ctx)
	for range 50 {
		c, again, err := d.tryCount(ctx, at, known)
		if !again {
			return c, err
		}
	}
	return nil, d.tooMany(d.guesses.now().Add(time.Second)) // so many at once that none of 50 tries was the first
}

// tryCount counts once; again says that another guess was counted in between.
// Where the row of a known address is there, what was guessed from elsewhere
// doesn't matter: all rows are read by one question, whoever asks.
func (dir *Directory) tryCount(ctx context.Context, at []bucket, known string) (c *counted, again bool, err error) {
	keys := []string{known}
	for _, b := range at {
		keys = append(keys, b.key)
	}
	c = &counted{directory: dir, before: map[string]*ent.Throttle{}, after: map[string]int{}}
	quicker := errors.New("another guess was quicker")
	err = store.InTx(ctx, dir.db, func(tx *ent.Tx) error {
		now := dir.guesses.now().UTC().Truncate(time.Microsecond) // not of before it was this one's turn
		rows, err := tx.Throttle.Query().Where(throttle.KeyIn(keys...)).All(ctx)
		if err != nil {
			return err
		}
		for _, row := range rows {
			c.before[row.Key] = row
		}
		here := c.before[known]
		var until time.Time
		for _, b := range at {
			if b.pace == fromAnywhere && here != nil && here.ExpiresAt.After(now) {
				continue
			}
			c.places = append(c.places, b)
			if row := c.before[b.key]; row != nil && row.NextAt.After(until) {
				until = row.NextAt
			}
		}
		if until.After(now) {
			return dir.tooMany(until)
		}
		for _, b := range c.places {
			row := c.before[b.key]
			if row == nil {
				c.after[b.key] = 1
				err := tx.Throttle.Create().SetKey(b.key).SetGuesses(1).SetNextAt(now.Add(-time.Second)).SetExpiresAt(now.Add(b.pace.rememberedFor)).Exec(ctx)
				if ent.IsConstraintError(err) {
					return quicker
				}
				if err != nil {
					return err
				}
				continue
			}
			n := row.Guesses + 1
			if now.After(row.ExpiresAt) {
				n = 1
			}
			c.after[b.key] = n
			update := tx.Throttle.Update().Where(throttle.Key(b.key), throttle.Guesses(row.Guesses)).SetGuesses(n).SetExpiresAt(now.Add(b.pace.rememberedFor))
			if d := b.pace.wait(n); d > 0 { // what costs nothing keeps nobody waiting whose clock is behind
				update.SetNextAt(now.Add(d))
			}
			changed, err := update.Save(ctx)
			if err != nil {
				return err
			}
			if changed == 0 {
				return quicker
			}
		}
		return nil
	})
	if err == quicker { //nolint:errorlint // it is returned as it is
		return nil, true, nil
	}
	if err != nil {
		return nil, false, err
	}
	return c, false, nil
}

// right takes a guess back that was right, and with it all wrong ones before at
// the same name from the same place. What others guessed at the name, and this
// address at other names, stays counted: else an account of one's own would pay
// for guesses at those of others.
func (c *counted) right(ctx context.Context) error {
	ctx = store.AsSystem(context.WithoutCancel(ctx))
	db := c.directory.db.Throttle
	for _, b := range c.places {
		if b.own {
			if _, err := db.Delete().Where(throttle.Key(b.key)).Exec(ctx); err != nil {
				return err
			}
			continue
		}
		back := db.Update().Where(throttle.Key(b.key), throttle.Guesses(c.after[b.key])).SetGuesses(c.after[b.key] - 1)
		if before := c.before[b.key]; before != nil {
			back.SetNextAt(before.NextAt)
		} else {
			back.SetNextAt(c.directory.guesses.now().UTC().Add(-time.Second))
		}
		n, err := back.Save(ctx)
		if err == nil && n == 0 { // others have guessed since; their wait stays
			err = db.Update().Where(throttle.Key(b.key), throttle.GuessesGT(0)).AddGuesses(-1).Exec(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// forgive forgets what was guessed at a name from anywhere.
func (d *Directory) forgive(ctx context.Context, db *ent.Client, what, name string) error {
	key, err := d.guessKey(ctx)
	if err != nil {
		return err
	}
	_, err = db.Throttle.Delete().Where(throttle.Key(keyed(key, what, "name", name))).Exec(ctx)
	return err
}

// remember makes an address one that somebody has signed in from.
func (d *Directory) remember(ctx context.Context, name string, from Caller) error {
	key, err := d.guessKey(ctx)
	if err != nil {
		return err
	}
	now, at := d.guesses.now().UTC(), keyed(key, "address", name, Network(from.Address))
	return d.db.Throttle.Create().SetKey(at).SetNextAt(now).SetExpiresAt(now.Add(knownFor)).OnConflictColumns(throttle.FieldKey).
		Update(func(u *ent.ThrottleUpsert) { u.UpdateExpiresAt() }).Exec(store.AsSystem(ctx))
}

// sweepThrottles forgets what is old, and of what is too much that which would
// be forgotten first.
func (d *Directory) sweepThrottles(ctx context.Context) {
	now := d.guesses.now()
	d.guesses.mu.Lock()
	due := now.Sub(d.guesses.swept) > time.Minute
	if due {
		d.guesses.swept = now
	}
	d.guesses.mu.Unlock()
	if !due {
		return
	}
	if err := d.BoundThrottles(ctx, maxThrottles); err != nil {
		d.log.Error("old guesses could not be forgotten", "error", err)
	}
}

// BoundThrottles forgets the oldest guesses beyond a number.
func (d *Directory) BoundThrottles(ctx context.Context, most int) error {
	if _, err := d.db.Throttle.Delete().Where(throttle.ExpiresAtLT(d.guesses.now().UTC())).Exec(ctx); err != nil {
		return err
	}
	n, err := d.db.Throttle.Query().Count(ctx)
	if err != nil || n <= most {
		return err
	}
	last, err := d.db.Throttle.Query().Order(throttle.ByExpiresAt()).Offset(n - most).First(ctx)
	if err != nil {
		return err
	}
	_, err = d.db.Throttle.Delete().Where(throttle.ExpiresAtLT(last.ExpiresAt)).Exec(ctx)
	return err
}

func (d *Directory) tooMany(until time.Time) error {
	after := max(until.Sub(d.guesses.now()), 0).Round(time.Second) + time.Second
	err := slipway.Errorf(slipway.Limited, "too many wrong guesses; try again in %s", after)
	err.After = after
	return err
}
