// Package secretstest is the conformance suite of the SecretStore port: every
// adapter runs it.
package secretstest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/slipway-dev/slipway"
)

// Run holds a store to the port's contract. open returns an empty store.
func Run(t *testing.T, open func(t *testing.T) slipway.SecretStore) {
	ctx := context.Background()
	ref := func(s slipway.SecretStore, name string) slipway.SecretRef {
		return slipway.SecretRef(s.Scheme() + "://" + name)
	}
	t.Run("what was set is got", func(t *testing.T) {
		s := open(t)
		for _, value := range []string{"first", "second, with\nlines and ‹marks›", strings.Repeat("x", 60<<10)} {
			if err := s.Set(ctx, ref(s, "payments/DB_URL"), slipway.NewSecret(value)); err != nil {
				t.Fatal(err)
			}
			got, err := s.Get(ctx, ref(s, "payments/DB_URL"))
			if err != nil || got.Reveal() != value {
				t.Fatalf("got %d bytes, %v", len(got.Reveal()), err)
			}
		}
	})
	t.Run("nothing is not found", func(t *testing.T) {
		s := open(t)
		if _, err := s.Get(ctx, ref(s, "payments/NONE")); slipway.CodeOf(err) != slipway.NotFound {
			t.Errorf("%v", err)
		}
	})
	t.Run("delete twice", func(t *testing.T) {
		s := open(t)
		if err := s.Set(ctx, ref(s, "a/B"), slipway.NewSecret("v")); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := s.Delete(ctx, ref(s, "a/B")); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Get(ctx, ref(s, "a/B")); slipway.CodeOf(err) != slipway.NotFound {
			t.Errorf("%v", err)
		}
	})
	t.Run("list is sorted and by prefix", func(t *testing.T) {
		s := open(t)
		for _, name := range []string{"b/Z", "a/Y", "a/prod/X"} {
			if err := s.Set(ctx, ref(s, name), slipway.NewSecret("value")); err != nil {
				t.Fatal(err)
			}
		}
		got, err := s.List(ctx, "a/")
		want := fmt.Sprint([]slipway.SecretRef{ref(s, "a/Y"), ref(s, "a/prod/X")})
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("%v %v", got, err)
		}
	})
	t.Run("bad names", func(t *testing.T) {
		s := open(t)
		for _, name := range []string{"", "..", "../x", "a/../../x", "/etc/passwd", "a b", "a\x00b", "a.age/b", "a//b", "a/", ".hidden", "a/.b", "a\n", "a;b", "$(x)", strings.Repeat("a", 300)} {
			if err := s.Set(ctx, ref(s, name), slipway.NewSecret("v")); slipway.CodeOf(err) != slipway.Invalid {
				t.Errorf("%q: %v", name, err)
			}
		}
		if _, err := s.Get(ctx, "elsewhere://a/B"); slipway.CodeOf(err) != slipway.Invalid {
			t.Errorf("another scheme: %v", err)
		}
	})
	t.Run("bounds", func(t *testing.T) {
		s := open(t)
		for _, value := range []string{"", strings.Repeat("x", 64<<10+1)} {
			if err := s.Set(ctx, ref(s, "a/B"), slipway.NewSecret(value)); slipway.CodeOf(err) != slipway.Invalid {
				t.Errorf("%d bytes: %v", len(value), err)
			}
		}
		if _, err := s.Get(ctx, ref(s, "a/B")); slipway.CodeOf(err) != slipway.NotFound {
			t.Errorf("%v", err)
		}
	})
	t.Run("at once", func(t *testing.T) {
		s := open(t)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for range 10 {
					if err := s.Set(ctx, ref(s, "a/B"), slipway.NewSecret(fmt.Sprintf("value-%d", i))); err != nil {
						t.Error(err)
					}
					if v, err := s.Get(ctx, ref(s, "a/B")); err != nil || !strings.HasPrefix(v.Reveal(), "value-") {
						t.Errorf("%v", err)
					}
				}
			})
		}
		wg.Wait()
	})
	t.Run("errors and prints hold no value", func(t *testing.T) {
		s := open(t)
		value := slipway.NewSecret("very-secret-value")
		err := s.Set(ctx, ref(s, "../x"), value)
		text, _ := json.Marshal(map[string]any{"v": value})
		if out := fmt.Sprintf("%v %+v %#v %s %s", value, value, value, err, text); strings.Contains(out, "very-secret") {
			t.Error(out)
		}
	})
}
