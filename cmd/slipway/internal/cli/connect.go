package cli

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

// Address is the platform's: as given, or that of the profile in use, or
// of the platform which runs on the data directory, or the usual one.
func (a *App) Address() (string, error) {
	to, err := a.Endpoint()
	return to.Server, err
}

// Endpoint is where requests go, and on whose behalf.
type Endpoint struct {
	Server   string
	Operator bool   // by the socket of the data directory
	Profile  string // whose session or token is sent; "" for none
	Token    string // from the environment
}

// Endpoint finds out where to send requests, the most explicit first.
func (a *App) Endpoint() (to Endpoint, err error) {
	known, err := a.Profiles()
	if err != nil {
		return to, err
	}
	to.Token = a.Env("SLIPWAY_TOKEN")
	switch {
	case a.Server != "":
		u, err := url.Parse(a.Server)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return to, slipway.Errorf(slipway.Invalid, "--server %q is not an address; write it as http://127.0.0.1:7070", a.Server)
		}
		to.Server = strings.TrimRight(a.Server, "/")
		to.Profile = known.of(to.Server)
	case a.Profile != "":
		p, ok := known.Profiles[a.Profile]
		if !ok {
			return to, slipway.Errorf(slipway.Invalid, "there is no profile %s; `slipway profile ls` lists them", a.Profile).At("profile")
		}
		to.Server, to.Profile = p.Server, a.Profile
	case known.Current != "" && !a.DataNamed:
		to.Server, to.Profile = known.Profiles[known.Current].Server, known.Current
	default:
		if to.Server, err = a.running(); err != nil {
			return to, err
		}
		to.Operator = to.Token == "" && a.operates()
	}
	return to, nil
}

// running is the address of the platform that runs on the data directory. A
// directory that was named stands for its own platform: that of another one,
// at the usual address, is not meant.
func (a *App) running() (string, error) {
	r, err := ReadRunning(a.Data)
	switch {
	case err == nil && r.Listen != "":
		return r.Address(), nil
	case a.DataNamed:
		return "", slipway.Wrap(slipway.Unavailable, err, "no platform runs on %s; %s", a.Data, a.startIt())
	}
	return defaultServer, nil
}

// startIt says how to start the platform of the data directory.
func (a *App) startIt() string {
	if a.DataNamed {
		return "start it with: slipway up --data " + a.Data
	}
	return "start it with: slipway up"
}

// Client connects to the API.
func (a *App) Client() (*client.ClientWithResponses, error) {
	to, err := a.Endpoint()
	if err != nil {
		return nil, err
	}
	transport := TransportTo(to.Server)
	transport.ResponseHeaderTimeout = 2 * time.Minute
	base := to.Server
	var by http.RoundTripper = transport
	if to.Operator {
		by, base = AsOperator(a.Data), "http://localhost"
	}
	credential := func(ctx context.Context, req *http.Request) error {
		req.Header.Set("User-Agent", "slipway/"+Version())
		if req.Method == http.MethodPost {
			// A call whose connection breaks is made again by the transport, and carried out once.
			req.Header.Set("Idempotency-Key", rand.Text())
		}
		token := to.Token
		if token == "" && to.Profile != "" {
			var err error
			if token, err = a.bearer(ctx, to.Profile); err != nil {
				return err
			}
		}
		if token != "" && InClear(req.URL) {
			return slipway.Errorf(slipway.Invalid, "%s is not encrypted, and your token would be sent in clear; use https://%s", to.Server, req.URL.Host).At("server")
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		return nil
	}
	return client.NewClientWithResponses(base+"/api/v1/", client.WithHTTPClient(&http.Client{Transport: by, CheckRedirect: Stay}), client.WithRequestEditorFn(credential))
}

// Stay follows no redirect: none is expected, and a token must not go elsewhere.
func Stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// InClear tells whether what is sent there can be read on its way.
func InClear(u *url.URL) bool {
	return u.Scheme != "https" && !OnThisMachine(u.Hostname())
}

// OnThisMachine tells whether a host is this machine's loopback by its name.
func OnThisMachine(host string) bool {
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || net.ParseIP(host).IsLoopback()
}

// TransportTo reaches a server. Names below localhost are this machine whatever
// its resolver knows of them (RFC 6761), and no proxy leads there.
func TransportTo(server string) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	if !OnThisMachine(hostOf(server)) {
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

// Call makes one request of the API and returns the answer when it is a
// success. What isn't becomes a slipway error with the server's sentence.
func Call[R answer](a *App, do func(ctx context.Context, c *client.ClientWithResponses) (R, error)) (R, error) {
	var none R
	c, err := a.Client()
	if err != nil {
		return none, err
	}
	r, err := do(a.Context, c)
	if err != nil {
		return none, a.Unreachable(err)
	}
	if status := r.StatusCode(); status < 200 || status > 299 {
		err := client.ParseProblem(status, r.ContentType(), r.GetBody())
		if slipway.CodeOf(err) != slipway.Unproved || a.proving || !IsTerminal(a.Stdin) {
			return none, err
		}
		fmt.Fprintln(a.Stderr, "Is it still you?")
		again := *a
		again.proving = true
		if err := again.Prove(); err != nil {
			return none, err
		}
		return Call(&again, do)
	}
	return r, nil
}

// Unreachable says what to do when nothing answers.
func (a *App) Unreachable(err error) error {
	if a.Context.Err() != nil {
		return a.Context.Err()
	}
	server, _ := a.Address()
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
