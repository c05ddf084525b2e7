package platform_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent/throttle"
	"github.com/slipway-dev/slipway/identity"
)

var wrong = slipway.NewSecret("not the password at all")

// from is a caller at an address.
func from(format string, args ...any) identity.Caller {
	return identity.Caller{Via: "portal", Address: fmt.Sprintf(format, args...), Agent: "Firefox"}
}

// later makes everybody have waited.
func (w *world) later() {
	w.Helper()
	w.must(w.Storage.Client.Throttle.Update().SetNextAt(time.Now().UTC().Add(-time.Hour)).Exec(w.Context())) // far enough for a clock that is set back meanwhile
}

// atOnce guesses from each address at the same moment, and tells how many
// guesses were looked at.
func (w *world) atOnce(name string, addresses ...string) (judged int) {
	w.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, address := range addresses {
		all.Go(func() {
			_, err := w.SignIn(w.T.Context(), name, wrong, from("%s", address))
			mu.Lock()
			defer mu.Unlock()
			switch slipway.CodeOf(err) {
			case slipway.Unauthenticated:
				judged++
			case slipway.Limited:
			default:
				w.Errorf("%v", err)
			}
		})
	}
	all.Wait()
	return judged
}

func addresses(n int, format string) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(format, i)
	}
	return list
}

// TestGuessesThatComeAtOnce sends 120 of them in one moment, which doesn't pass:
// what is looked at is what would be if they came one by one.
func TestGuessesThatComeAtOnce(t *testing.T) {
	both(t, func(w *world) {
		w.StopClock()
		w.person("bob", false)
		w.person("eve", false)
		if n := w.atOnce("bob", slices.Repeat([]string{"192.0.2.1"}, 120)...); n != 5 {
			w.Errorf("%d of 120 guesses from one address were looked at, want 5", n)
		}
		if n := w.atOnce("eve", addresses(120, "198.51.100.%d")...); n != 10 {
			w.Errorf("%d of 120 guesses from as many addresses were looked at, want 10", n)
		}
		if n := w.atOnce("nobody", addresses(120, "203.0.113.%d")...); n != 10 {
			w.Errorf("%d of 120 guesses at a name that nobody has were looked at, want 10", n)
		}
	})
}

// TestNamesCanNotBeTold compares a name that somebody has with one that nobody has.
func TestNamesCanNotBeTold(t *testing.T) {
	both(t, func(w *world) {
		w.StopClock() // so that as many are looked at for the one as for the other
		w.person("bob", false)
		w.signIn("bob") // from an address of his own
		answers := map[string][]string{}
		quickest := map[string]time.Duration{}
		for _, name := range []string{"bob", "nobody", "bob", "nobody"} {
			for i := range 8 {
				begun := time.Now()
				_, err := w.SignIn(w.T.Context(), name, wrong, from("192.0.2.%d", 10+i%2))
				took := time.Since(begun)
				text := err.Error()
				if slipway.CodeOf(err) == slipway.Limited {
					text, _, _ = strings.Cut(text, "in ")
				} else if quickest[name] == 0 || took < quickest[name] {
					quickest[name] = took
				}
				answers[name] = append(answers[name], text)
			}
		}
		if !slices.Equal(answers["bob"], answers["nobody"]) || !strings.Contains(strings.Join(answers["bob"], ""), "too many") {
			w.Errorf("bob:    %q\nnobody: %q", answers["bob"], answers["nobody"])
		}
		if a, b := quickest["bob"], quickest["nobody"]; a > 2*b || b > 2*a {
			w.Errorf("bob takes %s, nobody %s", a, b)
		}
		// The waits are the same ones, too.
		var waits []time.Duration
		for _, name := range []string{"bob", "nobody"} {
			_, err := w.SignIn(w.T.Context(), name, wrong, from("192.0.2.200"))
			for slipway.CodeOf(err) == slipway.Unauthenticated {
				_, err = w.SignIn(w.T.Context(), name, wrong, from("192.0.2.200"))
			}
			w.want(err, slipway.Limited, "try again in")
			waits = append(waits, err.(*slipway.Error).After)
		}
		if waits[0] != waits[1] {
			w.Errorf("bob waits %s, nobody %s", waits[0], waits[1])
		}
	})
}

// TestTheOwnerComesInDuringAnAttack guesses at bob from everywhere.
func TestTheOwnerComesInDuringAnAttack(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.T.Context()
		w.person("bob", false)
		w.person("eve", false)
		home, office := from("192.0.2.1"), from("2001:db8:1:2::7")
		first, err := w.SignIn(ctx, "bob", password, home)
		w.must(err)
		_, err = w.SignIn(ctx, "bob", password, office)
		w.must(err)
		evil, err := w.SignIn(ctx, "eve", password, from("192.0.2.66"))
		w.must(err)

		attack := func() {
			for i := range 40 {
				w.later()
				_, err := w.SignIn(ctx, "bob", wrong, from("198.51.100.%d", i))
				w.want(err, slipway.Unauthenticated, "wrong")
			}
			// Also from the address that bob is at now, and from the one he was at.
			for _, at := range []identity.Caller{from("203.0.113.5"), home} {
				for range 7 {
					_, _ = w.SignIn(ctx, "bob", wrong, at)
				}
			}
		}
		attack()
		stranger := from("203.0.113.77")
		_, err = w.SignIn(ctx, "bob", password, stranger)
		w.want(err, slipway.Limited, "try again in")
		if after := err.(*slipway.Error).After; after > 31*time.Second {
			w.Errorf("the owner waits %s in a browser that is new", after)
		}
		// A browser that he has signed in with passes, wherever it is.
		known := from("203.0.113.5")
		known.Browser = first.Browser
		again, err := w.SignIn(ctx, "bob", password, known)
		w.must(err)
		if again.Browser.Reveal() == first.Browser.Reveal() {
			w.Error("what the browser keeps stays the same")
		}
		// So does an address that he has signed in from, of which nobody guesses.
		near := from("2001:db8:1:2::8")
		_, err = w.SignIn(ctx, "bob", password, near)
		w.must(err)
		// What somebody else keeps, or what is made up, opens nothing.
		text := first.Browser.Reveal()
		for _, made := range []string{evil.Browser.Reveal(), text[:len(text)-1] + "0", strings.Replace(text, ".", ".0", 1), "1.x.99999999999." + text, strings.Repeat("~", 2000)} {
			if made == text {
				made = text[:len(text)-1] + "1"
			}
			stranger.Browser = slipway.NewSecret(made)
			_, err = w.SignIn(ctx, "bob", password, stranger)
			w.want(err, slipway.Limited, "try again in")
		}
		// In a new browser he waits as long as was said.
		w.later()
		_, err = w.SignIn(ctx, "bob", password, from("203.0.113.78"))
		w.must(err)

		// A browser that was stolen may guess five times, and its owner comes in otherwise.
		stolen := from("198.51.100.99")
		stolen.Browser = first.Browser
		limited := 0
		for range 8 {
			if _, err := w.SignIn(ctx, "bob", wrong, stolen); slipway.CodeOf(err) == slipway.Limited {
				limited++
			}
		}
		if limited != 3 {
			w.Errorf("%d of 8 guesses from a known browser had to wait", limited)
		}
		known.Browser = again.Browser
		_, err = w.SignIn(ctx, "bob", password, known)
		w.must(err)
	})
}

// TestAnAccountOfOnesOwnPaysForNoGuesses signs in between guesses at others.
func TestAnAccountOfOnesOwnPaysForNoGuesses(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.T.Context()
		w.person("eve", false)
		for i := range 19 {
			_, err := w.SignIn(ctx, fmt.Sprintf("victim-%d", i), wrong, from("192.0.2.66"))
			w.want(err, slipway.Unauthenticated, "wrong")
		}
		_, err := w.SignIn(ctx, "eve", password, from("192.0.2.66"))
		w.must(err)
		_, err = w.SignIn(ctx, "victim-20", wrong, from("192.0.2.66"))
		w.want(err, slipway.Unauthenticated, "wrong")
		_, err = w.SignIn(ctx, "victim-21", wrong, from("192.0.2.66"))
		w.want(err, slipway.Limited, "try again in")
	})
}

// TestGuessesAreForgotten holds what is kept of names that nobody has.
func TestGuessesAreForgotten(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		for i := range 12 {
			_, err := w.SignIn(w.T.Context(), fmt.Sprintf("nobody-%d", i), wrong, from("192.0.2.%d", i))
			w.want(err, slipway.Unauthenticated, "wrong")
		}
		w.must(w.BoundThrottles(ctx, 10))
		n, err := w.Storage.Client.Throttle.Query().Count(ctx)
		w.must(err)
		if n < 8 || n > 12 {
			w.Errorf("%d are kept of at most about 10", n)
		}
		for _, row := range w.Storage.Client.Throttle.Query().AllX(ctx) {
			if strings.Contains(row.Key, "nobody") || strings.Contains(row.Key, "192.0.2") {
				w.Errorf("a name is kept: %s", row.Key)
			}
		}
		w.must(w.Storage.Client.Throttle.Update().SetExpiresAt(time.Now().UTC().Add(-time.Second)).Exec(ctx))
		w.must(w.BoundThrottles(ctx, 10))
		if n := w.Storage.Client.Throttle.Query().Where(throttle.GuessesGT(0)).CountX(ctx); n != 0 {
			w.Errorf("%d are kept after their time", n)
		}
	})
}
