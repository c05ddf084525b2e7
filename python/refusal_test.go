package python

import (
	"strings"
	"testing"
)

func TestRefusals(t *testing.T) {
	t.Parallel()
	lock := Problem{Message: "the lock is stale", Remedy: "lock again, or slipway service set SERVICE --set stale_lock=warn (or \"stale_lock: warn\" in slipway.yaml)"}
	two := Problem{Message: "two files differ.", Remedy: "delete one, or slipway service set SERVICE --set manager=pipenv"}
	code := Problem{Message: "the code is broken", Remedy: "mend it"}
	for _, c := range []struct {
		problems []Problem
		want     string
	}{
		{want: ""},
		{problems: []Problem{lock}, want: lock.Sentence()},
		{problems: []Problem{code, lock}, want: code.Sentence()},
		{problems: []Problem{lock, code}, want: lock.Sentence()},
		{problems: []Problem{lock, lock}, want: lock.Sentence()},
		{problems: []Problem{lock, code, two}, want: "slipway service set SERVICE --set stale_lock=warn --set manager=pipenv (or \"stale_lock: warn\" in slipway.yaml); --set manager=pipenv is for this: two files differ"},
	} {
		if got := (&Project{Problems: c.problems}).Refusal(); !strings.HasSuffix(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
