package slipway

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Undeployed is what of a config was changed and doesn't run: what runs keeps the
// config that it was deployed with.
type Undeployed struct {
	Keys []string  `json:"keys"`         // by name
	At   time.Time `json:"at,omitzero"`  // the newest change of them; zero when what runs went back to an older config
	By   string    `json:"by,omitempty"` // who made that change
}

// NotDeployed names the settings of today that what runs doesn't have, or has
// otherwise, and those that it has and that are gone.
func NotDeployed(runs, today map[string]ConfigValue) []string {
	var keys []string
	for key, v := range today {
		if was, ok := runs[key]; !ok || was != v {
			keys = append(keys, key)
		}
	}
	for key := range runs {
		if _, ok := today[key]; !ok {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// String says it in a part of a sentence.
func (u Undeployed) String() string {
	const most = 3
	keys := strings.Join(u.Keys[:min(most, len(u.Keys))], ", ")
	if more := len(u.Keys) - most; more > 0 {
		keys += fmt.Sprintf(" and %d more", more)
	}
	if u.At.IsZero() {
		return "the config of today differs from what runs in " + keys
	}
	return fmt.Sprintf("the config was changed by %s at %s and is not deployed: %s", u.By, u.At.UTC().Format("2006-01-02 15:04 UTC"), keys)
}
