package slipway_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
)

// history plays deployments of an environment, a minute each.
type history struct {
	now   time.Time
	stays []slipway.Stay
}

var begin = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// play reads a history: 3 is a promotion of release 3 that succeeds, 3b one with
// another config, 3! one that fails and is taken back, 3? one that is being
// verified, <2 a rollback to release 2,
// <2! one that fails, ~ has what runs drift, and . lets a minute pass.
func play(text string) *history {
	h := &history{now: begin}
	for _, word := range strings.Fields(text) {
		h.now = h.now.Add(time.Minute)
		if word == "." {
			continue
		}
		live := slices.IndexFunc(h.stays, func(s slipway.Stay) bool { return s.Live })
		if word == "~" {
			h.stays[live].Condition, h.stays[live].Since = slipway.ConditionDrifted, h.now
			continue
		}
		s := slipway.Stay{Promotion: len(h.stays) + 1, Began: h.now, Verified: true, VerifiedAt: h.now, Live: true, By: "ada"}
		word, s.Rollback = strings.CutPrefix(word, "<")
		word, failed := strings.CutSuffix(word, "!")
		word, verifying := strings.CutSuffix(word, "?")
		s.Verified = !verifying
		fmt.Sscanf(word, "%d%s", &s.Release, (*string)(&s.Config))
		if s.Rollback {
			s.Why = "the totals are wrong"
		}
		if failed {
			s.Verified, s.Live, s.Ended = false, false, h.now
		} else if live >= 0 {
			h.stays[live].Live, h.stays[live].Ended = false, h.now
		}
		h.stays = append(h.stays, s)
	}
	return h
}

func (h *history) line() string {
	l := slipway.LineOf(h.stays)
	var words []string
	for _, i := range l.Stand {
		words = append(words, fmt.Sprint(l.Stays[i].Release, l.Stays[i].Config))
	}
	return strings.Join(words, " ")
}

// What is gone back to stands where it stood, and what was left by that is out of
// the line.
func TestLine(t *testing.T) {
	for text, want := range map[string]string{
		"1 2 3":             "1 2 3",
		"1 2! 3":            "1 3",
		"1 2?":              "1 2",
		"1 2 3 <2":          "1 2",
		"1 2 3 <2 <1":       "1",
		"1 2 3 <2 <1 1b":    "1 1b",
		"1 2 2b <2":         "1 2",
		"1 2 3 <1":          "1",
		"1 2 3 <2 <3":       "1 2 3",
		"1 2 <1 3 <2":       "1 2",
		"1 2 3 <2! <1":      "1",
		"1 2 <1 2":          "1 2",
		"1 3 2":             "1 2",
		"1a 2a 3 <1c <2a 3": "1c 2a 3",
	} {
		if got := play(text).line(); got != want {
			t.Errorf("%s: %q stands, want %q", text, got, want)
		}
	}
}

func TestStanding(t *testing.T) {
	for _, c := range []struct {
		history string
		release int
		want    slipway.Standing
		words   string // of Taken, or Fault
	}{
		{"1", 2, slipway.Standing{Instead: 1}, ""},
		{"1 2 .", 2, slipway.Standing{Verified: true, Serves: true, Stood: time.Minute, Instead: 2}, ""},
		{"1 2 .", 1, slipway.Standing{Verified: true, Stood: time.Minute, Instead: 2}, ""},
		{"1 2 . <1 .", 2, slipway.Standing{Verified: true, Instead: 1}, "rolled back in dev by ada: the totals are wrong"},
		{"1 2 . <1 .", 1, slipway.Standing{Verified: true, Serves: true, Stood: 2 * time.Minute, Instead: 1}, ""},
		{"1 2 . <1! .", 2, slipway.Standing{Verified: true, Serves: true, Stood: 3 * time.Minute, Instead: 2}, ""},
		{"1 2 . <1 . 2 .", 2, slipway.Standing{Verified: true, Serves: true, Stood: time.Minute, Instead: 2}, ""},
		{"1 2 . <1 2! .", 2, slipway.Standing{Verified: true, Instead: 1}, "rolled back in dev by ada: the totals are wrong"},
		{"1 2 . <1 2? .", 2, slipway.Standing{Verified: true, Instead: 2}, "rolled back in dev by ada: the totals are wrong"},
		{"1 2? .", 2, slipway.Standing{Instead: 2}, "is not verified there yet"},
		{"1 2 3 <1", 2, slipway.Standing{Verified: true, Instead: 1}, "rolled back in dev by ada: the totals are wrong"},
		{"1 2 . 3 . <2 .", 2, slipway.Standing{Verified: true, Serves: true, Stood: 3 * time.Minute, Instead: 2}, ""},
		{"1 2! .", 2, slipway.Standing{Instead: 1}, "was taken back there when it was last promoted"},
		{"1 2 . 2b! . 3", 2, slipway.Standing{Verified: true, Stood: 4 * time.Minute, Instead: 3}, ""},
		{"1 2 ~ .", 2, slipway.Standing{Verified: true, Instead: 2}, "is drifted there"},
		{"1 2 ~ 3", 2, slipway.Standing{Verified: true, Instead: 3}, "was drifted there when it lost the traffic"},
		{"1 2 ~ 2 .", 2, slipway.Standing{Verified: true, Serves: true, Stood: time.Minute, Instead: 2}, ""},
		{"1 3 2 .", 3, slipway.Standing{Verified: true, Instead: 2}, "rolled back in dev by ada"},
	} {
		h := play(c.history)
		got := slipway.LineOf(h.stays).Standing("dev", c.release, h.now)
		words := got.Fault
		if got.Taken != nil {
			words = got.Taken.String()
		}
		got.Fault, got.Taken, c.want.Environment = "", nil, "dev"
		if got != c.want || words != c.words {
			t.Errorf("%s: release %d stands as %+v (%s), want %+v (%s)", c.history, c.release, got, words, c.want, c.words)
		}
	}
}

// FuzzLine plays any history and holds it against what is told along the way:
// which releases were taken back, and which were verified again since.
func FuzzLine(f *testing.F) {
	for _, s := range []string{"\x00\x00\x00\x03\x03", "\x00\x00\x01\x04\x02\x00", "\x00\x00\x00\x0b\x00\x0c\x13\x05\x06", "00000C&0"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, ops []byte) {
		text, newest, live := "", 0, 0
		var stack []int
		taken := map[int]bool{}
		leave := func(from int) {
			for _, r := range stack[from:] {
				taken[r] = true
			}
			stack = stack[:from]
		}
		for _, op := range ops[:min(len(ops), 40)] {
			some := 1
			if newest > 0 {
				some = int(op/8)%newest + 1
			}
			switch op % 8 {
			case 0, 1: // a new release
				newest++
				stack, live = append(stack, newest), newest
				text += fmt.Sprint(newest, " ")
			case 2: // one that fails
				newest++
				text += fmt.Sprintf("%d! ", newest)
				continue
			case 3, 4: // back to one that stood there
				if live == 0 || some == live || !slices.Contains(stack, some) && !taken[some] {
					continue
				}
				switch at := slices.Index(stack, some); {
				case at >= 0:
					leave(at)
				case some < live:
					leave(len(stack) - 1)
				}
				stack, live = append(stack, some), some
				text += fmt.Sprintf("<%d ", some)
			case 5: // one that was taken back is promoted again
				if live == 0 || some < live || !taken[some] {
					continue
				}
				stack, live = append(stack, some), some
				text += fmt.Sprint(some, " ")
			case 6: // back, and that fails
				text += fmt.Sprintf("<%d! ", some)
				continue
			case 7:
				text += ". "
				continue
			}
			delete(taken, live)
			h := play(text)
			line := slipway.LineOf(h.stays)
			for r := 1; r <= newest; r++ {
				st := line.Standing("dev", r, h.now)
				if (st.Taken != nil) != taken[r] || st.Serves != (r == live) || st.Serves && st.Taken != nil || st.Stood > h.now.Sub(begin) {
					t.Fatalf("%s: release %d stands as %+v, taken back: %v, live is %d", text, r, st, taken[r], live)
				}
			}
		}
	})
}

// The way back leads to the last good deployment: a release and its config.
func TestBack(t *testing.T) {
	named := func(s slipway.Stay, ok bool) string {
		if !ok {
			return "none"
		}
		return fmt.Sprint(s.Release, s.Config)
	}
	for text, want := range map[string]string{
		"1":                 "none",
		"1 2 3":             "2",
		"1a 1b":             "1a",
		"1a 1a":             "none",
		"1 2 3 <2":          "1",
		"1 2 3 <2 <1 1b":    "1",
		"1a 2 3 <2 <1a 1b":  "1a",
		"1 2a 2b <2a":       "1",
		"1 2! 3":            "1",
		"1 2 ~ 3":           "1",
		"1 2 3 <2 4":        "2",
		"1 2 3 <1 2b 3b <2": "1",
	} {
		if got := named(slipway.LineOf(play(text).stays).Back()); got != want {
			t.Errorf("%s: back to %s, want %s", text, got, want)
		}
	}
	line := slipway.LineOf(play("1 2a 2b 3 <2b").stays)
	for release, want := range map[int]string{1: "1", 2: "2a", 3: "3", 4: "none"} {
		if got := named(line.Of(release)); got != want {
			t.Errorf("back to release %d leads to %s, want %s", release, got, want)
		}
	}
	for text, release := range map[string]int{"1a 1a": 1, "1 2a <1 2b": 2} { // it runs
		if got := named(slipway.LineOf(play(text).stays).Of(release)); got != "none" {
			t.Errorf("%s: back to release %d, which runs, leads to %s", text, release, got)
		}
	}
	for minute, want := range []string{"none", "1", "2a", "2b", "3", "2b", "2b"} {
		if got := named(line.At(begin.Add(time.Duration(minute) * time.Minute))); got != want {
			t.Errorf("after %d minutes %s ran, want %s", minute, got, want)
		}
	}
}

// A moment belongs to what takes over at it, and what was seen otherwise for a while has
// stood since it was no longer.
func TestEdgesOfAStay(t *testing.T) {
	minute := func(n int) time.Time { return begin.Add(time.Duration(n) * time.Minute) }
	ended := slipway.LineOf([]slipway.Stay{{Promotion: 1, Release: 1, Began: begin, Ended: minute(2), Verified: true, VerifiedAt: begin}})
	for at, want := range map[int]bool{0: true, 1: true, 2: false} {
		if _, ok := ended.At(minute(at)); ok != want {
			t.Errorf("it had the traffic after %d minutes: %v", at, ok)
		}
	}
	crashed := slipway.LineOf([]slipway.Stay{{Promotion: 1, Release: 1, Began: begin, Live: true, Verified: true, VerifiedAt: begin, Since: minute(2)}})
	if st := crashed.Standing("dev", 1, minute(5)); !st.Serves || st.Stood != 3*time.Minute {
		t.Errorf("it stands as %+v", st)
	}
}

// Waiting for a soak doesn't help where a newer release took over; what an older one
// stands in for may be verified there again.
func TestOutrun(t *testing.T) {
	for instead, want := range map[int]slipway.PromotionState{1: "", 3: slipway.PromotionSuperseded} {
		f := slipway.GateFacts{Automatic: true, Previous: "dev", Before: slipway.Standing{Environment: "dev", Verified: true, Instead: instead}}
		f.Plan.Release, f.Plan.Environment, f.Plan.Policy.Soak = 2, "test", 3600
		if state, why := f.Ends(); state != want {
			t.Errorf("with release %d in dev it is %q: %s", instead, state, why)
		}
	}
}
