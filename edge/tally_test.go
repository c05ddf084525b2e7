package edge

import (
	"testing"
	"time"
)

// TestATallyIsAsLargeAsWhatItCounted: a release that had requests for a moment takes the room
// of a moment, and one that has them for days that of an hour.
func TestATallyIsAsLargeAsWhatItCounted(t *testing.T) {
	var tally tally
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for range 1000 {
		tally.add(at, 200, time.Millisecond)
	}
	if n := cap(tally.slots); n > 1 {
		t.Errorf("a moment takes the room of %d slices", n)
	}
	if got := tally.since(at.Add(-CountedFor), at); len(got) != 1 || got[0].Answers.Requests != 1000 || !got[0].At.Equal(at) {
		t.Errorf("counted %+v", got)
	}

	// With a pause, and a clock that is set back by a step.
	at = at.Add(10 * tallyStep)
	tally.add(at, 200, time.Millisecond)
	tally.add(at.Add(-tallyStep), 500, time.Millisecond)
	if got := tally.since(at.Add(-CountedFor), at); len(got) != 2 || got[1].Answers.Requests != 2 || got[1].Answers.Failed != 1 {
		t.Errorf("counted %+v", got)
	}
	if got := tally.since(at.Add(-tallyStep), at); len(got) != 1 {
		t.Errorf("of the last two slices %+v", got)
	}

	for range 5 * tallySlots {
		at = at.Add(tallyStep)
		tally.add(at, 200, time.Millisecond)
	}
	got := tally.since(at.Add(-2*CountedFor), at)
	if len(got) != tallySlots || !got[0].At.Equal(at.Add(tallyStep-CountedFor)) || !got[len(got)-1].At.Equal(at) {
		t.Errorf("%d slices, from %s to %s", len(got), got[0].At, got[len(got)-1].At)
	}
	if n := len(tally.slots); n > tallySlots {
		t.Errorf("days take %d slices", n)
	}
	tally.add(at.Add(2*CountedFor), 200, time.Millisecond)
	if n := len(tally.slots); n != 1 {
		t.Errorf("%d slices are kept after two hours without requests", n)
	}
}
