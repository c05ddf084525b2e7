// Package layertest says loudly what a machine lacks of the layers that confine code
// of projects: a test that passes without having looked is worse than none.
package layertest

import (
	"os"
	"runtime"
	"testing"
)

// Needs skips a test whose layer isn't there, and says which. Where the layer has to be
// there, for root on Linux in CI, it fails: what changed is the machine, or the code by
// which the layer is found. CI without it says so with SLIPWAY_WITHOUT_LAYERS=1.
func Needs(t testing.TB, there bool, layer string) {
	t.Helper()
	if there {
		return
	}
	if os.Getenv("CI") == "true" && runtime.GOOS == "linux" && os.Geteuid() == 0 && os.Getenv("SLIPWAY_WITHOUT_LAYERS") == "" {
		t.Fatalf("this machine has no %s, which root on Linux has; if that is right here, say so with SLIPWAY_WITHOUT_LAYERS=1", layer)
	}
	t.Skipf("not tried: this machine has no %s (slipway doctor says what it has)", layer)
}

// Root tells whether a test may become other users, and says aloud what isn't tried
// where it may not; in CI, which runs as root, that is a failure.
func Root(t testing.TB) bool {
	t.Helper()
	if os.Geteuid() == 0 {
		return true
	}
	if os.Getenv("CI") == "true" && os.Getenv("SLIPWAY_WITHOUT_LAYERS") == "" {
		t.Fatal("this is not run as root, so what another user of the machine may isn't tried; if that is right here, say so with SLIPWAY_WITHOUT_LAYERS=1")
	}
	t.Log("not tried, as this is not run as root: what another user of the machine may")
	return false
}
