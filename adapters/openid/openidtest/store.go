package openidtest

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// store is what zitadel's provider keeps, in memory: requests, codes, tokens.
type store struct {
	mu       sync.Mutex
	key      *rsa.PrivateKey
	keyID    string
	requests map[string]*request
	codes    map[string]string // of requests
	tokens   map[string]string // subjects
}

var (
	_ op.Storage                   = (*store)(nil)
	_ op.CanSetUserinfoFromRequest = (*store)(nil)
)

func newStore(t testing.TB) *store {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return &store{key: key, keyID: "first", requests: map[string]*request{}, codes: map[string]string{}, tokens: map[string]string{}}
}

var errUnknown = errors.New("unknown")

// request is an authorization request under way.
type request struct {
	*oidc.AuthRequest
	id, subject string
}

func (r *request) GetID() string                      { return r.id }
func (r *request) GetACR() string                     { return "" }
func (r *request) GetAMR() []string                   { return nil }
func (r *request) GetAudience() []string              { return []string{r.ClientID} }
func (r *request) GetAuthTime() time.Time             { return time.Now() }
func (r *request) GetClientID() string                { return r.ClientID }
func (r *request) GetNonce() string                   { return r.Nonce }
func (r *request) GetRedirectURI() string             { return r.RedirectURI }
func (r *request) GetScopes() []string                { return r.Scopes }
func (r *request) GetState() string                   { return r.State }
func (r *request) GetSubject() string                 { return r.subject }
func (r *request) Done() bool                         { return r.subject != "" }
func (r *request) GetResponseType() oidc.ResponseType { return r.ResponseType }
func (r *request) GetResponseMode() oidc.ResponseMode { return r.ResponseMode }
func (r *request) GetCodeChallenge() *oidc.CodeChallenge {
	return &oidc.CodeChallenge{Challenge: r.CodeChallenge, Method: r.CodeChallengeMethod}
}

func (s *store) signIn(id, user string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.requests[id]
	if _, ok := Users[user]; r == nil || !ok {
		return errUnknown
	}
	r.subject = user
	return nil
}

func (s *store) CreateAuthRequest(_ context.Context, in *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	if in.CodeChallenge == "" || in.Nonce == "" || in.State == "" {
		return nil, oidc.ErrInvalidRequest().WithDescription("PKCE, nonce and state are asked for")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &request{AuthRequest: in, id: rand.Text()}
	s.requests[r.id] = r
	return r, nil
}

func (s *store) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.requests[id]; r != nil {
		return r, nil
	}
	return nil, errUnknown
}

func (s *store) AuthRequestByCode(ctx context.Context, code string) (op.AuthRequest, error) {
	s.mu.Lock()
	id := s.codes[code]
	s.mu.Unlock()
	return s.AuthRequestByID(ctx, id)
}

func (s *store) SaveAuthCode(_ context.Context, id, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[code] = id
	return nil
}

func (s *store) DeleteAuthRequest(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.requests, id)
	return nil
}

func (s *store) CreateAccessToken(_ context.Context, r op.TokenRequest) (string, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := rand.Text()
	s.tokens[id] = r.GetSubject()
	return id, time.Now().Add(5 * time.Minute), nil
}

func (s *store) CreateAccessAndRefreshTokens(context.Context, op.TokenRequest, string) (string, string, time.Time, error) {
	return "", "", time.Time{}, errUnknown
}

func (s *store) TokenRequestByRefreshToken(context.Context, string) (op.RefreshTokenRequest, error) {
	return nil, errUnknown
}
func (s *store) TerminateSession(context.Context, string, string) error { return nil }
func (s *store) RevokeToken(context.Context, string, string, string) *oidc.Error {
	return nil
}
func (s *store) GetRefreshTokenInfo(context.Context, string, string) (string, string, error) {
	return "", "", op.ErrInvalidRefreshToken
}

// signingKey is a key as the provider asks for it, private or public.
type signingKey struct {
	id  string
	key any
}

func (k signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k signingKey) Algorithm() jose.SignatureAlgorithm          { return jose.RS256 }
func (k signingKey) Use() string                                 { return "sig" }
func (k signingKey) Key() any                                    { return k.key }
func (k signingKey) ID() string                                  { return k.id }

func (s *store) SigningKey(context.Context) (op.SigningKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return signingKey{s.keyID, s.key}, nil
}

func (s *store) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.RS256}, nil
}

func (s *store) KeySet(context.Context) ([]op.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return []op.Key{signingKey{s.keyID, &s.key.PublicKey}}, nil
}

func (s *store) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	if id != clientID {
		return nil, errUnknown
	}
	return registered{}, nil
}

func (s *store) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	if id != clientID || secret != clientSecret {
		return errUnknown
	}
	return nil
}

func (s *store) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return nil
}

func (s *store) SetUserinfoFromRequest(_ context.Context, info *oidc.UserInfo, r op.IDTokenRequest, scopes []string) error {
	info.Subject = r.GetSubject()
	return nil // the rest is asked for at the userinfo endpoint, as the standard has it
}

func (s *store) SetUserinfoFromToken(_ context.Context, info *oidc.UserInfo, tokenID, subject, _ string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tokens[tokenID] != subject {
		return errUnknown
	}
	u := Users[subject]
	info.Subject, info.Email, info.EmailVerified, info.Name, info.PreferredUsername = subject, u.Email, oidc.Bool(u.Verified), u.Name, subject
	info.AppendClaims("groups", u.Groups)
	return nil
}

func (s *store) SetIntrospectionFromToken(context.Context, *oidc.IntrospectionResponse, string, string, string) error {
	return errUnknown
}
func (s *store) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return nil, nil
}
func (s *store) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errUnknown
}
func (s *store) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, errUnknown
}

// registered is Slipway as the provider knows it.
type registered struct{}

func (registered) GetID() string                        { return clientID }
func (registered) RedirectURIs() []string               { return []string{Callback} }
func (registered) RedirectURIGlobs() []string           { return []string{"http://127.0.0.1:*/login/callback/*"} }
func (registered) PostLogoutRedirectURIGlobs() []string { return nil }
func (registered) PostLogoutRedirectURIs() []string     { return nil }
func (registered) ApplicationType() op.ApplicationType  { return op.ApplicationTypeWeb }
func (registered) AuthMethod() oidc.AuthMethod          { return oidc.AuthMethodBasic }
func (registered) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}
func (registered) GrantTypes() []oidc.GrantType        { return []oidc.GrantType{oidc.GrantTypeCode} }
func (registered) LoginURL(id string) string           { return "/sign-in?id=" + id }
func (registered) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeBearer }
func (registered) IDTokenLifetime() time.Duration      { return 5 * time.Minute }
func (registered) DevMode() bool                       { return true }
func (registered) RestrictAdditionalIdTokenScopes() func([]string) []string {
	return slices.Clone[[]string]
}
func (registered) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return slices.Clone[[]string]
}
func (registered) IsScopeAllowed(scope string) bool     { return scope == "groups" }
func (registered) IDTokenUserinfoClaimsAssertion() bool { return false }
func (registered) ClockSkew() time.Duration             { return 0 }
