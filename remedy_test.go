package slipway_test

import (
	"testing"

	"github.com/slipway-dev/slipway"
)

// TestCommandsAreAddressed: what a sentence names can be run as it stands.
func TestCommandsAreAddressed(t *testing.T) {
	for said, want := range map[string]string{
		"give it one: slipway config set SERVICE --env ENVIRONMENT URL=..., or slipway secret set":           "give it one: slipway config set billing --env dev URL=..., or slipway secret set",
		"slipway service set SERVICE --set test.skip=true; slipway secret set SERVICE KEY --env ENVIRONMENT": "slipway service set billing --set test.skip=true; slipway secret set billing KEY --env dev",
		"slipway service set SERVICE --set env.SERVICE=x":                                                    "slipway service set billing --set env.SERVICE=x",
		"KeyError: 'SERVICE' of ENVIRONMENT":                                                                 "KeyError: 'SERVICE' of ENVIRONMENT",
		"slipway up --domain SERVICE":                                                                        "slipway up --domain SERVICE",
	} {
		if got := slipway.Addressed(said, "billing", "dev"); got != want {
			t.Errorf("%q became %q, want %q", said, got, want)
		}
	}
	if got := slipway.Addressed("slipway config set SERVICE --env ENVIRONMENT", "billing", ""); got != "slipway config set billing --env ENVIRONMENT" {
		t.Errorf("without an environment it is %q", got)
	}
}
