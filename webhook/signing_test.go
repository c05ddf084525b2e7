package webhook

import (
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
)

// TestOldSecretsSignForADay reads what RotateWebhook keeps.
func TestOldSecretsSignForADay(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	kept := slipway.NewSecret("whsec_new\nwhsec_old\n" + now.Add(SecretOverlap).Format(time.RFC3339))
	for at, want := range map[time.Duration]string{0: "whsec_new whsec_old", SecretOverlap - time.Second: "whsec_new whsec_old", SecretOverlap: "whsec_new", 48 * time.Hour: "whsec_new"} {
		var got []string
		for _, s := range signing(kept, now.Add(at)) {
			got = append(got, s.Reveal())
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s later %v sign", at, got)
		}
	}
	if got := signing(slipway.NewSecret("whsec_only"), now); len(got) != 1 || got[0].Reveal() != "whsec_only" {
		t.Errorf("%d sign", len(got))
	}
}
