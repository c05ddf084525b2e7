package identity

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/adapters/secrets"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/event"
	"github.com/slipway-dev/slipway/store"
)

// FuzzWellFormed: a checksum goes with exactly its text, whatever that is.
func FuzzWellFormed(f *testing.F) {
	for _, seed := range []string{newToken(), "", TokenPrefix, TokenPrefix + strings.Repeat("A", 36), "slp_\x00", strings.Repeat("é", 20), newToken() + "\n"} {
		f.Add(seed, 5)
	}
	f.Fuzz(func(t *testing.T, text string, at int) {
		good := WellFormed(text)
		if good && (len(text) != 40 || !strings.HasPrefix(text, TokenPrefix)) {
			t.Fatalf("%q is taken for a token", text)
		}
		sum := checksum(text)
		if len(sum) != 6 || strings.Trim(sum, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			t.Fatalf("the checksum of %q is %q", text, sum)
		}
		if good {
			changed := []byte(text)
			changed[uint(at)%uint(len(changed))] ^= 1
			if WellFormed(string(changed)) {
				t.Fatalf("%q is as good as %q", changed, text)
			}
		}
	})
}

// FuzzIdentify: only what was given out identifies somebody; everything else is
// refused in the same words, and neither breaks nor asks more of the store.
func FuzzIdentify(f *testing.F) {
	db, err := store.Open(f.Context(), "sqlite://"+filepath.Join(f.TempDir(), "slipway.db"))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = db.Close() })
	sealed, err := secrets.Open(filepath.Join(f.TempDir(), "secrets"))
	if err != nil {
		f.Fatal(err)
	}
	p := New(new(Settings), &event.Journal{Audit: &audit.Log{Store: db, Secrets: sealed, Log: slog.New(slog.DiscardHandler)}, Outbox: event.NewOutbox()}, sealed, nil)
	ctx := slipway.WithViewer(context.Background(), slipway.Viewer{Kind: slipway.ViewerPerson, Name: "ada", Admin: true})
	seal := func(c claims, life time.Duration) string {
		text, _, err := p.seal(ctx, c, life)
		if err != nil {
			f.Fatal(err)
		}
		return text
	}
	var job, link claims
	job.Audience, job.Subject, job.Trusts = []string{jobAudience}, "billing", []int{1}
	link.Audience, link.Account = []string{linkAudience}, "ada"
	good, _, err := p.sign(ctx, "ada", "none") // well signed, of a session that never was
	if err != nil {
		f.Fatal(err)
	}
	header, rest, _ := strings.Cut(good, ".")
	for _, seed := range []string{
		good, seal(job, time.Hour), seal(link, time.Hour), seal(link, -time.Hour), newToken(), "", ".", "..", header + "..", "." + rest, good + ".", good + "=", " " + good,
		"eyJhbGciOiJub25lIn0." + rest, "eyJhbGciOiJIUzI1NiJ9." + rest, "eyJhbGciOiJFZERTQSIsImtpZCI6eyJhIjoxfX0." + rest, "slp_", "slp_\xff", strings.Repeat("A", 4097), "bnVsbA.bnVsbA.",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := p.Identify(context.Background(), slipway.NewSecret(text), Caller{Via: "api"})
		if slipway.CodeOf(err) != slipway.Unauthenticated {
			t.Fatalf("%q: %v", text, err)
		}
		if v.Account != 0 || v.Name != "" || v.Admin || v.Service != "" || strings.Contains(err.Error(), text) && len(text) > 20 {
			t.Fatalf("%q is %+v: %v", text, v, err)
		}
		if _, err := p.Refresh(context.Background(), slipway.NewSecret(text), Caller{Via: "api"}); slipway.CodeOf(err) != slipway.Unauthenticated {
			t.Fatalf("%q refreshes: %v", text, err)
		}
		again := strings.TrimRight(text, "=")
		if _, err := p.verify(context.Background(), text, tokenAudience); err == nil && again != text {
			t.Fatalf("%q is verified", text)
		}
	})
}
