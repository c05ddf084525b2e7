package webhook

import (
	"context"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// A receiver has few messages at once and a short line; one that hangs, or answers
// nobody, has one and none, until it answers quickly again.
func TestTurnsOfReceivers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all lanes
		ctx := t.Context()
		take := func(team int, to string) (func(bool), bool) { return all.take(ctx, team, to) }
		var out []func(bool)
		for range outAtOnce {
			back, ok := take(1, "hangs")
			if !ok {
				t.Fatal("a receiver has less than its part")
			}
			out = append(out, back)
		}
		missed := make(chan time.Duration, 100)
		for range inLine {
			go func(asked time.Time) {
				if _, ok := take(1, "hangs"); ok {
					t.Error("more than its part is on its way")
				}
				missed <- time.Since(asked)
			}(time.Now())
		}
		synctest.Wait()
		if asked := time.Now(); true {
			if _, ok := take(1, "hangs"); ok || time.Since(asked) > 0 {
				t.Error("the line has no end")
			}
			// Others of its team, and other teams, go on meanwhile.
			for team := range 3 {
				if _, ok := take(1+team, "healthy "+string(rune('a'+team))); !ok || time.Since(asked) > 0 {
					t.Errorf("team %d waits for a receiver of team 1", 1+team)
				}
			}
		}
		for range inLine {
			if waited := <-missed; waited != lineTime {
				t.Errorf("in line for %s", waited)
			}
		}
		if asked := time.Now(); true { // it hangs, as is known now
			if _, ok := take(1, "hangs"); ok || time.Since(asked) > 0 {
				t.Error("a message stands in line at a receiver that hangs")
			}
		}
		for _, back := range out {
			back(false)
		}
		back, ok := take(1, "hangs")
		if _, more := take(1, "hangs"); !ok || more {
			t.Errorf("one that answered nobody gets one at a time: %v, %v", ok, more)
		}
		back(true) // at once
		for range outAtOnce {
			if _, ok := take(1, "hangs"); !ok {
				t.Error("what answers again has its part again")
			}
		}
	})
}

// A team's receivers that hang, however many, leave room to the others; whose turn
// comes while they stand in line go at once.
func TestTurnsOfTeams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all lanes
		for i := range 100 {
			_, ok := all.take(t.Context(), 1, string(rune('a'+i)))
			if ok != (i < ofTeam) {
				t.Fatalf("message %d of a team is let out: %v", i+1, ok)
			}
		}
		if _, ok := all.take(t.Context(), 2, "another's"); !ok {
			t.Error("another team has no room")
		}
		var backs []func(bool)
		for range outAtOnce {
			back, _ := all.take(t.Context(), 3, "busy")
			backs = append(backs, back)
		}
		done := make(chan bool)
		go func() {
			_, ok := all.take(t.Context(), 3, "busy")
			done <- ok
		}()
		synctest.Wait()
		backs[0](true)
		if asked := time.Now(); !<-done || time.Since(asked) > 0 {
			t.Error("what is in line doesn't go when its turn comes")
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, ok := all.take(gone, 3, "busy"); ok {
			t.Error("who has left has a turn")
		}
	})
}

// Nor do a team's messages that stand in line, at however many receivers, keep more than
// their part of what a worker carries.
func TestLineOfATeam(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all lanes
		for i := range ofTeam {
			all.take(t.Context(), 1, strconv.Itoa(i))
		}
		told := make(chan bool, 2*ofTeam)
		for i := range ofTeam {
			go func() { _, ok := all.take(t.Context(), 1, "more "+strconv.Itoa(i)); told <- ok }()
		}
		synctest.Wait()
		asked := time.Now()
		if _, ok := all.take(t.Context(), 1, "one more"); ok || time.Since(asked) > 0 || len(told) > 0 {
			t.Errorf("one more than may be in line is told so after %s: %v; %d others were", time.Since(asked), ok, len(told))
		}
	})
}

// What has been delivered is forgotten, but for receivers that are known to be slow.
func TestTurnsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all lanes
		var backs []func(bool)
		for i := range ofTeam {
			back, _ := all.take(t.Context(), 1, "receiver "+strconv.Itoa(i))
			backs = append(backs, back)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, ok := all.take(gone, 1, "no room"); ok || len(all.receivers) != ofTeam || len(all.line) != 0 {
			t.Errorf("%d receivers are kept, and teams in line: %v", len(all.receivers), all.line)
		}
		for i, done := range backs {
			done(i != 1)
		}
		if len(all.receivers) != 1 || !all.receivers["receiver 1"].slow || len(all.out) != 0 || len(all.line) != 0 {
			t.Errorf("%d receivers are kept, teams %v and %v", len(all.receivers), all.out, all.line)
		}
		back, _ := all.take(t.Context(), 1, "receiver 1")
		if back(true); len(all.receivers) != 0 {
			t.Errorf("%d receivers are kept", len(all.receivers))
		}
	})
}

func TestReceiversAreHostsOfATeam(t *testing.T) {
	if receiver(1, "https://hooks.example.com/a?b") != receiver(1, "https://hooks.example.com/c") || receiver(1, "https://hooks.example.com/a") == receiver(2, "https://hooks.example.com/a") || receiver(1, "https://a.example.com:1/") == receiver(1, "https://a.example.com:2/") {
		t.Error("turns are by host and team")
	}
}
