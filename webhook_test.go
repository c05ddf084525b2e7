package slipway_test

import (
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
)

// TestSignature is the example of the Standard Webhooks convention.
func TestSignature(t *testing.T) {
	got, err := slipway.Sign(slipway.NewSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if err != nil || got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Error(got, err)
	}
	for _, bad := range []string{"", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_not base64 at all"} {
		if got, err := slipway.Sign(slipway.NewSecret(bad), "msg_1", time.Unix(1, 0), nil); slipway.CodeOf(err) != slipway.Invalid || bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("%q signs %q, %v", bad, got, err)
		}
	}
}

func TestFilters(t *testing.T) {
	for _, c := range []struct {
		filter []string
		kind   string
		asks   bool
	}{
		{nil, "promotion.state", true}, {nil, "promotion.step", false},
		{[]string{"promotion.*"}, "promotion.state", true}, {[]string{"promotion.*"}, "promotion.step", false}, {[]string{"promotion.*"}, "service.changed", false},
		{[]string{"service.changed", "promotion.step"}, "promotion.step", true}, {[]string{"promotion.stat"}, "promotion.state", false}, {[]string{"promotion.state"}, "promotion.states", false},
	} {
		if got := slipway.AsksFor(c.filter, c.kind); got != c.asks {
			t.Errorf("%v asks for %s: %v", c.filter, c.kind, got)
		}
	}
	for filter, good := range map[string]bool{
		"promotion.*": true, "promotion.state": true, "promotion.step": true, "deployment.down": true,
		"": false, "*": false, "promotion": false, "promotion*": false, "promotion.st*": false, "promotion.*.*": false, "promotoin.state": false, "environment.*": false, "ping": false, ".*": false,
	} {
		if err := slipway.CheckFilter("events", []string{filter}); (err == nil) != good {
			t.Errorf("%q: %v", filter, err)
		}
	}
	if err := slipway.CheckFilter("events", make([]string, 31)); err == nil {
		t.Error("31 kinds are taken")
	}
}

// TestDeliveriesAreTriedForADay adds the pauses up.
func TestDeliveriesAreTriedForADay(t *testing.T) {
	var all time.Duration
	for attempt := 1; attempt < slipway.DeliveryTries; attempt++ {
		all += slipway.DeliveryPause(attempt, 0)
	}
	if all < 20*time.Hour || all > 26*time.Hour {
		t.Errorf("they are tried for %s", all)
	}
	for _, c := range []struct {
		attempt     int
		asked, want time.Duration
	}{
		{1, 0, time.Second}, {2, 0, 3 * time.Second}, {4, 0, 27 * time.Second}, {14, 0, 4 * time.Hour},
		{1, time.Minute, time.Minute}, {4, time.Second, 27 * time.Second}, {1, 300 * time.Hour, 4 * time.Hour}, {1, -time.Hour, time.Second},
	} {
		if got := slipway.DeliveryPause(c.attempt, c.asked); got != c.want {
			t.Errorf("after attempt %d, asked for %s: %s, want %s", c.attempt, c.asked, got, c.want)
		}
	}
}
