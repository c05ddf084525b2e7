package cli

import (
	"runtime/debug"
	"testing"
)

func TestCommitOfABuild(t *testing.T) {
	const full = "7e7e4651a2b3c4d5e6f708192a3b4c5d6e7f8091"
	for want, stamps := range map[string][]debug.BuildSetting{
		"":                   {{Key: "vcs.modified", Value: "true"}},
		"7e7e4651a2b3":       {{Key: "vcs.revision", Value: full}, {Key: "vcs.modified", Value: "false"}},
		"7e7e4651a2b3-dirty": {{Key: "vcs.revision", Value: full}, {Key: "vcs.modified", Value: "true"}},
	} {
		if got := commitOf(stamps); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
