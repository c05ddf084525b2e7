package openid

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/time/rate"

	"github.com/slipway-dev/slipway"
)

const (
	// discoveryLife is how long what a provider says of itself is kept.
	discoveryLife = time.Hour
	// staleLife is how long it is gone by while the provider can't be asked.
	staleLife = 24 * time.Hour
	// maxKnown bounds how many issuers are kept in mind.
	maxKnown = 256
	// maxAnswer bounds what is read of a provider's answer.
	maxAnswer = 1 << 20
)

// provider is an issuer that has said what it is.
type provider struct {
	*oidc.Provider
	issuer string
	keys   oidc.KeySet
	style  oauth2.AuthStyle // how a client shows its secret there
}

// providers finds providers by their issuer.
type providers struct {
	client *http.Client

	mu    sync.Mutex
	known map[string]*known
}

// known is what is kept of one issuer; its lock lets one ask while others wait.
type known struct {
	mu       sync.Mutex
	provider *provider
	asked    time.Time
}

// of finds a provider, asking it at most once an hour. One that can't be asked
// again is taken as it was, for a day.
func (p *providers) of(ctx context.Context, issuer string) (*provider, error) {
	p.mu.Lock()
	k := p.known[issuer]
	if k == nil {
		if len(p.known) >= maxKnown {
			clear(p.known)
		}
		k = &known{}
		p.known[issuer] = k
	}
	p.mu.Unlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	age := time.Since(k.asked)
	if k.provider != nil && age < discoveryLife {
		return k.provider, nil
	}
	fresh, err := p.ask(ctx, issuer)
	if err != nil {
		if k.provider != nil && age < staleLife && slipway.CodeOf(err) == slipway.Unavailable {
			return k.provider, nil
		}
		return nil, err
	}
	k.provider, k.asked = fresh, time.Now()
	return fresh, nil
}

// ask reads what a provider says of itself and refuses what would lead people,
// secrets or us somewhere else than to it.
func (p *providers) ask(ctx context.Context, issuer string) (*provider, error) {
	if err := slipway.CheckIssuer("issuer", issuer); err != nil {
		return nil, err
	}
	found, err := oidc.NewProvider(oidc.ClientContext(ctx, p.client), issuer)
	var other *oidc.IssuerMismatchError
	switch {
	case errors.As(err, &other):
		return nil, slipway.Wrap(slipway.Invalid, err, "the provider at %s calls itself otherwise; give the issuer exactly as it does, also its last slash", issuer).At("issuer")
	case slipway.CodeOf(err) == slipway.Refused: // by the guard of outgoing calls, which says why
		return nil, slipway.Wrap(slipway.Invalid, err, "%s can't be asked: %s", issuer, guarded(err)).At("issuer")
	case err != nil && unreachable(err):
		return nil, slipway.Wrap(slipway.Unavailable, err, "%s does not answer; try again in a moment, and check the issuer if that doesn't help", issuer)
	case err != nil:
		return nil, slipway.Wrap(slipway.Invalid, err, "there is no OpenID provider at %s: it has no good /.well-known/openid-configuration", issuer).At("issuer")
	}
	var says struct {
		Authorize string   `json:"authorization_endpoint"`
		Token     string   `json:"token_endpoint"`
		Keys      string   `json:"jwks_uri"`
		UserInfo  string   `json:"userinfo_endpoint"`
		Methods   []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err := found.Claims(&says); err != nil {
		return nil, slipway.Wrap(slipway.Invalid, err, "what %s says of itself can't be read", issuer).At("issuer")
	}
	// Issuers of CI tokens have keys alone.
	for name, endpoint := range map[string]string{"authorization_endpoint": says.Authorize, "token_endpoint": says.Token, "userinfo_endpoint": says.UserInfo, "jwks_uri": says.Keys} {
		if endpoint == "" && name != "jwks_uri" {
			continue
		}
		if err := sound(endpoint); err != nil {
			return nil, slipway.Errorf(slipway.Invalid, "the %s of %s is not an https address", name, issuer).At("issuer")
		}
	}
	style := oauth2.AuthStyleInHeader // what the standard assumes
	if len(says.Methods) > 0 && !slices.Contains(says.Methods, "client_secret_basic") {
		style = oauth2.AuthStyleInParams
	}
	keys := *p.client
	keys.Transport = &scarce{next: keys.Transport, limit: rate.NewLimiter(rate.Every(10*time.Second), 5)}
	return &provider{Provider: found, issuer: issuer, style: style,
		keys: oidc.NewRemoteKeySet(oidc.ClientContext(context.WithoutCancel(ctx), &keys), says.Keys)}, nil
}

// guarded is the sentence of whoever refused a call.
func guarded(err error) string {
	var why *slipway.Error
	if errors.As(err, &why) {
		return why.Message
	}
	return "it is not reached from here"
}

// sound wants TLS everywhere but on this machine. Unlike an issuer, an endpoint
// may have a query.
func sound(endpoint string) error {
	u, err := url.Parse(endpoint)
	if err != nil {
		return err
	}
	u.RawQuery = ""
	return slipway.CheckIssuer("endpoint", u.String())
}

// bounded makes a client that reads no endless answers and follows no redirect:
// what a provider is asked stays between it and us.
func bounded(client *http.Client) *http.Client {
	var c http.Client
	if client != nil {
		c = *client
	}
	if c.Transport == nil {
		c.Transport = http.DefaultTransport
	}
	c.Transport = limited{c.Transport}
	c.Timeout = patience
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

// limited bounds bodies.
type limited struct{ next http.RoundTripper }

func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := l.next.RoundTrip(r)
	if err == nil {
		answer.Body = &limitedBody{answer.Body, maxAnswer}
	}
	return answer, err
}

type limitedBody struct {
	io.ReadCloser
	left int
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// scarce bounds how often keys are asked for: a token with a key id that nobody
// has makes us ask, and anybody can make such tokens.
type scarce struct {
	next  http.RoundTripper
	limit *rate.Limiter
}

// errScarce is found again by its text: go-oidc passes on nothing else.
var errScarce = errors.New("the issuer did not have the key a moment ago")

func (s *scarce) RoundTrip(r *http.Request) (*http.Response, error) {
	if !s.limit.Allow() {
		return nil, errScarce
	}
	return s.next.RoundTrip(r)
}
