package slipway

import (
	"encoding/json"
	"net"
	"net/url"
	"strings"
)

// GitCredentials is the part of a secret store's names that git credentials
// have, and nothing else.
const GitCredentials = "_git/"

// ServerOf names the server that a repository's URL speaks to, and how, with the
// port: https://git.example.com:443. It is "" for a path of this machine.
func ServerOf(raw string) string {
	if strings.HasPrefix(raw, "/") {
		return ""
	}
	if !strings.Contains(raw, "://") { // git@host:path
		_, host, ok := strings.Cut(raw, "@")
		if !ok {
			host = raw
		}
		if inside, _, ok := strings.Cut(host, "]:"); ok && strings.HasPrefix(host, "[") { // [host:port]:path
			return "ssh://" + strings.ToLower(inside) + "]"
		}
		host, _, _ = strings.Cut(host, ":")
		return "ssh://" + strings.ToLower(host) + ":22"
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme == "file" || u.Hostname() == "" {
		return ""
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80", "ssh": "22", "git": "9418"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// boundCredential is how a git credential is kept: with the reference that it
// has, so that another's can't be put in its place, and the one server that it
// was given for.
type boundCredential struct {
	Reference SecretRef `json:"reference"`
	Server    string    `json:"server"`
	Value     string    `json:"value"`
}

// BindCredential makes what is stored under ref of a token or private key that
// was given for the server of a repository. A path of this machine takes none.
func BindCredential(ref SecretRef, repositoryURL string, value Secret) (Secret, error) {
	server := ServerOf(repositoryURL)
	if server == "" {
		return Secret{}, Errorf(Invalid, "a path of this machine takes no token; leave it out").At("token")
	}
	text, err := json.Marshal(boundCredential{ref, server, value.Reveal()})
	return NewSecret(string(text)), err
}

// OpenCredential takes the token or private key out of what BindCredential made,
// for a repository of the server that it was given for and no other.
func OpenCredential(ref SecretRef, repositoryURL string, stored Secret) (Secret, error) {
	var bound boundCredential
	if !strings.HasPrefix(ref.Name(), GitCredentials) || json.Unmarshal([]byte(stored.Reveal()), &bound) != nil || bound.Reference != ref || bound.Value == "" {
		return Secret{}, Errorf(Invalid, "%s is no credential of a repository; give the token again: `slipway service set NAME --token < FILE`", ref).At("credential")
	}
	if server := ServerOf(repositoryURL); bound.Server != server {
		return Secret{}, Errorf(Invalid, "the token was given for %s and isn't sent to %s; give one for there: `slipway service set NAME --token < FILE`", bound.Server, orPath(server)).At("token")
	}
	return NewSecret(bound.Value), nil
}

func orPath(server string) string {
	if server == "" {
		return "a path of this machine"
	}
	return server
}
