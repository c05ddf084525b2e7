package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/operations"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/socket"
)

// permissionOf is what an operation of the contract needs; "" for what is
// outside the contract, or names nothing.
func (s *Server) permissionOf(c echo.Context) slipway.Permission {
	item := s.spec.Paths.Value(specPath(c.Path()))
	if item == nil || !strings.HasPrefix(c.Path(), operations.BasePath+"/") {
		return ""
	}
	op := item.GetOperation(c.Request().Method)
	if op == nil {
		return ""
	}
	name, _ := op.Extensions["x-permission"].(string)
	return slipway.Permission(name)
}

// authenticated finds out who asks before anything else is looked at. An
// operation that names no permission lets nobody in. What the viewer may do is
// decided by the platform, which knows what is asked for.
func (s *Server) authenticated(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		permission := s.permissionOf(c)
		// A method that the contract doesn't have gets no further than the router's refusal.
		if item := s.spec.Paths.Value(specPath(c.Path())); permission == "" && strings.HasPrefix(c.Path(), operations.BasePath+"/") && item != nil && item.GetOperation(r.Method) != nil {
			permission = slipway.PermitPlatform
		}
		ctx := audit.WithRequest(r.Context(), c.Response().Header().Get(echo.HeaderXRequestID))
		ctx = operations.WithCaller(ctx, callerOf(r))
		if permission != "" && permission != slipway.PermitAnyone {
			v, err := s.viewer(ctx, r)
			if err != nil {
				return err
			}
			if who := limitedAs(v); who != "" {
				if err := s.accounts.take(c, who); err != nil {
					return err
				}
			}
			ctx = slipway.WithViewer(ctx, v)
		}
		c.SetRequest(r.WithContext(ctx))
		return next(c)
	}
}

// limitedAs names whose requests are counted together: an account's, or those of
// all jobs that act for a service.
func limitedAs(v slipway.Viewer) string {
	switch {
	case v.Account != 0:
		return "account " + strconv.Itoa(v.Account)
	case v.Service != "":
		return "jobs of " + v.Service
	}
	return ""
}

// viewer finds out whom a request's token belongs to.
func (s *Server) viewer(ctx context.Context, r *http.Request) (slipway.Viewer, error) {
	header := r.Header.Values(echo.HeaderAuthorization)
	if operator, _ := ctx.Value(operatorKey{}).(bool); operator && len(header) == 0 {
		// Whoever can read the data directory owns the platform anyway.
		return slipway.Viewer{Kind: slipway.ViewerSystem, Name: platform.Operator, Admin: true, Via: operations.CallerFrom(ctx).Via, Address: "this machine"}, nil
	}
	if len(header) == 0 {
		return slipway.Viewer{}, slipway.Errorf(slipway.Unauthenticated, "sign in first: run `slipway login`, or send a token as `Authorization: Bearer TOKEN`")
	}
	scheme, credential, ok := strings.Cut(header[0], " ")
	if len(header) > 1 || !ok || !strings.EqualFold(scheme, "Bearer") {
		return slipway.Viewer{}, slipway.Errorf(slipway.Unauthenticated, "the Authorization header must be one line of the form: Bearer TOKEN")
	}
	return s.platform.Identify(ctx, slipway.NewSecret(credential), operations.CallerFrom(ctx))
}

// operatorKey marks what came by the socket in the data directory.
type operatorKey struct{}

// keyed lets in by the socket only who has its key: the modes of a socket
// don't stop a confined process of the same user.
func (s *Server) keyed(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if operator, _ := r.Context().Value(operatorKey{}).(bool); operator && !s.key.Opens(r) {
			return socket.Refusal("api.sock")
		}
		return next(c)
	}
}

// callerOf says where a request comes from. Forwarding headers are not looked
// at: anybody can write them, and for trusted proxies Options.Front has put the
// client's address in place of theirs.
func callerOf(r *http.Request) identity.Caller {
	address := r.RemoteAddr
	if host, _, err := net.SplitHostPort(address); err == nil {
		address = host
	}
	via := "api"
	if strings.HasPrefix(r.UserAgent(), "slipway/") {
		via = "cli"
	}
	return identity.Caller{Via: via, Address: address, Agent: r.UserAgent()}
}

// keySet is a JSON Web Key Set (RFC 7517, RFC 8037).
type keySet struct {
	Keys []key `json:"keys"`
}

type key struct {
	Type      string `json:"kty"`
	Curve     string `json:"crv"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	ID        string `json:"kid"`
	X         string `json:"x"`
}

// publicKeys publishes what access tokens can be checked with.
func (s *Server) publicKeys(c echo.Context) error {
	keys, err := s.platform.VerificationKeys(c.Request().Context())
	if err != nil {
		return err
	}
	set := keySet{Keys: []key{}}
	for _, k := range keys {
		set.Keys = append(set.Keys, key{Type: "OKP", Curve: "Ed25519", Use: "sig", Algorithm: "EdDSA", ID: k.ID, X: base64.RawURLEncoding.EncodeToString(k.Public)})
	}
	text, err := json.Marshal(set)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "public, max-age=300")
	return c.Blob(http.StatusOK, "application/jwk-set+json", text)
}
