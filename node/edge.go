package node

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/caddyserver/caddy/v2"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp" // the HTTP server, matchers and static answers
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	_ "github.com/caddyserver/caddy/v2/modules/filestorage"

	"github.com/slipway-dev/slipway"
)

// route sends a host's requests to the instances of a deployment, or says why not.
type route struct {
	host       string
	deployment string
	upstreams  []string
	closed     string // what is answered instead, when there is nothing to send them to
}

// edge is Caddy in this process. A reload moves new requests at once and lets
// those under way end where they are.
type edge struct {
	mu      sync.Mutex
	listen  string
	storage string
	loaded  string
	socket  *socket
}

// loading guards Caddy, of which a process has one.
var loading sync.Mutex

// openEdge opens the socket; load makes it answer.
func openEdge(listen, storage string) (*edge, error) {
	if err := os.MkdirAll(storage, 0o700); err != nil {
		return nil, slipway.Wrap(slipway.Unavailable, err, "the edge has no place on disk")
	}
	s, err := openSocket(listen)
	if err != nil {
		return nil, err
	}
	return &edge{listen: listen, storage: storage, socket: s}, nil
}

// load makes the routes the ones in force.
func (e *edge) load(routes []route) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	config, err := e.config(routes)
	if err != nil {
		return err
	}
	if string(config) == e.loaded {
		return nil
	}
	loading.Lock()
	defer loading.Unlock()
	former := e.socket.former()
	if err := caddy.Load(config, true); err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the edge did not take the new routes")
	}
	e.socket.retire(former)
	e.loaded = string(config)
	return nil
}

func (e *edge) close() {
	loading.Lock()
	defer loading.Unlock()
	_ = caddy.Stop()
	e.socket.close(e.listen)
}

type object = map[string]any

// config is Caddy's configuration for the routes, the same text for the same
// routes.
func (e *edge) config(routes []route) ([]byte, error) {
	slices.SortFunc(routes, func(a, b route) int { return strings.Compare(a.host, b.host) })
	var list []object
	for _, r := range routes {
		list = append(list, object{
			"match":  []object{{"host": []string{r.host}}},
			"handle": e.handle(r), "terminal": true,
		})
	}
	list = append(list, object{"handle": []object{{
		"handler": "static_response", "status_code": 404,
		"headers": object{"Content-Type": []string{"text/plain; charset=utf-8"}},
		"body":    "No service answers under this name. See what runs where with: slipway status\n",
	}}})
	return json.Marshal(object{
		"admin":   object{"disabled": true, "config": object{"persist": false}},
		"logging": object{"logs": object{"default": object{"level": "ERROR"}}},
		"storage": object{"module": "file_system", "root": e.storage},
		"apps": object{"http": object{"servers": object{"edge": object{
			"listen": []string{network + "/" + e.listen}, "automatic_https": object{"disable": true}, "protocols": []string{"h1"},
			"read_header_timeout": "10s", "idle_timeout": "2m", "max_header_bytes": 64 << 10,
			"routes": list, "errors": object{"routes": []object{{"handle": []object{{
				"handler": "static_response", "status_code": "{http.error.status_code}", "headers": object{"Retry-After": []string{"2"}, "Content-Type": []string{"text/plain; charset=utf-8"}},
				"body": "The service does not answer just now.\n",
			}}}}},
		}}}},
	})
}

func (e *edge) handle(r route) []object {
	if r.closed != "" {
		return []object{{
			"handler": "static_response", "status_code": 503, "body": r.closed,
			"headers": object{"Content-Type": []string{"text/plain; charset=utf-8"}},
		}}
	}
	var upstreams []object
	for _, u := range r.upstreams {
		upstreams = append(upstreams, object{"dial": u})
	}
	return []object{
		{"handler": "headers", "response": object{"set": object{slipway.ReleaseHeader: []string{r.deployment}}, "deferred": true}},
		{
			"handler": "reverse_proxy", "upstreams": upstreams,
			// An instance that does not take the connection is passed over, and a
			// restart of the only one is waited for.
			"load_balancing": object{"selection_policy": object{"policy": "least_conn"}, "try_duration": "5s", "try_interval": "50ms"},
			"health_checks":  object{"passive": object{"fail_duration": failDuration(r)}},
			"headers":        object{"request": object{"set": object{"X-Forwarded-Host": []string{"{http.request.host}"}}}},
			"flush_interval": -1,
			// An idle connection is given up before a server does that (gunicorn
			// after 2 s), and before a drain takes it for a request.
			"transport": object{"protocol": "http", "dial_timeout": "2s", "keep_alive": object{"idle_timeout": "1s", "max_idle_conns_per_host": 64}},
		},
	}
}

// failDuration passes over an instance that failed only when there is another.
func failDuration(r route) string {
	if len(r.upstreams) > 1 {
		return "1s"
	}
	return "0s"
}

// claim, free and port keep two instances from having the same port.
func (n *Node) claim(port int) { n.mu.Lock(); n.ports[port] = true; n.mu.Unlock() }
func (n *Node) free(port int)  { n.mu.Lock(); delete(n.ports, port); n.mu.Unlock() }

const firstPort, lastPort = 20000, 29999

func (n *Node) port() (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	// Each node begins elsewhere, so that two on one machine seldom meet.
	begin := crc32.ChecksumIEEE([]byte(n.dir))
	for k := range uint32(lastPort - firstPort + 1) {
		port := firstPort + int((begin+k)%(lastPort-firstPort+1))
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
