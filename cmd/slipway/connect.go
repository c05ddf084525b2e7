package main

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
)

const defaultServer = "http://127.0.0.1:7070"

// server is the platform's address: as given, or that of the platform which
// runs on the data directory, or the usual one.
func (a *app) server() (string, error) {
	if a.Server != "" {
		u, err := url.Parse(a.Server)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return "", slipway.Errorf(slipway.Invalid, "--server %q is not an address; write it as http://127.0.0.1:7070", a.Server)
		}
		return strings.TrimRight(a.Server, "/"), nil
	}
	text, err := os.ReadFile(filepath.Join(a.Data, "up.json"))
	if err != nil {
		return defaultServer, nil
	}
	var up struct {
		Listen string `json:"listen"`
	}
	if json.Unmarshal(text, &up) != nil || up.Listen == "" {
		return defaultServer, nil
	}
	return "http://" + up.Listen, nil
}

// client connects to the API.
func (a *app) client() (*client.ClientWithResponses, error) {
	server, err := a.server()
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = 2 * time.Minute
	if host := hostOf(server); host == "localhost" || net.ParseIP(host).IsLoopback() {
		transport.Proxy = nil // a proxy can't reach this machine's loopback
	}
	return client.NewClientWithResponses(server+"/api/v1/", client.WithHTTPClient(&http.Client{Transport: transport}))
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
		return none, client.ParseProblem(status, r.ContentType(), r.GetBody())
	}
	return r, nil
}

// unreachable says what to do when nothing answers.
func (a *app) unreachable(err error) error {
	if a.ctx.Err() != nil {
		return a.ctx.Err()
	}
	server, _ := a.server()
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return slipway.Wrap(slipway.Unavailable, err, "no platform answers at %s; start it with: slipway up", server)
	}
	var at *url.Error
	if errors.As(err, &at) {
		err = at.Err
	}
	return slipway.Wrap(slipway.Unavailable, err, "the platform at %s did not answer: %s", server, err)
}
