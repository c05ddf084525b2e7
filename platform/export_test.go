package platform

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"testing"
	"time"

	entsql "entgo.io/ent/dialect/sql"
)

// Limit bounds the file of an SQLite database to a number of pages, or to what it
// has when that is more.
func (s *Storage) Limit(ctx context.Context, pages int) error {
	_, err := s.db.ExecContext(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", pages))
	return err
}

// Backdate makes a promotion one that was asked for earlier.
func (s *Storage) Backdate(ctx context.Context, promotion int, by time.Duration) error {
	set := entsql.Dialect(s.dialect).Update("promotions").Set("created_at", time.Now().UTC().Add(-by)).Where(entsql.EQ("id", promotion))
	text, args := set.Query()
	_, err := s.db.ExecContext(ctx, text, args...)
	return err
}

// ForgetMakers makes tokens, trusts and accounts such as they were before it was
// kept who made them.
func (s *Storage) ForgetMakers(ctx context.Context) error {
	for _, set := range []string{"tokens SET made_by", "trusts SET made_by", "accounts SET invited_by"} {
		if _, err := s.db.ExecContext(ctx, "UPDATE "+set+" = NULL"); err != nil {
			return err
		}
	}
	return nil
}

// BoundThrottles forgets guesses beyond a number.
func (p *Platform) BoundThrottles(ctx context.Context, most int) error {
	return p.boundThrottles(ctx, most)
}

// StopClock makes waits after wrong guesses last for ever.
func (p *Platform) StopClock() {
	now := time.Now()
	p.guesses.clock = func() time.Time { return now }
}

// CleanLines is what instances' lines pass through.
func CleanLines(w io.Writer) io.Writer { return cleanLines{w} }

// Clock is what waits after wrong guesses, and codes that an app shows, go by.
func (p *Platform) Clock(now func() time.Time) { p.guesses.clock = now }

// ShareIssuer has the issuer at an address be one that signs the jobs of everybody,
// and returns what says how subjects begin there.
func ShareIssuer(t *testing.T, issuer string) func(pattern string) {
	u, err := url.Parse(issuer)
	if err != nil {
		t.Fatal(err)
	}
	host := u.Hostname()
	set := func(pattern string) { shared[host] = sharedIssuer{regexp.MustCompile(pattern), "repo:shop/billing:*"} }
	set("^repo:")
	t.Cleanup(func() { delete(shared, host) })
	return set
}
