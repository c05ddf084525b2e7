package platform

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/store"
)

// Limit bounds the file of an SQLite database to a number of pages, or to what it
// has when that is more.
func (s *Storage) Limit(ctx context.Context, pages int) error {
	_, err := s.SQL.ExecContext(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", pages))
	return err
}

// ObservedAgain is when the gates are looked at again that couldn't tell what runs.
func ObservedAgain(now time.Time, waits []slipway.Wait) time.Time { return observedAgain(now, waits) }

// heard is a driver that keeps the last query.
type heard struct {
	dialect.Driver
	query string
	args  any
}

func (h *heard) Query(ctx context.Context, query string, args, v any) error {
	h.query, h.args = query, args
	return h.Driver.Query(ctx, query, args, v)
}

// PlanOfChanges is how the database looks for the changes of config since a time,
// among many events of another kind.
func (s *Storage) PlanOfChanges(ctx context.Context, services []string, since time.Time) (string, error) {
	fill, explain := []string{`INSERT INTO events (at, kind, actor, service, environment)
		WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
		SELECT '2026-01-01 00:00:00', CASE WHEN i % 50 = 0 THEN 'config.changed' ELSE 'promotion.step' END, 'worker', 'billing', 'dev' FROM n`, `ANALYZE`}, "EXPLAIN QUERY PLAN "
	if s.Dialect == dialect.Postgres {
		fill = []string{`INSERT INTO events (at, kind, actor, service, environment)
			SELECT timestamptz '2026-01-01' + i * interval '1 second', CASE WHEN i % 50 = 0 THEN 'config.changed' ELSE 'promotion.step' END, 'worker', 'billing', 'dev' FROM generate_series(1, 20000) i`, `ANALYZE events`}
		explain = "EXPLAIN "
	}
	for _, text := range fill {
		if _, err := s.SQL.ExecContext(ctx, text); err != nil {
			return "", err
		}
	}
	h := &heard{Driver: entsql.OpenDB(s.Dialect, s.SQL)}
	if _, err := report.ChangesSince(store.AsSystem(ctx), ent.NewClient(ent.Driver(h)), services, since); err != nil {
		return "", err
	}
	rows, err := s.SQL.QueryContext(ctx, explain+h.query, h.args.([]any)...)
	if err != nil {
		return "", err
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return "", err
	}
	var plan strings.Builder
	for rows.Next() {
		line := make([]any, len(columns))
		for i := range line {
			line[i] = new(any)
		}
		if err := rows.Scan(line...); err != nil {
			return "", err
		}
		fmt.Fprintln(&plan, *line[len(line)-1].(*any)) // what comes before is its place in the tree
	}
	return plan.String(), rows.Err()
}

// Backdate makes a promotion one that was asked for earlier.
func (s *Storage) Backdate(ctx context.Context, promotion int, by time.Duration) error {
	set := entsql.Dialect(s.Dialect).Update("promotions").Set("created_at", time.Now().UTC().Add(-by)).Where(entsql.EQ("id", promotion))
	text, args := set.Query()
	_, err := s.SQL.ExecContext(ctx, text, args...)
	return err
}

// ForgetMakers makes tokens, trusts and accounts such as they were before it was
// kept who made them.
func (s *Storage) ForgetMakers(ctx context.Context) error {
	for _, set := range []string{"tokens SET made_by", "trusts SET made_by", "accounts SET invited_by"} {
		if _, err := s.SQL.ExecContext(ctx, "UPDATE "+set+" = NULL"); err != nil {
			return err
		}
	}
	return nil
}

// StopClock makes waits after wrong guesses last for ever.
func (p *Platform) StopClock() {
	now := time.Now()
	p.SetClock(func() time.Time { return now })
}

// ShareIssuer has the issuer at an address be one that signs the jobs of everybody,
// and returns what says how subjects begin there.
func ShareIssuer(t *testing.T, issuer string) func(pattern string) {
	u, err := url.Parse(issuer)
	if err != nil {
		t.Fatal(err)
	}
	host := u.Hostname()
	set := func(pattern string) {
		identity.SharedIssuers[host] = identity.SharedIssuer{Owned: regexp.MustCompile(pattern), Example: "repo:shop/billing:*"}
	}
	set("^repo:")
	t.Cleanup(func() { delete(identity.SharedIssuers, host) })
	return set
}
