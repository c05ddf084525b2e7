package entrance

import (
	"go/version"
	"runtime"
)

// safeHTTP2 is the first Go release whose HTTP/2 server no client can end or keep
// busy (GO-2026-6617, GO-2026-6611, GO-2026-6603, GO-2026-6612).
const safeHTTP2 = "go1.26.9"

// http2 tells whether this binary may speak HTTP/2. Built with an older Go it
// speaks HTTP/1.1 alone.
var http2 = version.Compare(runtime.Version(), safeHTTP2) >= 0

// protocols are those that TLS connections are offered, the preferred one first.
func protocols(more ...string) []string {
	list := []string{"http/1.1"}
	if http2 {
		list = []string{"h2", "http/1.1"}
	}
	return append(list, more...)
}
