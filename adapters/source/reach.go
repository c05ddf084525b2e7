package source

import (
	"context"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"github.com/slipway-dev/slipway"
)

// admit refuses repositories that git must not be asked for here, and finds
// where it may connect to; nil is wherever it likes.
func (g *Git) admit(ctx context.Context, repo slipway.Repository) ([]netip.Addr, error) {
	if err := repo.Validate(); err != nil {
		return nil, err
	}
	if hostOf(repo.URL) == "" {
		if g.o.AllowFile {
			return nil, nil
		}
		_, err := g.local(repo.URL, g.isAdmitted(repo.URL))
		return nil, err
	}
	if g.o.Resolve == nil {
		return nil, nil
	}
	host, _, err := serverOf(repo.URL)
	if err != nil {
		return nil, err
	}
	addresses, err := g.o.Resolve(ctx, host)
	if slipway.CodeOf(err) == slipway.Refused { // an address that may not be asked is the input's fault here
		return nil, slipway.Wrap(slipway.Invalid, err, "%s", err).At("url")
	}
	return addresses, err
}

// plainHost is what git, curl, ssh and we read in the same way.
var plainHost = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\.?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$`)

// serverOf splits a URL into the host and the port that are connected to. What
// several programs could read differently is refused: the one that checks is
// not the one that connects.
func serverOf(raw string) (host, port string, err error) {
	refused := slipway.Errorf(slipway.Invalid, "the host of %s is written in an unusual way; write it as https://git.example.com/team/service.git", shown(raw)).At("url")
	if !strings.Contains(raw, "://") {
		host, port = hostOf(raw), "22"
		if before, _, _ := strings.Cut(raw, ":"); strings.Count(before, "@") > 1 || !plainHost.MatchString(host) {
			return "", "", refused
		}
		return host, port, nil
	}
	u, parsed := url.Parse(raw)
	if parsed != nil {
		return "", "", refused
	}
	_, authority, _ := strings.Cut(raw, "://")
	authority, _, _ = strings.Cut(authority, "/")
	host, port = u.Hostname(), u.Port()
	if strings.ContainsAny(raw, "\\") || strings.ContainsAny(authority, "%?#") || strings.Count(authority, "@") > 1 || !plainHost.MatchString(host) {
		return "", "", refused
	}
	if port == "" {
		port = map[string]string{"https": "443", "http": "80", "ssh": "22"}[u.Scheme]
	}
	if port == "" {
		return "", "", slipway.Errorf(slipway.Invalid, "repositories over git:// can't be held to an address; use https or ssh").At("url")
	}
	return strings.ToLower(host), port, nil
}

// pin makes git connect to the addresses that were admitted, whatever the name
// means by then.
func (m *mirror) pin(admitted []netip.Addr) error {
	if len(admitted) == 0 {
		return nil
	}
	host, port, err := serverOf(m.repo.URL)
	if err != nil {
		return err
	}
	if strings.HasPrefix(slipway.ServerOf(m.repo.URL), "ssh://") {
		alias := host
		if port != "22" {
			alias = "[" + host + "]:" + port // as known_hosts names it
		}
		m.sshOptions = " -o ProxyCommand=none -o HostName=" + admitted[0].String() + " -o 'HostKeyAlias=" + alias + "'"
		return nil
	}
	var list []string
	for _, a := range admitted[:min(4, len(admitted))] {
		text := a.String()
		if a.Is6() {
			text = "[" + text + "]"
		}
		list = append(list, text)
	}
	if _, err := netip.ParseAddr(host); err != nil { // an address needs no pin
		m.config = append(m.config, [2]string{"http.curloptResolve", host + ":" + port + ":" + strings.Join(list, ",")})
	}
	return nil
}
