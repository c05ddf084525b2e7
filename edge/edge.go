// Package edge is the proxy before services: one table says where the requests for each name
// go, and each request is looked up in it. It keeps bodies until it has all of them and reads
// answers ahead, so that a slow client costs no service a thread; holds requests while one
// release makes room for another; sends none on twice that may have had an effect; and tells
// what it answered by itself, and why. It knows doors and ports, and nothing of processes.
package edge

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp" // the HTTP server, matchers and static answers
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	_ "github.com/caddyserver/caddy/v2/modules/filestorage"

	"github.com/slipway-dev/slipway"
)

// Edge is Caddy in this process. Its configuration never changes while it runs:
// where requests go is looked up in the table for each one, so that a switch
// closes no connection and takes no time.
type Edge struct {
	*table
	listen  string
	storage string
	socket  *edgeSocket
}

// loading guards Caddy, of which a process has one.
var loading sync.Mutex

// Serve takes what comes in at a socket, which it closes with its own end. listen is the
// socket's address, storage a directory for what is kept of requests and answers, and check
// gives a new connection to an instance back, or closes it and says why.
func Serve(l net.Listener, listen, storage string, check func(net.Conn) (net.Conn, error)) (*Edge, error) {
	e := &Edge{table: newTable(), listen: listen, storage: storage, socket: newEdgeSocket(l)}
	if err := os.MkdirAll(storage, 0o700); err != nil {
		_ = l.Close()
		return nil, slipway.Wrap(slipway.Unavailable, err, "the edge has no place on disk")
	}
	e.check, e.dir = check, storage
	edgeSockets.Store(listen, e.socket)
	tables.Store(listen, e.table)
	config, err := e.config()
	if err == nil {
		loading.Lock()
		defer loading.Unlock()
		err = caddy.Load(config, true)
	}
	if err != nil {
		e.forget()
		return nil, slipway.Wrap(slipway.Unavailable, err, "the edge does not start")
	}
	return e, nil
}

// Close ends the edge and whoever is connected to it.
func (e *Edge) Close() {
	loading.Lock()
	defer loading.Unlock()
	_ = caddy.Stop()
	e.forget()
}

const (
	// farewellWithin is how long an idle connection may stay open for one more request,
	// which is answered, when the edge leaves.
	farewellWithin = time.Second
	// leaveWithin is how long it then answers what was asked before.
	leaveWithin = 30 * time.Second
)

// StopAccepting leaves who comes to the next edge on the same socket. Whoever is connected is
// told to connect anew for what he asks next.
func (e *Edge) StopAccepting() { e.socket.leave() }

// Listener is the bare socket.
func (e *Edge) Listener() net.Listener { return e.socket.Listener }

// Leave answers those who are connected, and closes. Another edge may have the socket
// already.
func (e *Edge) Leave() {
	e.socket.left(farewellWithin)
	loading.Lock()
	defer loading.Unlock()
	_ = caddy.Stop() // closes what is idle, and goes on with what isn't
	e.socket.left(leaveWithin)
	e.forget()
}

func (e *Edge) forget() {
	e.mu.Lock()
	for _, u := range e.unserved {
		u.end()
	}
	e.mu.Unlock()
	tables.Delete(e.listen)
	closeSocket(e.listen)
}

type object = map[string]any

// config is Caddy's configuration.
func (e *Edge) config() ([]byte, error) {
	return json.Marshal(object{
		"admin": object{"disabled": true, "config": object{"persist": false}},
		// The reverse proxy writes each request down for a log that it then doesn't write. The
		// director tells what went wrong by itself.
		"logging": object{"logs": object{"default": object{"level": "ERROR", "exclude": []string{"http.handlers.reverse_proxy"}}}},
		"storage": object{"module": "file_system", "root": e.storage},
		"apps": object{"http": object{"servers": object{"edge": object{
			"listen": []string{network + "/" + e.listen}, "automatic_https": object{"disable": true}, "protocols": []string{"h1"}, "listener_wrappers": []object{{"wrapper": "slipway"}},
			"read_header_timeout": "10s", "idle_timeout": "2m", "max_header_bytes": maxHeader,
			"routes": []object{{"handle": []object{
				{"handler": "slipway_farewell", "edge": e.listen},
				// An instance that failed is passed over for a moment, but not the only one.
				{"handler": "slipway", "edge": e.listen, "several": e.proxy("1s"), "alone": e.proxy("0s")},
			}}},
			// Of a request that was sent on the director says by itself what became of it.
			"errors": object{"routes": []object{{"handle": []object{{
				"handler": "static_response", "status_code": http.StatusInternalServerError,
				"headers": object{"Content-Type": []string{"text/plain; charset=utf-8"}},
				"body":    "The edge failed with this request, and not the service: it was not sent on, and can be sent again.\n",
			}}}}},
		}}}},
	})
}

func (e *Edge) proxy(failDuration string) object {
	return object{
		"handler": "reverse_proxy", "dynamic_upstreams": object{"source": "slipway"},
		// Once: the director looks for where to send it next. (Without a matcher that never
		// matches Caddy repeats each GET.)
		"load_balancing": object{"selection_policy": object{"policy": "least_conn"}, "retry_match": []object{{"method": []string{"none"}}}},
		"health_checks":  object{"passive": object{"fail_duration": failDuration}},
		// An idle connection is given up before a server does that (gunicorn after 2 s), and
		// sooner by what can't be sent again (freshFor).
		"transport": object{"protocol": "slipway", "edge": e.listen, "dial_timeout": "2s", "expect_continue_timeout": "1s", "keep_alive": object{"idle_timeout": "1s", "max_idle_conns_per_host": 64}},
	}
}
