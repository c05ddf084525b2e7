package egress

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/slipway-dev/slipway"
)

// Bounds hold one call.
type Bounds struct {
	Timeout   time.Duration // of the whole call; 0 means 30 s
	Redirects int           // how many are followed; 0 follows none and returns the redirect itself
	Body      int64         // bytes of an answer that are read; 0 means 1 MiB
}

// Client makes calls within bounds. Every connection, those of redirects
// included, is checked; only http and https are spoken.
func (g *Guard) Client(b Bounds) *http.Client {
	if b.Timeout == 0 {
		b.Timeout = 30 * time.Second
	}
	if b.Body == 0 {
		b.Body = 1 << 20
	}
	transport := &http.Transport{
		DialContext: g.DialContext, TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: b.Timeout, MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2: true, MaxIdleConns: 50, MaxIdleConnsPerHost: 2, IdleConnTimeout: 30 * time.Second,
	}
	var way http.RoundTripper = transport
	if g.o.Proxy {
		transport.Proxy = http.ProxyFromEnvironment
		transport.DialContext = nil // the proxy is the operator's, wherever it stands
		way = checked{g, transport}
	}
	return &http.Client{
		Timeout: b.Timeout, Transport: bounded{way, b.Body},
		CheckRedirect: func(next *http.Request, before []*http.Request) error {
			switch {
			case b.Redirects == 0:
				return http.ErrUseLastResponse
			case len(before) > b.Redirects:
				return slipway.Errorf(slipway.Refused, "%s redirects more than %d times; give the address at the end", before[0].URL.Host, b.Redirects)
			case before[0].URL.Scheme == "https" && next.URL.Scheme != "https":
				return slipway.Errorf(slipway.Refused, "%s redirects from https to %s", before[0].URL.Host, next.URL.Scheme)
			}
			return nil
		},
	}
}

// checked asks for the name before a proxy is.
type checked struct {
	guard *Guard
	next  *http.Transport
}

func (c checked) RoundTrip(req *http.Request) (*http.Response, error) {
	proxy, err := c.next.Proxy(req)
	if err != nil {
		return nil, err
	}
	if _, err := c.guard.Resolve(req.Context(), req.URL.Hostname()); err != nil {
		return nil, err
	}
	if proxy == nil { // the environment says that this host is called directly
		return c.guard.direct().RoundTrip(req)
	}
	return c.next.RoundTrip(req)
}

func (g *Guard) direct() *http.Transport {
	return &http.Transport{DialContext: g.DialContext, TLSHandshakeTimeout: 10 * time.Second, MaxResponseHeaderBytes: 64 << 10, DisableKeepAlives: true}
}

// ErrTooLong is returned by reads of an answer beyond its bound.
var ErrTooLong = errors.New("the answer is longer than is read")

// bounded cuts answers off.
type bounded struct {
	next http.RoundTripper
	body int64
}

func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "http" && req.URL.Scheme != "https" {
		return nil, slipway.Errorf(slipway.Invalid, "only http and https are called")
	}
	res, err := b.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	res.Body = &limited{res.Body, b.body}
	return res, nil
}

type limited struct {
	io.ReadCloser
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left < 0 {
		return 0, ErrTooLong
	}
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.ReadCloser.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return n + int(l.left), ErrTooLong
	}
	return n, err
}
