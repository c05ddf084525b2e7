// Package courier carries messages to webhooks, signed by the Standard Webhooks
// convention.
package courier

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway"
)

// longest is the longest wish to be left alone that is passed on.
const longest = 24 * time.Hour

// HTTP posts messages.
type HTTP struct{ o Options }

// Options say how messages travel.
type Options struct {
	// Client makes the calls: it says where they may go, follows no redirect and
	// bounds them.
	Client *http.Client
	// Resolve refuses a host that the client would not call.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	Version string // of Slipway, for User-Agent
}

var _ slipway.Courier = (*HTTP)(nil)

// New makes a courier.
func New(o Options) *HTTP { return &HTTP{o} }

// Check looks at an address without calling it.
func (h *HTTP) Check(ctx context.Context, address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Opaque != "":
		return slipway.Errorf(slipway.Invalid, "this is no address of a receiver; give one such as https://hooks.example.com/slipway")
	case u.User != nil:
		return slipway.Errorf(slipway.Invalid, "a name and password don't belong in the address, where people see them; receivers check the signature")
	case u.Fragment != "" || strings.ContainsAny(address, " \t\r\n\x00"):
		return slipway.Errorf(slipway.Invalid, "the address holds what can't be sent: a blank, or what follows #")
	}
	_, err = h.o.Resolve(ctx, u.Hostname())
	return err
}

// Send posts a letter once.
func (h *HTTP) Send(ctx context.Context, l slipway.Letter) (slipway.Answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.URL, bytes.NewReader(l.Body))
	if err != nil {
		return slipway.Answer{}, slipway.Errorf(slipway.Invalid, "the address can't be read; give the webhook another one")
	}
	sent := time.Now()
	signatures := make([]string, len(l.Secrets))
	for i, secret := range l.Secrets {
		if signatures[i], err = slipway.Sign(secret, l.ID, sent, l.Body); err != nil {
			return slipway.Answer{}, err
		}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Slipway/"+h.o.Version)
	req.Header.Set("Webhook-Id", l.ID)
	req.Header.Set("Webhook-Timestamp", strconv.FormatInt(sent.Unix(), 10))
	req.Header.Set("Webhook-Signature", strings.Join(signatures, " "))
	res, err := h.o.Client.Do(req)
	if err != nil {
		return slipway.Answer{}, h.explain(err, req.URL.Host)
	}
	// What a receiver says is read, so that the connection can be used again, and
	// not kept: it may hold anything.
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 16<<10))
	_ = res.Body.Close()
	return slipway.Answer{Status: res.StatusCode, After: retryAfter(res.Header.Get("Retry-After"), time.Now())}, nil
}

// explain says why there was no answer. Errors of net/http hold the whole
// address, so only what lies below is kept.
func (h *HTTP) explain(err error, host string) error {
	var known *slipway.Error
	if errors.As(err, &known) {
		return known
	}
	var call *url.Error
	timeout := false
	if errors.As(err, &call) {
		timeout, err = call.Timeout(), call.Err
	}
	var network net.Error
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case timeout || errors.As(err, &network) && network.Timeout():
		return slipway.Wrap(slipway.Unavailable, err, "%s did not answer in time", host)
	case errors.Is(err, syscall.ECONNREFUSED):
		return slipway.Wrap(slipway.Unavailable, err, "%s takes no connections", host)
	case errors.As(err, &certificate):
		return slipway.Wrap(slipway.Unavailable, err, "the certificate of %s is not trusted", host)
	case errors.Is(err, http.ErrSchemeMismatch) || errors.As(err, &record):
		return slipway.Wrap(slipway.Unavailable, err, "%s does not speak TLS there", host)
	}
	return slipway.Wrap(slipway.Unavailable, err, "the connection to %s broke before an answer came", host)
}

// retryAfter reads seconds or a date (RFC 9110, 10.2.3); nonsense is no wish.
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(text); err == nil {
		return time.Duration(min(max(seconds, 0), int(longest/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(at.Sub(now), 0), longest)
	}
	return 0
}
