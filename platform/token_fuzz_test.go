package platform

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/adapters/secrets"
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
	storage, err := OpenStorage(f.Context(), "sqlite://"+filepath.Join(f.TempDir(), "slipway.db"))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = storage.Close() })
	sealed, err := secrets.Open(filepath.Join(f.TempDir(), "secrets"))
	if err != nil {
		f.Fatal(err)
	}
	p := New(Options{Storage: storage, Secrets: sealed})
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

// FuzzPosition: the id of an event is read as it is written, or not at all.
func FuzzPosition(f *testing.F) {
	for _, seed := range []string{"", "0.0", "12.7", "1", "1.", ".1", "-1.2", "+1.2", "01.2", "1.2.3", "1e3.1", "9223372036854775808.1", "x'; --", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, err := parsePosition(text)
		if err != nil {
			if slipway.CodeOf(err) != slipway.Invalid {
				t.Fatal(err)
			}
			return
		}
		if again, err := parsePosition(at.String()); err != nil || again != at || at.event < 0 || at.chunk < 0 {
			t.Fatalf("%q is %+v, and back %+v: %v", text, at, again, err)
		}
	})
}
