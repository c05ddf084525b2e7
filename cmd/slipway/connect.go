package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
)

const defaultServer = "http://127.0.0.1:7070"

// server is the platform's address: as given, or that of the profile in use, or
// of the platform which runs on the data directory, or the usual one.
func (a *app) server() (string, error) {
	to, err := a.endpoint()
	return to.server, err
}

// endpoint is where requests go, and on whose behalf.
type endpoint struct {
	server   string
	operator bool   // by the socket of the data directory
	profile  string // whose session or token is sent; "" for none
	token    string // from the environment
}

// endpoint finds out where to send requests, the most explicit first.
func (a *app) endpoint() (to endpoint, err error) {
	known, err := a.profiles()
	if err != nil {
		return to, err
	}
	to.token = a.env("SLIPWAY_TOKEN")
	switch {
	case a.Server != "":
		u, err := url.Parse(a.Server)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return to, slipway.Errorf(slipway.Invalid, "--server %q is not an address; write it as http://127.0.0.1:7070", a.Server)
		}
		to.server = strings.TrimRight(a.Server, "/")
		to.profile = known.of(to.server)
	case a.Profile != "":
		p, ok := known.Profiles[a.Profile]
		if !ok {
			return to, slipway.Errorf(slipway.Invalid, "there is no profile %s; `slipway profile ls` lists them", a.Profile).At("profile")
		}
		to.server, to.profile = p.Server, a.Profile
	case known.Current != "" && !a.chosen:
		to.server, to.profile = known.Profiles[known.Current].Server, known.Current
	default:
		if to.server, err = a.running(); err != nil {
			return to, err
		}
		to.operator = to.token == "" && a.operates()
	}
	return to, nil
}

// running is the address of the platform that runs on the data directory. A
// directory that was named stands for its own platform: that of another one,
// at the usual address, is not meant.
func (a *app) running() (string, error) {
	r, err := readRunning(a.Data)
	switch {
	case err == nil && r.Listen != "":
		return r.address(), nil
	case a.chosen:
		return "", slipway.Wrap(slipway.Unavailable, err, "no platform runs on %s; %s", a.Data, a.startIt())
	}
	return defaultServer, nil
}

// startIt says how to start the platform of the data directory.
func (a *app) startIt() string {
	if a.chosen {
		return "start it with: slipway up --data " + a.Data
	}
	return "start it with: slipway up"
}

// client connects to the API.
func (a *app) client() (*client.ClientWithResponses, error) {
	to, err := a.endpoint()
	if err != nil {
		return nil, err
	}
	transport := transportTo(to.server)
	transport.ResponseHeaderTimeout = 2 * time.Minute
	base := to.server
	var by http.RoundTripper = transport
	if to.operator {
		by, base = asOperator(a.Data), "http://localhost"
	}
	credential := func(ctx context.Context, req *http.Request) error {
		req.Header.Set("User-Agent", "slipway/"+buildVersion())
		if req.Method == http.MethodPost {
			// A call whose connection breaks is made again by the transport, and carried out once.
			req.Header.Set("Idempotency-Key", rand.Text())
		}
		token := to.token
		if token == "" && to.profile != "" {
			var err error
			if token, err = a.bearer(ctx, to.profile); err != nil {
				return err
			}
		}
		if token != "" && inClear(req.URL) {
			return slipway.Errorf(slipway.Invalid, "%s is not encrypted, and your token would be sent in clear; use https://%s", to.server, req.URL.Host).At("server")
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		return nil
	}
	return client.NewClientWithResponses(base+"/api/v1/", client.WithHTTPClient(&http.Client{Transport: by, CheckRedirect: stay}), client.WithRequestEditorFn(credential))
}

// stay follows no redirect: none is expected, and a token must not go elsewhere.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// inClear tells whether what is sent there can be read on its way.
func inClear(u *url.URL) bool {
	return u.Scheme != "https" && !onThisMachine(u.Hostname())
}

// onThisMachine tells whether a host is this machine's loopback by its name.
func onThisMachine(host string) bool {
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || net.ParseIP(host).IsLoopback()
}

// transportTo reaches a server. Names below localhost are this machine whatever
// its resolver knows of them (RFC 6761), and no proxy leads there.
func transportTo(server string) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	if !onThisMachine(hostOf(server)) {
		return t
	}
	t.Proxy = nil
	var d net.Dialer
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if host, port, err := net.SplitHostPort(address); err == nil && strings.HasSuffix(host, ".localhost") {
			address = net.JoinHostPort("localhost", port)
		}
		return d.DialContext(ctx, network, address)
	}
	return t
}

func hostOf(server string) string {
	u, err := url.Parse(server)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// answer is what every generated response offers.
type answer interface {
	StatusCode() int
	ContentType() string
	GetBody() []byte
}

// call makes one request of the API and returns the answer when it is a
// success. What isn't becomes a slipway error with the server's sentence.
func call[R answer](a *app, do func(ctx context.Context, c *client.ClientWithResponses) (R, error)) (R, error) {
	var none R
	c, err := a.client()
	if err != nil {
		return none, err
	}
	r, err := do(a.ctx, c)
	if err != nil {
		return none, a.unreachable(err)
	}
	if status := r.StatusCode(); status < 200 || status > 299 {
		err := client.ParseProblem(status, r.ContentType(), r.GetBody())
		if slipway.CodeOf(err) != slipway.Unproved || a.proving || !terminal(a.stdin) {
			return none, err
		}
		fmt.Fprintln(a.stderr, "Is it still you?")
		again := *a
		again.proving = true
		if err := again.prove(); err != nil {
			return none, err
		}
		return call(&again, do)
	}
	return r, nil
}

// unreachable says what to do when nothing answers.
func (a *app) unreachable(err error) error {
	if a.ctx.Err() != nil {
		return a.ctx.Err()
	}
	server, _ := a.server()
	var known *slipway.Error
	if errors.As(err, &known) {
		return known // of our own: nothing was sent
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return slipway.Wrap(slipway.Unavailable, err, "no platform answers at %s; %s", server, a.startIt())
	}
	var at *url.Error
	if errors.As(err, &at) {
		err = at.Err
	}
	return slipway.Wrap(slipway.Unavailable, err, "the platform at %s did not answer: %s", server, err)
}
