package operations

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/identity"
)

func trust(t identity.Trust) Trust {
	return Trust{Name: t.Name, Issuer: t.Issuer, Audience: t.Audience, Subject: t.Subject, Scopes: list(t.Scopes), Once: t.Once, CreatedAt: t.CreatedAt.UTC(), UsedAt: when(t.UsedAt)}
}

// ListTrusts lists which jobs may act for a service.
func (h *handlers) ListTrusts(ctx context.Context, r ListTrustsRequestObject) (ListTrustsResponseObject, error) {
	rows, err := h.platform.Trusts(ctx, r.Service)
	if err != nil {
		return nil, err
	}
	return ListTrusts200JSONResponse{Items: each(rows, trust)}, nil
}

// CreateTrust lets jobs act for a service.
func (h *handlers) CreateTrust(ctx context.Context, r CreateTrustRequestObject) (CreateTrustResponseObject, error) {
	t, err := h.platform.AddTrust(ctx, r.Service, identity.TrustInput{
		Name: r.Body.Name, Issuer: r.Body.Issuer, Audience: r.Body.Audience, Subject: r.Body.Subject, Scopes: r.Body.Scopes, Once: r.Body.Once,
	})
	if err != nil {
		return nil, err
	}
	return CreateTrust201JSONResponse{Body: trust(t), Headers: CreateTrust201ResponseHeaders{Location: BasePath + "/services/" + r.Service + "/trusts"}}, nil
}

// DeleteTrust ends a trust.
func (h *handlers) DeleteTrust(ctx context.Context, r DeleteTrustRequestObject) (DeleteTrustResponseObject, error) {
	if err := h.platform.RemoveTrust(ctx, r.Service, r.Trust); err != nil {
		return nil, err
	}
	return DeleteTrust204Response{}, nil
}

const (
	bearer    = "Bearer"
	tokenType = "urn:ietf:params:oauth:token-type:access_token" // #nosec G101 -- the name of a kind of token (RFC 8693), no token
)

// BeginDevice makes the codes of a command line that waits.
func (h *handlers) BeginDevice(ctx context.Context, _ BeginDeviceRequestObject) (BeginDeviceResponseObject, error) {
	d, err := h.platform.BeginDevice(ctx, CallerFrom(ctx))
	if err != nil {
		return nil, err
	}
	at := h.platform.Address + identity.DevicePath
	return BeginDevice200JSONResponse{
		DeviceCode: d.Device.Reveal(), UserCode: d.Code, VerificationUri: at, VerificationUriComplete: at + "?code=" + url.QueryEscape(d.Code),
		ExpiresIn: seconds(d.Expires), Interval: int(identity.DeviceInterval.Seconds()),
	}, nil
}

func seconds(until time.Time) int { return int(math.Round(time.Until(until).Seconds())) }

// GrantToken is the token endpoint of OAuth 2.0.
func (h *handlers) GrantToken(ctx context.Context, r GrantTokenRequestObject) (GrantTokenResponseObject, error) {
	if r.Body.GrantType == UrnIetfParamsOauthGrantTypeDeviceCode {
		s, err := h.platform.PollDevice(ctx, slipway.NewSecret(r.Body.DeviceCode), CallerFrom(ctx))
		if err != nil {
			return nil, oauth(err)
		}
		return GrantToken200JSONResponse{AccessToken: s.Access.Reveal(), TokenType: bearer, ExpiresIn: seconds(s.AccessExpires), RefreshToken: s.Refresh.Reveal(), Account: s.Account}, nil
	}
	for field, value := range map[string]string{"subject_token": r.Body.SubjectToken, "subject_token_type": string(r.Body.SubjectTokenType), "audience": r.Body.Audience} {
		if value == "" {
			return nil, slipway.Errorf(slipway.Invalid, "%s is missing", field).At(field)
		}
	}
	t, err := h.platform.ExchangeToken(ctx, r.Body.Audience, slipway.NewSecret(r.Body.SubjectToken), CallerFrom(ctx))
	if err != nil {
		return nil, oauth(err)
	}
	scopes := make([]string, len(t.Scopes))
	for i, s := range t.Scopes {
		scopes[i] = string(s)
	}
	return GrantToken200JSONResponse{AccessToken: t.Token.Reveal(), TokenType: bearer, ExpiresIn: seconds(t.Expires), IssuedTokenType: tokenType, Scope: strings.Join(scopes, " ")}, nil
}

// oauth says a refusal in the words of OAuth 2.0 too (RFC 6749, 5.2; RFC 8628, 3.5).
func oauth(err error) error {
	code := ""
	switch {
	case errors.Is(err, identity.ErrDevicePending):
		code = "authorization_pending"
	case errors.Is(err, identity.ErrDeviceSlow):
		code = "slow_down"
	case errors.Is(err, identity.ErrDeviceRefused):
		code = "access_denied"
	case errors.Is(err, identity.ErrDeviceOver):
		code = "expired_token"
	case slipway.CodeOf(err) == slipway.Unauthenticated:
		code = "invalid_grant"
	default:
		return err
	}
	r := Refuse(http.StatusBadRequest, slipway.CodeOf(err), "%s", err)
	r.oauth = code
	return r
}
