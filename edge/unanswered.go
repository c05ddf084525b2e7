package edge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

// cause is why a request has no answer of an instance. "" is none: it has one, or its
// client has gone.
type cause string

const (
	// again: nobody took it, and it may still wait.
	again cause = "again"
	// unreached: nobody took it, for as long as it could wait. It had no effect.
	unreached cause = "unreached"
	// unfinished: an instance took it, and ended or closed the connection. Whether it
	// had an effect nobody knows.
	unfinished cause = "unfinished"
	// late: an instance took it, and did not begin an answer in time.
	late cause = "late"
	// broken: the client broke its body off, or wrote it wrongly.
	broken cause = "broken"
	// slow: the client sent its body too slowly.
	slow cause = "slow"
	// large: the client sent a body that is longer than the service takes.
	large cause = "large"
	// tooMuch: the request's line and headers are longer than the service takes.
	tooMuch cause = "headers"
	// brokenOff: an instance broke its answer off.
	brokenOff cause = "cut"
	// unread: the client took too little of its answer.
	unread cause = "unread"
	// unknown: nobody has the name, or who has it takes no requests.
	unknown cause = "unknown"
	// closed: the service has no release running.
	closed cause = "closed"
)

const (
	// reachWithin is how long a request waits for an instance to take it.
	reachWithin = 5 * time.Second
	// reachAgain is how long it rests between two tries.
	reachAgain = 50 * time.Millisecond
)

// causeOf tells what the reverse proxy's error means; what the transport has hidden from it
// behind a client that went away is in sending.
func causeOf(err error) cause {
	if err == nil || errors.Is(err, context.Canceled) {
		return ""
	}
	if _, dialling := errors.AsType[reverseproxy.DialError](err); dialling {
		return unreached
	}
	if handled, ok := errors.AsType[caddyhttp.HandlerError](err); ok && handled.StatusCode == http.StatusServiceUnavailable { // no instance is left to choose from
		return unreached
	}
	return unfinished
}

// status is the one of the edge's own answer; 0 for none.
func (c cause) status() int {
	return map[cause]int{
		broken: http.StatusBadRequest, slow: http.StatusRequestTimeout, large: http.StatusRequestEntityTooLarge, tooMuch: http.StatusRequestHeaderFieldsTooLarge, unreached: http.StatusServiceUnavailable, unfinished: http.StatusBadGateway, late: http.StatusGatewayTimeout,
	}[c]
}

// words say it in a log.
func (c cause) words() string {
	return map[cause]string{
		broken: "the client broke the request's body off, or wrote it wrongly", slow: "the client sent the request's body too slowly",
		large: "the request's body is longer than the service takes (limits.body_megabytes)", tooMuch: "the request's line and headers are longer than the service takes (limits.header_kilobytes)",
		unreached: "no instance took the request", unfinished: "it took the request and closed the connection before it had answered",
		late: "it took the request and did not begin to answer in time", brokenOff: "the instance closed the connection in the middle of its answer",
		unread: "the client took nothing of its answer for too long", unknown: "the service has no process that takes requests", closed: "no release runs",
	}[c]
}

// detailOf says what became of a request that an instance took and did not answer.
func detailOf(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, errSentBefore):
		return "it closed the connection, and is gone"
	case strings.Contains(err.Error(), "malformed HTTP"):
		return "what it answered is not HTTP"
	case errors.Is(err, syscall.ECONNRESET):
		return "it took the request and reset the connection before it had answered"
	}
	return ""
}

// say answers a request that no instance has answered.
func (c cause) say(w http.ResponseWriter, b *Backend) error {
	switch c {
	case broken:
		return say(w, c.status(), "The request's body ended before its end, or can't be read.\n")
	case slow:
		w.Header().Set("Connection", "close")
		return say(w, c.status(), "The request's body came too slowly.\n")
	case large:
		w.Header().Set("Connection", "close")
		return say(w, c.status(), "The request's body is longer than the service takes.\n")
	case tooMuch:
		w.Header().Set("Connection", "close")
		return say(w, c.status(), "The request's line and headers are longer than the service takes.\n")
	case unreached:
		w.Header().Set("Retry-After", "2")
		return say(w, c.status(), "The service takes no requests just now. This one did not reach it: it can be sent again.\n")
	case late:
		return say(w, c.status(), fmt.Sprintf("The service took the request and did not begin to answer within %s. It may still have an effect.\n", b.limit))
	}
	return say(w, c.status(), "The service took the request and ended, or closed the connection, before it had answered. It may have had an effect.\n")
}

// pause waits a moment; false says that the client has gone.
func pause(ctx context.Context) bool {
	rest := time.NewTimer(reachAgain)
	defer rest.Stop()
	select {
	case <-rest.C:
		return true
	case <-ctx.Done():
		return false
	}
}
