// Package addresstest gives tests addresses to listen on.
package addresstest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// Below the ports that Linux gives to outgoing connections (ip_local_port_range,
// 32768 from), and away from those that nodes give to instances (20000 to 29999).
const first, last = 10000, 19999

// Free returns an address of the loopback interface that nobody listens on. A
// server that leaves it can come back: no connection of another program is given
// its port meanwhile.
func Free(t testing.TB) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", first+rand.IntN(last-first+1)) // #nosec G404 -- a port to try, no secret
		l, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		_ = l.Close()
		return address
	}
	t.Fatalf("no port between %d and %d is free", first, last)
	return ""
}
