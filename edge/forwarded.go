package edge

import (
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// The edge is the first hop: nothing stands between it and the client that it
// was told to believe. So what a request says about where it came from, who was
// signed in and under which path a service lies was written by the client itself,
// while a service that listens on loopback believes it, gunicorn for one. All of
// it is taken out; the edge then says of its own what setForwarded lists.
var (
	forwardedNames = []string{
		// where a request comes from
		"forwarded", "forwarded-for", "via", "x-real-ip", "x-real-port", "real-ip", "client-ip", "x-client-ip", "true-client-ip", "x-true-client-ip",
		"x-cluster-client-ip", "x-originating-ip", "x-proxyuser-ip", "fastly-client-ip", "fly-client-ip",
		"x-azure-clientip", "x-azure-socketip", "x-nf-client-connection-ip", "x-vercel-forwarded-for", "x-vercel-ip-country",
		"ali-cdn-real-ip", "cdn-src-ip", "x-coming-from", "wl-proxy-client-ip", "proxy-client-ip", "akamai-client-ip",
		"do-connecting-ip", "http-client-ip", "http-via", "z-forwarded-for", "incap-client-ip", "x-sucuri-clientip",
		// what was asked there, and how encrypted
		"x-host", "x-scheme", "x-url-scheme", "x-proto", "x-https", "x-ssl", "front-end-https", "x-arr-ssl", "x-arr-clientcert",
		"x-url", "x-rewrite-url", "script-name", "path-info", "x-script-name", "x-path-info", "x-host-override", "x-http-host-override", "x-http-destinationurl",
		// by which a CGI sends what it asks of others through a proxy of the client's (httpoxy)
		"proxy",
		// who was signed in
		"x-authenticated-user", "x-trusted-user", "x-client-cert", "client-cert", "client-cert-chain", "x-client-verify", "x-client-dn",
		"x-user", "x-user-id", "x-user-name", "x-username", "x-user-email", "x-email", "x-user-groups", "x-groups", "x-user-roles", "x-roles", "x-userinfo",
		"x-token-subject", "x-credential-identifier", "x-credential-username", "x-anonymous-consumer", "x-id-token", "x-jwt-assertion", "teleport-jwt-assertion",
		"x-endpoint-api-userinfo", "x-apigateway-api-userinfo", "sm-user", "sm-universalid", "iv-user", "iv-groups", "iv-creds", "oam-remote-user",
	}
	forwardedPrefixes = []string{
		"x-forward", "http-forwarded", "http-x-forwarded", "x-original-", "x-envoy-", "x-appengine-", "cf-connecting-ip", "cf-pseudo-", "cf-visitor", "cf-ipcountry", "cf-access-", "fly-forwarded-", "cloudfront-viewer-", "cloudfront-forwarded-",
		"x-auth-request-", "x-goog-authenticated-user-", "x-goog-iap-", "x-amzn-oidc-", "x-ms-client-principal", "x-ms-token-", "x-ssl-", "ssl-client-", "tailscale-user-", "x-amzn-mtls-",
		"remote-", "x-remote-", "x-webauth-", "x-authentik-", "x-vouch-", "x-pomerium-", "x-consumer-", "oidc-", "shib-",
	}
)

// forwardedWords are the names, and the prefixes by their first letter: each header of
// each request is looked for among them.
var forwardedWords = func() (words struct {
	names    map[string]bool
	prefixes [256][]string
}) {
	words.names = map[string]bool{}
	for _, name := range forwardedNames {
		words.names[name] = true
	}
	for _, prefix := range forwardedPrefixes {
		words.prefixes[prefix[0]] = append(words.prefixes[prefix[0]], prefix)
	}
	return words
}()

// onlyAProxyWrites tells whether a header's name is one of the family. WSGI knows
// no difference between a hyphen and an underscore, so X_Forwarded_For is one too.
func onlyAProxyWrites(name string) bool {
	var room [64]byte // so that nothing is allocated for most of them
	lower := append(room[:0], name...)
	for k, c := range lower {
		switch {
		case 'A' <= c && c <= 'Z':
			lower[k] = c + 'a' - 'A'
		case c == '_':
			lower[k] = '-'
		}
	}
	if forwardedWords.names[string(lower)] {
		return true
	}
	if len(lower) == 0 {
		return false
	}
	return slices.ContainsFunc(forwardedWords.prefixes[lower[0]], func(prefix string) bool { return len(lower) >= len(prefix) && string(lower[:len(prefix)]) == prefix })
}

// stripForwarded takes the family out of a request, trailers included.
func stripForwarded(r *http.Request) {
	for _, headers := range []http.Header{r.Header, r.Trailer} {
		for name := range headers {
			if onlyAProxyWrites(name) {
				delete(headers, name)
			}
		}
	}
}

// hostOf is the name that a request asks for, as it stands in the table.
func hostOf(r *http.Request) string {
	host := strings.ToLower(r.Host)
	if strings.Contains(host, ":") {
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
	}
	return strings.TrimSuffix(host, ".")
}

// setForwarded has a request say where it comes from, which the edge knows, and what was
// asked for: that is Host, as the client wrote it, whose name has a service here but whose
// port may be any. It says so in the whole family, so that whichever of it a service
// believes makes the same links. (X-Forwarded-For, -Proto and -Host are the reverse
// proxy's, by the same values.) A name with a dot at its end is the same name, but not to
// most applications.
func setForwarded(r *http.Request) {
	stripForwarded(r)
	name, port := r.Host, ""
	if strings.Contains(name, ":") {
		if n, p, err := net.SplitHostPort(name); err == nil {
			name, port = n, p
		}
	}
	if short, dotted := strings.CutSuffix(name, "."); dotted {
		if r.Host = short; port != "" {
			r.Host = net.JoinHostPort(short, port)
		}
	}
	if port == "" {
		port = "80"
	}
	client, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return
	}
	by := client
	if strings.Contains(client, ":") {
		by = `"[` + client + `]"`
	}
	said := []string{port, client, "for=" + by + ";host=" + strconv.Quote(r.Host) + ";proto=http"}
	r.Header["X-Forwarded-Port"], r.Header["X-Real-Ip"], r.Header["Forwarded"] = said[0:1:1], said[1:2:2], said[2:3:3]
}
