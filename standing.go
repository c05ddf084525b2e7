package slipway

import (
	"fmt"
	"slices"
	"time"
)

// Stay is a deployment's time with the traffic of a service in an environment.
type Stay struct {
	Promotion  int
	Release    int
	Config     Digest
	Rollback   bool      // it was gone back to
	Began      time.Time // when it got the traffic
	Ended      time.Time // when it lost it; zero while it has it
	Live       bool
	Verified   bool
	VerifiedAt time.Time
	Condition  Condition // what is seen of it, or was seen last
	Since      time.Time // since when; zero for all its time
	By, Why    string    // who asked for it, and why
}

// Line is what became of the deployments of a service in an environment. Going
// back takes what it leaves out of the line, and puts what it brings back where
// that stood before: what comes before the last one is then what it replaced.
type Line struct {
	Stays []Stay      // all of them, in the order of their promotions
	Stand []int       // indexes of those that stand in line; the last has, or had last, the traffic
	Taken map[int]int // which one took another one back, by index
}

// LineOf works a line out. The stays may begin in the middle of a history: what
// is gone back to and isn't among them came before all of them.
func LineOf(stays []Stay) Line {
	l := Line{Stays: stays, Taken: map[int]int{}}
	for i, s := range stays {
		if !s.Verified && !s.Live { // it was taken back by itself, and what ran before runs on
			continue
		}
		top := len(l.Stand) - 1
		older := top >= 0 && s.Release < stays[l.Stand[top]].Release
		switch {
		case s.Rollback:
			l.leave(i, l.broughtBack(s))
		case older: // put over a newer one by somebody who wanted that very release
			l.leave(i, top)
		}
		l.Stand = append(l.Stand, i)
	}
	return l
}

// broughtBack finds where in the line stands what a rollback brings back: from
// there on the line is left. It is its end for one that goes on to a release that
// was taken back before and is newer.
func (l Line) broughtBack(s Stay) int {
	same := -1
	for at := len(l.Stand) - 1; at >= 0; at-- {
		other := l.Stays[l.Stand[at]]
		if other.Release == s.Release && other.Config == s.Config {
			return at
		}
		if other.Release == s.Release && same < 0 {
			same = at // with another config, of today
		}
	}
	if same >= 0 {
		return same
	}
	top := len(l.Stand) - 1
	for i := range l.Stays {
		if l.Stays[i].Promotion < s.Promotion && l.Stays[i].Release == s.Release { // it was taken back itself
			if top >= 0 && s.Release < l.Stays[l.Stand[top]].Release {
				return top
			}
			return top + 1
		}
	}
	return 0
}

// leave takes the line from a place on out, by another deployment. What that one
// brings back is not taken back by it.
func (l *Line) leave(by, from int) {
	for _, i := range l.Stand[from:] {
		if l.Stays[i].Release != l.Stays[by].Release {
			l.Taken[i] = by
		}
	}
	l.Stand = l.Stand[:from]
}

// current is the deployment that has the traffic, or had it last.
func (l Line) current() (Stay, bool) {
	if len(l.Stand) == 0 {
		return Stay{}, false
	}
	return l.Stays[l.Stand[len(l.Stand)-1]], true
}

// Same tells whether two deployments run the same release with the same config,
// which holds the versions of its secrets, too.
func (s Stay) Same(other Stay) bool { return s.Release == other.Release && s.Config == other.Config }

// Back finds where going back leads: to the last good deployment in line before
// the one that has the traffic, of another release or with another config.
func (l Line) Back() (Stay, bool) {
	now, _ := l.current()
	for at := len(l.Stand) - 1; at >= 0; at-- {
		s := l.Stays[l.Stand[at]]
		if s.Verified && !s.Live && s.Condition == ConditionGood && (!now.Live || !s.Same(now)) {
			return s, true
		}
	}
	return Stay{}, false
}

// Of finds the deployment of a release that going back to it by its number leads
// to: the last verified one in line other than what runs, or else the last that was
// taken back.
func (l Line) Of(release int) (Stay, bool) {
	now, _ := l.current()
	for at := len(l.Stand) - 1; at >= 0; at-- {
		if s := l.Stays[l.Stand[at]]; s.Release == release && s.Verified && !s.Live && !s.Same(now) {
			return s, true
		}
	}
	for i := len(l.Stays) - 1; i >= 0; i-- {
		if s := l.Stays[i]; s.Release == release && s.Verified && release != now.Release {
			return s, true
		}
	}
	return Stay{}, false
}

// Targets are the deployments that going back can lead to, the last one first: what was
// verified, once for each release with its config, but for what runs.
func (l Line) Targets() []Stay {
	now, _ := l.current()
	var out []Stay
	for _, s := range slices.Backward(l.Stays) {
		if s.Verified && !s.Live && (!now.Live || !s.Same(now)) && !slices.ContainsFunc(out, s.Same) {
			out = append(out, s)
		}
	}
	return out
}

// Ahead finds the newest release that was gone back from, where that is newer than what
// runs: going on to it is a promotion.
func (l Line) Ahead() (Stay, bool) {
	now, _ := l.current()
	var newest Stay
	for _, s := range l.Targets() {
		if now.Live && s.Release > max(now.Release, newest.Release) {
			newest = s
		}
	}
	return newest, newest.Release > 0
}

// At finds the deployment that had the traffic, verified, at a time.
func (l Line) At(t time.Time) (Stay, bool) {
	for i := len(l.Stays) - 1; i >= 0; i-- {
		if s := l.Stays[i]; s.Verified && !t.Before(s.Began) && (s.Live || t.Before(s.Ended)) {
			return s, true
		}
	}
	return Stay{}, false
}

// Standing is what an environment says of a release: the facts of now.
type Standing struct {
	Environment string
	Verified    bool          // it was verified there, when it was last promoted there
	Serves      bool          // and has the traffic, as it should
	Stood       time.Duration // for so long it has had it, verified, since it was last taken back
	Taken       *Taken        // it was gone back from
	Fault       string        // why it doesn't count although it was verified there; a part of a sentence
	Instead     int           // the release that has the traffic there; 0 for none
}

// Taken is a release that was gone back from.
type Taken struct {
	Environment string    `json:"environment"`
	By          string    `json:"by"`
	Why         string    `json:"why,omitempty"`
	At          time.Time `json:"at"`
}

// String says it in a part of a sentence.
func (t Taken) String() string {
	words := "rolled back in " + t.Environment + " by " + t.By
	if t.Why != "" {
		words += ": " + t.Why
	}
	return words
}

// Standing works out how a release stands in an environment.
func (l Line) Standing(environment string, release int, now time.Time) Standing {
	st, at, proven := Standing{Environment: environment}, -1, -1
	for i, s := range l.Stays {
		if s.Live {
			st.Instead = s.Release
		}
		if s.Release == release && (at < 0 || s.outlived(l.Stays[at])) {
			at = i
		}
		if s.Release == release && s.Verified && (proven < 0 || s.outlived(l.Stays[proven])) {
			proven = i
		}
	}
	if at < 0 {
		return st
	}
	if by, taken := l.Taken[proven]; taken { // until it is verified there again
		b := l.Stays[by]
		st.Verified, st.Taken = true, &Taken{Environment: environment, By: b.By, Why: b.Why, At: b.Began}
		return st
	}
	last := l.Stays[at]
	st.Verified = last.Verified
	switch {
	case !last.Verified && last.Live:
		st.Fault = "is not verified there yet"
		return st
	case !last.Verified:
		st.Fault = "was taken back there when it was last promoted"
		return st
	case last.Condition != ConditionGood && last.Live:
		st.Fault = fmt.Sprintf("is %s there", last.Condition.words())
		return st
	case last.Condition != ConditionGood:
		st.Fault = fmt.Sprintf("was %s there when it lost the traffic", last.Condition.words())
		return st
	}
	st.Serves = last.Live
	for i := at; i >= 0; i-- {
		s := l.Stays[i]
		if s.Release != release {
			continue
		}
		if _, taken := l.Taken[i]; taken || !s.Verified || s.Condition != ConditionGood {
			break
		}
		st.Stood += s.served(now)
	}
	return st
}

// outlived tells whether a deployment had the traffic later than another one: an
// older one has it again when a newer one is taken back.
func (s Stay) outlived(other Stay) bool {
	return s.Live || !other.Live && !s.Ended.Before(other.Ended)
}

// served is how long a deployment has had the traffic, verified and as it should.
func (s Stay) served(now time.Time) time.Duration {
	from, to := s.VerifiedAt, s.Ended
	if s.Since.After(from) { // it was seen otherwise until then
		from = s.Since
	}
	if s.Live {
		to = now
	}
	if s.VerifiedAt.IsZero() || to.Before(from) {
		return 0
	}
	return to.Sub(from)
}

// words says a condition in a part of a sentence.
func (c Condition) words() string {
	switch c {
	case ConditionCrashes:
		return "crashing again and again"
	case ConditionDown:
		return "down"
	}
	return string(c)
}
