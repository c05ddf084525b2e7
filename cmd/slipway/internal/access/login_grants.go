package access

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

const (
	grantExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	grantDevice   = "urn:ietf:params:oauth:grant-type:device_code"
	idTokenType   = "urn:ietf:params:oauth:token-type:id_token" // #nosec G101 -- the name of a kind of token (RFC 8693), no token
)

// anonymous speaks to a server as nobody.
func anonymous(a *cli.App, server string) (*client.ClientWithResponses, error) {
	version := "slipway/" + cli.Version()
	return client.NewClientWithResponses(server+"/api/v1/", client.WithHTTPClient(&http.Client{Transport: cli.TransportTo(server), Timeout: time.Minute, CheckRedirect: cli.Stay}),
		client.WithRequestEditorFn(func(_ context.Context, req *http.Request) error {
			req.Header.Set("User-Agent", version)
			return nil
		}))
}

// grant asks the token endpoint. Fields that aren't given are left out, which
// the generated form doesn't do.
func grant(ctx context.Context, cl *client.ClientWithResponses, fields url.Values) (*client.GrantTokenResponse, error) {
	return cl.GrantTokenWithBodyWithResponse(ctx, "application/x-www-form-urlencoded", strings.NewReader(fields.Encode()))
}

// byDevice signs in by a browser, on whatever machine (RFC 8628).
func byDevice(a *cli.App, server string, open bool) (cli.Profile, error) {
	cl, err := anonymous(a, server)
	if err != nil {
		return cli.Profile{}, err
	}
	begun, err := cl.BeginDeviceWithFormdataBodyWithResponse(a.Context, client.DeviceInput{ClientId: "slipway"})
	if err != nil {
		return cli.Profile{}, a.Unreachable(err)
	}
	if begun.JSON200 == nil {
		return cli.Profile{}, client.ParseProblem(begun.StatusCode(), begun.ContentType(), begun.Body)
	}
	d := *begun.JSON200
	if !samePlatform(d.VerificationUri, server) {
		fmt.Fprintf(a.Stderr, "The platform calls itself %s, not %s; compare both before you sign in there.\n", cli.Clean(d.VerificationUri), server)
	}
	fmt.Fprintf(a.Stderr, "Open this page in a browser, sign in, and compare the code:\n  %s\n  code %s\n", cli.Clean(d.VerificationUriComplete), cli.Clean(d.UserCode))
	if open && cli.IsTerminal(a.Stderr) {
		cli.Browse(a.Context, d.VerificationUriComplete)
	}
	interval, ends := time.Duration(max(d.Interval, 1))*time.Second, time.Now().Add(time.Duration(d.ExpiresIn)*time.Second)
	for time.Now().Before(ends) {
		select {
		case <-a.Context.Done():
			return cli.Profile{}, a.Context.Err()
		case <-time.After(interval):
		}
		r, err := grant(a.Context, cl, url.Values{"grant_type": {grantDevice}, "device_code": {d.DeviceCode}, "client_id": {"slipway"}})
		if err != nil {
			continue // the network is away for a moment; the code lasts for minutes
		}
		if r.JSON200 != nil {
			got := *r.JSON200
			return cli.Profile{Server: server, Account: got.Account, Access: got.AccessToken, Refresh: got.RefreshToken,
				Expires: time.Now().Add(time.Duration(got.ExpiresIn) * time.Second)}, nil
		}
		var why struct {
			Error string `json:"error"`
		}
		_ = json.Unmarshal(r.Body, &why) // what isn't JSON is told below
		switch why.Error {
		case "authorization_pending":
		case "slow_down":
			interval += 5 * time.Second
		default:
			return cli.Profile{}, client.ParseProblem(r.StatusCode(), r.ContentType(), r.Body)
		}
	}
	return cli.Profile{}, slipway.Errorf(slipway.Unauthenticated, "nobody confirmed the sign-in in time; run the command again")
}

// samePlatform tells whether a page is the server's: under its address, or, on
// this machine, under another of its names.
func samePlatform(page, server string) bool {
	if strings.HasPrefix(page, server+"/") {
		return true
	}
	there, err := url.Parse(page)
	here, bad := url.Parse(server)
	return err == nil && bad == nil && there.Scheme == here.Scheme && there.Port() == here.Port() && cli.OnThisMachine(there.Hostname()) && cli.OnThisMachine(here.Hostname())
}

// byJob signs in as a CI job, by the token that its CI system made.
func byJob(a *cli.App, server, service, audience string) (cli.Profile, error) {
	token, err := jobToken(a, server, audience)
	if err != nil {
		return cli.Profile{}, err
	}
	cl, err := anonymous(a, server)
	if err != nil {
		return cli.Profile{}, err
	}
	r, err := grant(a.Context, cl, url.Values{"grant_type": {grantExchange}, "subject_token": {token.Reveal()}, "subject_token_type": {idTokenType}, "audience": {service}})
	if err != nil {
		return cli.Profile{}, a.Unreachable(err)
	}
	if r.JSON200 == nil {
		return cli.Profile{}, client.ParseProblem(r.StatusCode(), r.ContentType(), r.Body)
	}
	return cli.Profile{Server: server, Account: service, Token: r.JSON200.AccessToken}, nil
}

// jobToken is the job's own token: from SLIPWAY_ID_TOKEN, from GitHub Actions,
// which gives one to who asks, or from standard input.
func jobToken(a *cli.App, server, audience string) (slipway.Secret, error) {
	if text := strings.TrimSpace(a.Env("SLIPWAY_ID_TOKEN")); text != "" {
		return slipway.NewSecret(text), nil
	}
	ask, bearer := a.Env("ACTIONS_ID_TOKEN_REQUEST_URL"), a.Env("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
	if ask == "" || bearer == "" {
		return a.ReadSecret("The job's token: ")
	}
	refused := func(err error) (slipway.Secret, error) {
		return slipway.Secret{}, slipway.Wrap(slipway.Unavailable, err, "GitHub gave the job no token; has it `permissions: id-token: write`?")
	}
	if audience == "" {
		audience = server
	}
	u, err := url.Parse(ask)
	if err != nil {
		return refused(err)
	}
	q := u.Query()
	q.Set("audience", audience)
	u.RawQuery = q.Encode()
	req, err := http.NewRequestWithContext(a.Context, http.MethodGet, u.String(), nil)
	if err != nil {
		return refused(err)
	}
	req.Header.Set("Authorization", "Bearer "+bearer)
	answer, err := (&http.Client{Timeout: 30 * time.Second, CheckRedirect: cli.Stay}).Do(req)
	if err != nil {
		return refused(err)
	}
	defer answer.Body.Close()
	var got struct {
		Value string `json:"value"`
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, 1<<20)).Decode(&got); err != nil || got.Value == "" {
		return refused(err)
	}
	return slipway.NewSecret(got.Value), nil
}
