package node

import (
	"fmt"
	"math/rand/v2"
	"net"

	"github.com/slipway-dev/slipway"
)

// claim, free and port keep two instances from having the same port.
func (n *Node) claim(port int) { n.mu.Lock(); n.ports[port] = true; n.mu.Unlock() }
func (n *Node) free(port int)  { n.mu.Lock(); delete(n.ports, port); n.mu.Unlock() }

const firstPort, lastPort = 20000, 29999

// port finds a free one. It begins anywhere: nobody can lie in wait at the next, and
// two nodes on one machine seldom meet.
func (n *Node) port() (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	begin := rand.IntN(lastPort - firstPort + 1) // #nosec G404 -- of math/rand/v2, which the system seeds
	for k := range lastPort - firstPort + 1 {
		port := firstPort + (begin+k)%(lastPort-firstPort+1)
		if n.ports[port] {
			continue
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		_ = l.Close()
		n.ports[port] = true
		return port, nil
	}
	return 0, slipway.Errorf(slipway.Unavailable, "no port between %d and %d is free on this machine", firstPort, lastPort)
}
