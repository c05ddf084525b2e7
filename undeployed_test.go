package slipway

import (
	"slices"
	"testing"
	"time"
)

func TestNotDeployed(t *testing.T) {
	type config = map[string]ConfigValue
	secret := func(print string) ConfigValue {
		return ConfigValue{Secret: SecretRef("file://billing/TOKEN." + print), Fingerprint: print}
	}
	for name, test := range map[string]struct {
		runs, today config
		want        []string
	}{
		"nothing":           {nil, config{}, nil},
		"the same":          {config{"A": {Value: "1"}, "TOKEN": secret("f1")}, config{"A": {Value: "1"}, "TOKEN": secret("f1")}, nil},
		"set":               {nil, config{"B": {Value: "1"}, "A": {Value: ""}}, []string{"A", "B"}},
		"changed":           {config{"A": {Value: "1"}}, config{"A": {Value: "2"}}, []string{"A"}},
		"unset":             {config{"A": {Value: "1"}, "B": {Value: "1"}}, config{"B": {Value: "1"}}, []string{"A"}},
		"unset when empty":  {config{"A": {Value: ""}}, config{}, []string{"A"}},
		"another secret":    {config{"TOKEN": secret("f1")}, config{"TOKEN": secret("f2")}, []string{"TOKEN"}},
		"a secret of late":  {config{"TOKEN": {Value: "f1"}}, config{"TOKEN": secret("f1")}, []string{"TOKEN"}},
		"changed and unset": {config{"Z": {Value: "1"}, "A": {Value: "1"}}, config{"A": {Value: "2"}}, []string{"A", "Z"}},
	} {
		if got := NotDeployed(test.runs, test.today); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
	at := time.Date(2026, 11, 30, 7, 5, 0, 0, time.FixedZone("", 3600))
	for want, u := range map[string]Undeployed{
		"the config was changed by ada at 2026-11-30 06:05 UTC and is not deployed: A":                  {Keys: []string{"A"}, At: at, By: "ada"},
		"the config was changed by ada at 2026-11-30 06:05 UTC and is not deployed: A, B, C and 2 more": {Keys: []string{"A", "B", "C", "D", "E"}, At: at, By: "ada"},
		"the config of today differs from what runs in A, B":                                            {Keys: []string{"A", "B"}},
	} {
		if got := u.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
