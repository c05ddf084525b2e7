// Package openid speaks with OpenID providers: people sign in through them,
// and CI systems vouch for their jobs.
package openid

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/slipway-dev/slipway"
)

// algorithms are those that are believed: all asymmetric. A secret that both
// sides know, or no signature, proves nothing about who wrote a token.
var algorithms = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA}

const (
	// skew is how far a provider's clock may be ahead.
	skew = time.Minute
	// patience bounds one exchange with a provider.
	patience = 15 * time.Second
)

// OpenID speaks OpenID Connect.
type OpenID struct{ providers providers }

var _ slipway.OpenID = (*OpenID)(nil)

// New makes an adapter that asks through a client, which says what may be
// reached.
func New(client *http.Client) *OpenID {
	return &OpenID{providers{client: bounded(client), known: map[string]*known{}}}
}

// Discover asks an issuer for what a provider says of itself.
func (o *OpenID) Discover(ctx context.Context, issuer string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := o.providers.ask(ctx, issuer)
	return err
}

// Begin returns the address that a browser is sent to.
func (o *OpenID) Begin(ctx context.Context, c slipway.OpenIDClient, challenge slipway.SignInChallenge) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p, err := o.providers.of(ctx, c.Issuer)
	if err != nil {
		return "", err
	}
	return p.config(c).AuthCodeURL(challenge.State.Reveal(), oidc.Nonce(challenge.Nonce.Reveal()), oauth2.S256ChallengeOption(challenge.Verifier.Reveal())), nil
}

// Redeem exchanges a code for who signed in.
func (o *OpenID) Redeem(ctx context.Context, c slipway.OpenIDClient, challenge slipway.SignInChallenge, code slipway.Secret) (slipway.Person, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var person slipway.Person
	p, err := o.providers.of(ctx, c.Issuer)
	if err != nil {
		return person, err
	}
	ctx = oidc.ClientContext(ctx, o.providers.client)
	token, err := p.config(c).Exchange(ctx, code.Reveal(), oauth2.VerifierOption(challenge.Verifier.Reveal()))
	if err != nil {
		return person, refused(err)
	}
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return person, doubt(nil, "the provider gave no ID token")
	}
	id, err := p.verified(ctx, raw, c.ID)
	if err != nil {
		return person, err
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(challenge.Nonce.Reveal())) != 1 {
		return person, doubt(nil, "the provider answered another sign-in than this one")
	}
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(token.AccessToken); err != nil {
			return person, doubt(err, "the provider's tokens don't belong together")
		}
	}
	said := claims{}
	if err := id.Claims(&said); err != nil {
		return person, doubt(err, "the provider's ID token can't be read")
	}
	if azp, ok := said["azp"].(string); (ok || len(id.Audience) > 1) && azp != c.ID {
		return person, doubt(nil, "the provider's ID token was made for another program")
	}
	// What the ID token leaves out is asked for; the address and whether it is
	// verified are taken from one and the same place.
	more := claims{}
	if _, complete := said.at(c.GroupsClaim); p.UserInfoEndpoint() != "" && (said.text("email") == "" || !complete) {
		info, err := p.UserInfo(ctx, oauth2.StaticTokenSource(token))
		if err != nil {
			return person, refused(err)
		}
		if info.Subject != id.Subject {
			return person, doubt(nil, "the provider spoke of two different people")
		}
		if err := info.Claims(&more); err != nil {
			return person, doubt(err, "what the provider says of its people can't be read")
		}
	}
	return personOf(id.Subject, said, more, c.GroupsClaim)
}

// Verify reads a CI job's token.
func (o *OpenID) Verify(ctx context.Context, issuer string, audiences []string, token slipway.Secret) (slipway.Job, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var job slipway.Job
	p, err := o.providers.of(ctx, issuer)
	if err != nil {
		return job, err
	}
	id, err := p.verified(oidc.ClientContext(ctx, o.providers.client), token.Reveal(), "")
	if err != nil {
		return job, err
	}
	if !slices.ContainsFunc(id.Audience, func(a string) bool { return slices.Contains(audiences, a) }) {
		return job, doubt(nil, "the token was made for somebody else (its audience is not one that is trusted)")
	}
	var more struct {
		ID string `json:"jti"`
	}
	if err := id.Claims(&more); err != nil {
		return job, doubt(err, "the token can't be read")
	}
	return slipway.Job{Subject: id.Subject, Audience: id.Audience, ID: more.ID, Expires: id.Expiry}, nil
}

// verified checks signature, issuer, audience and times of a token. Without an
// audience the caller checks that itself.
func (p *provider) verified(ctx context.Context, raw, audience string) (*oidc.IDToken, error) {
	id, err := oidc.NewVerifier(p.issuer, p.keys, &oidc.Config{ClientID: audience, SkipClientIDCheck: audience == "", SupportedSigningAlgs: algorithms}).Verify(ctx, raw)
	var expired *oidc.TokenExpiredError
	switch {
	case errors.As(err, &expired):
		return nil, doubt(err, "the token has expired; get another one")
	case err != nil && unreachable(err) && !strings.Contains(err.Error(), errScarce.Error()):
		return nil, slipway.Wrap(slipway.Unavailable, err, "the keys of %s can't be had now; try again in a moment", p.issuer)
	case err != nil:
		return nil, doubt(err, "the token is not one that %s made for this", p.issuer)
	case id.Subject == "" || len(id.Subject) > 255:
		return nil, doubt(nil, "the token names nobody")
	case id.IssuedAt.After(time.Now().Add(skew)):
		return nil, doubt(nil, "the token is of the future; the clock of %s and ours differ", p.issuer)
	}
	var times struct {
		NotBefore float64 `json:"nbf"`
	}
	if err := id.Claims(&times); err != nil {
		return nil, doubt(err, "the token can't be read")
	}
	if times.NotBefore > float64(time.Now().Add(skew).Unix()) {
		return nil, doubt(nil, "the token is not good yet")
	}
	return id, nil
}

func (p *provider) config(c slipway.OpenIDClient) *oauth2.Config {
	endpoint := p.Endpoint()
	endpoint.AuthStyle = p.style
	if c.Secret.Reveal() == "" {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return &oauth2.Config{ClientID: c.ID, ClientSecret: c.Secret.Reveal(), Endpoint: endpoint, RedirectURL: c.Redirect, Scopes: append([]string{oidc.ScopeOpenID}, c.Scopes...)}
}

// doubt is a refusal to believe something.
func doubt(cause error, format string, args ...any) error {
	return slipway.Wrap(slipway.Unauthenticated, cause, format, args...)
}

var errorCode = regexp.MustCompile(`^[a-z_]{1,40}$`)

// refused says why a provider didn't answer. What it wrote is not repeated, but
// for an error code of OAuth.
func refused(err error) error {
	var answer *oauth2.RetrieveError
	if errors.As(err, &answer) && answer.Response != nil && answer.Response.StatusCode < 500 {
		code := answer.ErrorCode
		if !errorCode.MatchString(code) {
			code = fmt.Sprint(answer.Response.StatusCode)
		}
		if code == "invalid_client" {
			return slipway.Wrap(slipway.Invalid, err, "the provider doesn't know Slipway by the client id and secret that are configured; an admin has to mend that")
		}
		return doubt(err, "the provider did not accept the sign-in (%s); begin again", code)
	}
	if slipway.CodeOf(err) == slipway.Refused {
		return slipway.Wrap(slipway.Unavailable, err, "the provider can't be asked: %s", guarded(err))
	}
	return slipway.Wrap(slipway.Unavailable, err, "the provider does not answer; try again in a moment")
}

func unreachable(err error) bool {
	var network *url.Error
	return errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "get keys failed")
}

// claims are what a provider says of somebody.
type claims map[string]any

func (c claims) text(name string) string {
	s, _ := c[name].(string)
	return s
}

// at finds a claim by its name, or by a path of names with dots.
func (c claims) at(path string) (any, bool) {
	if path == "" {
		return nil, true
	}
	if v, ok := c[path]; ok {
		return v, true
	}
	var here any = map[string]any(c)
	for name := range strings.SplitSeq(path, ".") {
		inner, ok := here.(map[string]any)
		if !ok {
			return nil, false
		}
		if here, ok = inner[name]; !ok {
			return nil, false
		}
	}
	return here, true
}

// maxMethods bounds how many ways of seeing who it is are looked at.
const maxMethods = 20

// maxGroups bounds how many groups of somebody are looked at.
const maxGroups = 1000

func personOf(subject string, said, more claims, groupsClaim string) (slipway.Person, error) {
	person := slipway.Person{Subject: subject, Level: said.text("acr")}
	if methods, ok := said["amr"].([]any); ok { // of the ID token alone: it is of this sign-in
		for _, one := range methods[:min(len(methods), maxMethods)] {
			if name, ok := one.(string); ok {
				person.Methods = append(person.Methods, name)
			}
		}
	}
	address := said
	if said.text("email") == "" {
		address = more
	}
	person.Email = address.text("email")
	switch verified := address["email_verified"].(type) {
	case bool:
		person.EmailVerified = verified
	case string: // as some write it
		person.EmailVerified = verified == "true"
	}
	for _, from := range []claims{said, more} {
		if person.Name == "" {
			person.Name = from.text("name")
		}
		if person.Username == "" {
			person.Username = from.text("preferred_username")
		}
	}
	groups, ok := said.at(groupsClaim)
	if !ok {
		groups, _ = more.at(groupsClaim)
	}
	switch list := groups.(type) {
	case string:
		person.Groups = []string{list}
	case []any:
		if len(list) > maxGroups {
			return person, slipway.Errorf(slipway.Invalid, "the provider names more than %d groups; let it send those that Slipway needs", maxGroups)
		}
		for _, one := range list {
			if name, ok := one.(string); ok {
				person.Groups = append(person.Groups, name)
			}
		}
	}
	return person, nil
}
