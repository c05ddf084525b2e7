package entrance_test

import (
	"go/version"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/entrance"
)

var asBuilt bool

// TestMain lets the other tests speak both protocols, whatever they are built with.
func TestMain(m *testing.M) {
	asBuilt = entrance.HTTP2(true)
	os.Exit(m.Run())
}

// TestUnsafeHTTP2IsOff: a client that prefers HTTP/2 gets HTTP/1.1.
func TestUnsafeHTTP2IsOff(t *testing.T) {
	if want := version.Compare(runtime.Version(), "go1.26.9") >= 0; asBuilt != want {
		t.Errorf("built with %s, HTTP/2 is on: %v", runtime.Version(), asBuilt)
	}
	defer entrance.HTTP2(entrance.HTTP2(false))
	ca := newAuthority(t)
	cert, key := ca.issue(t.TempDir(), 1, time.Now().Add(time.Hour), "slipway.example.com")
	s := open(t, entrance.Options{Listen: "127.0.0.1:0", Cert: cert, Key: key}, nil)
	a, err := visitor(s.address, ca.pool, true).Get(s.PublicURL + "/api/v1/version")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	if _, err := io.Copy(io.Discard, a.Body); err != nil {
		t.Fatal(err)
	}
	if a.StatusCode != http.StatusOK || a.ProtoMajor != 1 || a.TLS.NegotiatedProtocol != "http/1.1" {
		t.Errorf("%s, %s by %q", a.Status, a.Proto, a.TLS.NegotiatedProtocol)
	}
	if !strings.Contains(s.log.String(), "HTTP/2 is off") {
		t.Errorf("nothing tells why:\n%s", s.log)
	}
}
