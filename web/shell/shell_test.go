package shell

import (
	"errors"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
)

func TestSentence(t *testing.T) {
	for said, want := range map[string]string{
		"there is no service x; `slipway service ls` lists them":                                  "There is no service x.",
		"no release is live in dev, so there is none to take on; run: slipway promote x --to dev": "No release is live in dev, so there is none to take on.",
		"there is no environment yet; add one with: slipway env add NAME":                         "There is no environment yet.",
		"name or password is wrong":                         "Name or password is wrong.",
		"slipway could not reach it; try again":             "Slipway could not reach it; try again.",
		"billing has a promotion to prod under way already": "Billing has a promotion to prod under way already.",
	} {
		if got := Sentence(slipway.Errorf(slipway.Conflict, "%s", said)); got != want {
			t.Errorf("%q is said as %q, want %q", said, got, want)
		}
	}
	if got := Sentence(errors.New("pq: password authentication failed")); strings.Contains(got, "pq") {
		t.Errorf("a defect is said as %q", got)
	}
}

func TestLocal(t *testing.T) {
	for next, want := range map[string]string{"/a?b=c": "/a?b=c", "//x": "/", `/\x`: "/", "http://x": "/", "x": "/", "": "/", "/\nx": "/", "/%2f/x": "/"} {
		if got := Local(next); got != want {
			t.Errorf("%q leads to %q, want %q", next, got, want)
		}
	}
}
