package entrance

// HTTP2 switches HTTP/2 on or off, whatever Go this was built with, and returns
// what it was.
func HTTP2(on bool) (was bool) {
	was, http2 = http2, on
	return was
}
