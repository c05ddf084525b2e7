package verify_test

import (
	"context"
	"io"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/adapters/verify"
	"github.com/slipway-dev/slipway/adapters/verify/verifytest"
)

func TestHTTPKeepsTheContract(t *testing.T) {
	verifytest.Run(t, func(*testing.T) slipway.Verifier { return verify.New() })
}

func TestNotAnEdge(t *testing.T) {
	for _, url := range []string{"", "localhost:80", "file:///etc", "http://"} {
		if _, err := verify.New().Verify(context.Background(), slipway.VerifyRequest{URL: url}, io.Discard); slipway.CodeOf(err) != slipway.Internal {
			t.Errorf("%q: %v", url, err)
		}
	}
}
