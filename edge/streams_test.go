package edge

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// TestWhatIsLeftIsClosed: what doesn't end by itself is ended with its instance, so that
// both sides know.
func TestWhatIsLeftIsClosed(t *testing.T) {
	const upgrade = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
	heard := make(chan []byte, 10) // by the instance, at the end
	passed := make(chan bool)
	at := serveConns(t, func(c net.Conn, r *bufio.Reader) {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		rest := func(after int) {
			first := make([]byte, after)
			if _, _ = io.ReadFull(r, first); after > 0 {
				passed <- true
			}
			all, _ := io.ReadAll(r)
			heard <- append(first, all...)
		}
		switch req.URL.Path {
		case "/events":
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n")
			rest(0)
		case "/chunks":
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nline\r\n")
			rest(0)
		case "/echoes":
			_, _ = io.WriteString(c, upgrade+"\x81\x02hi")
			frame := make([]byte, 8)
			_, _ = io.ReadFull(r, frame)
			_, _ = c.Write([]byte{0x88, 0x02, 0x03, 0xe9})
			heard <- frame
		case "/mute":
			_, _ = io.WriteString(c, upgrade+"\x81\x02hi")
			rest(8)
		case "/midway":
			_, _ = io.WriteString(c, upgrade+"\x81\x7e\x01\x00hi") // of 256 bytes
			rest(4)
		}
	})
	_, number, _ := net.SplitHostPort(at)
	port, _ := strconv.Atoi(number)
	for path, tc := range map[string]struct {
		request, after string // is sent at first, and when there is an answer
		begins         string // what comes before the end
		ends           string // what comes then, whole
		hears          []byte
		said           string
	}{
		"/events": {"", "", "9\r\ndata: 1\n\n\r\n", "0\r\n\r\n", nil, "one stream"},
		"/chunks": {"", "", "4\r\nline\r\n", "", nil, "one stream"},
		"/echoes": {"Connection: Upgrade\r\nUpgrade: websocket\r\n", "", "\x81\x02hi", "\x88\x02\x03\xe9", goingAwayMasked, "one WebSocket"},
		"/mute":   {"Connection: Upgrade\r\nUpgrade: websocket\r\n", "\x81\x82abcdxy", "\x81\x02hi", "\x88\x02\x03\xe9", append([]byte("\x81\x82abcdxy"), goingAwayMasked...), "one WebSocket"},
		"/midway": {"Connection: Upgrade\r\nUpgrade: websocket\r\n", "\x81\x82ab", "\x81\x7e\x01\x00hi", "", []byte("\x81\x82ab"), "one WebSocket"},
	} {
		t.Run(path[1:], func(t *testing.T) {
			e := edgeAlone(t, at)
			c := dialEdge(t, e)
			fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x.dev.localhost\r\n%s\r\n", path, tc.request)
			for { // the head
				line, err := c.r.ReadString('\n')
				if err != nil {
					t.Fatal(err)
				}
				if line == "\r\n" {
					break
				}
			}
			got := make([]byte, len(tc.begins))
			if _, err := io.ReadFull(c.r, got); err != nil || string(got) != tc.begins {
				t.Fatalf("%q %v", got, err)
			}
			if tc.after != "" {
				_, _ = io.WriteString(c, tc.after)
				<-passed
			}
			if said := e.streams.endAll(port); said != tc.said {
				t.Errorf("said %q, not %q", said, tc.said)
			}
			if tc.ends == "0\r\n\r\n" { // the connection goes on
				got = make([]byte, len(tc.ends))
				if _, err := io.ReadFull(c.r, got); err != nil || string(got) != tc.ends {
					t.Errorf("%q %v", got, err)
				}
			} else if got, _ := io.ReadAll(c.r); string(got) != tc.ends {
				t.Errorf("%q, not %q", got, tc.ends)
			}
			if all := <-heard; !bytes.Equal(all, tc.hears) {
				t.Errorf("the instance got %q, not %q", all, tc.hears)
			}
		})
	}
}

// TestFrames: the ends of frames are found, however they come.
func TestFrames(t *testing.T) {
	text := "\x81\x02hi" + "\x81\x82abcdxy" + "\x82\x7e\x01\x00" + strings.Repeat("x", 256) + "\x82\xff\x00\x00\x00\x00\x00\x01\x00\x00abcd" + strings.Repeat("y", 65536) + "\x8a\x00"
	ends := map[int]bool{0: true, 4: true, 12: true, 272: true, 272 + 14 + 65536: true, len(text): true}
	var f frames
	for k := range text {
		if f.between() != ends[k] || f.closing {
			t.Fatalf("after %d bytes: %v, closing %v", k, f.between(), f.closing)
		}
		f.pass([]byte(text[k : k+1]))
	}
	f.pass([]byte(text + "\x88\x02\x03\xe9"))
	if !f.between() || !f.closing {
		t.Error("the closing frame is not seen")
	}
}
