package doctor

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// server looks at the platform that commands speak to, as they would.
func (d *doctor) server() {
	to, err := d.Endpoint()
	r, none := cli.ReadRunning(d.Data)
	if d.Server == "" && to.Profile == "" && none != nil && (err == nil || slipway.CodeOf(err) == slipway.Unavailable) {
		d.clock(time.Time{}, 0)
		return // nobody said that there is one, and "platform" says that none runs
	}
	if err != nil {
		d.say("server", fail, err.Error(), "give an address with --server, or choose a profile: slipway profile ls")
		return
	}
	how := to.Server
	if to.Operator {
		how += ", by the socket of the data directory"
	}
	if to.Profile != "" {
		how += ", profile " + to.Profile
	}
	began := time.Now()
	answer, body, err := d.ask(to, "/healthz")
	took := time.Since(began)
	if err != nil {
		remedy := unreachableRemedy(err)
		if to.Profile == "" && d.Server == "" && r.PID != 0 {
			remedy = "slipway up --data " + d.Data
		}
		d.say("server", fail, how+": "+cause(err), remedy)
		d.clock(time.Time{}, 0)
		return
	}
	if answer.StatusCode != http.StatusOK || strings.TrimSpace(string(body)) != "ok" {
		d.say("server", fail, fmt.Sprintf("%s answers %s, and is perhaps not Slipway", how, answer.Status), "check the address; a proxy in front has to pass everything on, with its Host")
		return
	}
	d.say("server", ok, fmt.Sprintf("%s, in %d ms", how, took.Milliseconds()), "")
	date, _ := http.ParseTime(answer.Header.Get("Date"))
	d.clock(date, took)
	if answer.TLS != nil {
		d.certificate(answer.TLS.PeerCertificates[0])
	} else if to.Operator && strings.HasPrefix(to.Server, "https://") { // the socket doesn't show what others see
		seen, _, err := d.ask(cli.Endpoint{Server: to.Server}, "/healthz")
		if err != nil {
			d.say("certificate", warn, "others can't be sure of "+to.Server+": "+cause(err), unreachableRemedy(err))
		} else if seen.TLS != nil {
			d.certificate(seen.TLS.PeerCertificates[0])
		}
	}
	d.ready(to)
	d.version(to)
	d.credential(to)
	d.onRecord()
}

// ask makes a request without credentials.
func (d *doctor) ask(to cli.Endpoint, path string) (*http.Response, []byte, error) {
	base := to.Server
	var by http.RoundTripper = cli.TransportTo(base)
	if to.Operator {
		by, base = cli.AsOperator(d.Data), "http://localhost"
	}
	ctx, cancel := context.WithTimeout(d.Context, patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, nil)
	if err != nil {
		return nil, nil, err
	}
	r.Header.Set("User-Agent", "slipway/"+cli.Version())
	answer, err := (&http.Client{Transport: by, CheckRedirect: cli.Stay}).Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	return answer, body, err
}

// cause is the innermost of what the network says.
func cause(err error) string {
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return err.Error()
}

func unreachableRemedy(err error) string {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var dns *net.DNSError
	switch {
	case errors.As(err, &unknown):
		return "trust your company's authority: SSL_CERT_FILE=authority.pem slipway ..., or add it to the system's"
	case errors.As(err, &name):
		return "use a name that the certificate is for"
	case errors.As(err, &invalid):
		return "the certificate has expired or isn't one for servers: renew it on the server"
	case errors.Is(err, http.ErrSchemeMismatch):
		return "it speaks no TLS there: write the address with http://, on this machine only, or give the server a certificate"
	case errors.As(err, &dns):
		return "check the name in the address, and your network or VPN"
	}
	return "check the address, your network or VPN, and whether the platform runs: slipway up"
}

// clock compares with the server's; alone, with when this program was built.
func (d *doctor) clock(server time.Time, took time.Duration) {
	const remedy = "set this machine's clock, or the server's, by NTP: timedatectl set-ntp true"
	now := time.Now()
	if server.IsZero() {
		info, _ := debug.ReadBuildInfo()
		for _, s := range info.Settings {
			if built, err := time.Parse(time.RFC3339, s.Value); s.Key == "vcs.time" && err == nil && now.Before(built) {
				d.say("clock", fail, fmt.Sprintf("it is %s here, before this program was made", now.Format(time.RFC3339)), remedy)
				return
			}
		}
		d.say("clock", ok, now.Format(time.RFC3339)+"; no server to compare with", "")
		return
	}
	off := now.Sub(server).Abs()
	state, sure := ok, off-took-time.Second // Date has whole seconds
	switch {
	case sure > time.Minute:
		state = fail // sessions of ten minutes, signatures and certificates are judged by it
	case sure > 5*time.Second:
		state = warn
	}
	found := "as the server's"
	if state != ok {
		found = fmt.Sprintf("%s away from the server's", off.Round(time.Second))
	}
	d.say("clock", state, found, remedy)
}

// certificate warns of one that ends soon: within a fortnight, or a fifth of its
// life when that is shorter.
func (d *doctor) certificate(c *x509.Certificate) {
	left := time.Until(c.NotAfter)
	soon := min(14*24*time.Hour, c.NotAfter.Sub(c.NotBefore)/5)
	state := ok
	if left < soon {
		state = warn
	}
	d.say("certificate", state, fmt.Sprintf("of %s, until %s", c.Issuer.CommonName, c.NotAfter.Format("2006-01-02 15:04 MST")), "renew it on the server; by ACME that happens by itself, and the server's log says why it hasn't")
}

func (d *doctor) ready(to cli.Endpoint) {
	answer, body, err := d.ask(to, "/readyz")
	switch {
	case err != nil:
		d.say("engine", fail, cause(err), "look into the platform's log")
	case answer.StatusCode == http.StatusOK:
		d.say("engine", ok, "database and workflow engine answer", "")
	default:
		problem := client.ParseProblem(answer.StatusCode, answer.Header.Get("Content-Type"), body)
		d.say("engine", fail, problem.Error(), "wait while it starts; otherwise look into the platform's log, and start it again: slipway up")
	}
}

func (d *doctor) version(to cli.Endpoint) {
	_, body, err := d.ask(to, "/api/v1/version")
	var v client.Version
	if err == nil {
		err = json.Unmarshal(body, &v)
	}
	own := cli.Version()
	switch {
	case err != nil || v.Version == "":
		d.say("version", warn, "the server doesn't say its version", "check that the address is Slipway's")
	case v.Version != own:
		d.say("version", warn, fmt.Sprintf("this is %s, the server is %s", own, v.Version), "use the same on both sides: commands may miss what the other doesn't know")
	default:
		d.say("version", ok, own+" on both sides", "")
	}
}

// credential asks who one is, and how long for.
func (d *doctor) credential(to cli.Endpoint) {
	signIn := "slipway login " + to.Server
	who, err := cli.Call(d.App, func(ctx context.Context, c *client.ClientWithResponses) (*client.GetSessionResponse, error) {
		return c.GetSessionWithResponse(ctx)
	})
	switch {
	case slipway.CodeOf(err) == slipway.Unauthenticated && to.Token == "" && to.Profile == "":
		d.say("account", warn, "nobody is signed in", signIn)
		return
	case slipway.CodeOf(err) == slipway.Unauthenticated && to.Token != "":
		d.say("account", fail, "the token in SLIPWAY_TOKEN is not valid (any more): "+err.Error(), "make another: slipway token add NAME --scope ...")
		return
	case err != nil:
		d.say("account", fail, err.Error(), signIn)
		return
	}
	name := who.JSON200.Account
	if to.Operator {
		d.say("account", ok, name+", by the socket of the data directory", "")
		return
	}
	d.say("account", ok, name, "")
	token := to.Token
	if token == "" {
		known, _ := d.Profiles()
		token = known.Profiles[to.Profile].Token
	}
	if token == "" {
		return // a session renews itself
	}
	list, err := cli.Call(d.App, func(ctx context.Context, c *client.ClientWithResponses) (*client.ListTokensResponse, error) {
		return c.ListTokensWithResponse(ctx, nil)
	})
	if err != nil {
		return // it may be one that can't look at tokens
	}
	for _, t := range list.JSON200.Items {
		if !strings.HasPrefix(token, t.Hint) || t.ExpiresAt.IsZero() {
			continue
		}
		state := ok
		if time.Until(t.ExpiresAt) < 14*24*time.Hour {
			state = warn
		}
		d.say("token", state, fmt.Sprintf("%q is good until %s", t.Name, t.ExpiresAt.Local().Format("2006-01-02")), fmt.Sprintf("make another in time: slipway token add %q --scope ...", t.Name))
	}
}
