package source

import (
	"context"
	"encoding/base64"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/slipway-dev/slipway"
)

// credentials turns the repository's credential into environment of git: never
// arguments, which every user of a machine can read, and never a file.
func (m *mirror) credentials(ctx context.Context) error {
	if m.repo.Credential == "" {
		return m.ssh("none")
	}
	if m.git.o.Secrets == nil {
		return slipway.Errorf(slipway.Invalid, "no secret store is configured for the credential %s", m.repo.Credential).At("credential")
	}
	stored, err := m.git.o.Secrets(ctx, m.repo.Credential)
	if err != nil {
		return err
	}
	secret, err := slipway.OpenCredential(m.repo.Credential, m.repo.URL, stored)
	if err != nil {
		return err
	}
	value := strings.TrimSpace(secret.Reveal())
	m.mask = append(m.mask, secret, slipway.NewSecret(value))
	if strings.Contains(value, "PRIVATE KEY-----") {
		return m.sshKey(value)
	}
	u, err := url.Parse(m.repo.URL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return slipway.Errorf(slipway.Invalid, "the credential %s is a token, which only https repositories take; store a private key for ssh", m.repo.Credential).At("credential")
	}
	if strings.ContainsAny(value, "\r\n\x00") {
		return slipway.Errorf(slipway.Invalid, "the credential %s is neither a token nor a private key; store one line", m.repo.Credential).At("credential")
	}
	user, password, ok := strings.Cut(value, ":")
	if !ok {
		// Forges accept any user name beside a token.
		user, password = "x-access-token", value
	}
	basic := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	m.mask = append(m.mask, slipway.NewSecret(basic), slipway.NewSecret(password))
	// Scoped to the host, so that a redirect elsewhere doesn't get it.
	m.config = append(m.config, [2]string{"http." + u.Scheme + "://" + u.Host + "/.extraHeader", "Authorization: Basic " + basic})
	return nil
}

// sshKey gives ssh the key as a file that exists only in memory and only while
// this process or git holds it: a kill leaves nothing on disk.
func (m *mirror) sshKey(key string) error {
	fd, err := unix.MemfdCreate("slipway-key", unix.MFD_CLOEXEC)
	if err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the key of the repository can't be used")
	}
	f := os.NewFile(uintptr(fd), "key")
	m.done = append(m.done, func() { _ = f.Close() })
	if err = f.Chmod(0o600); err == nil {
		_, err = f.WriteString(strings.ReplaceAll(key, "\r\n", "\n") + "\n")
	}
	if err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the key of the repository can't be used")
	}
	// ssh closes the descriptors it inherits, and can't look at the platform's, so it
	// is given those of git, which has started the shell that reads this.
	m.key = f
	return m.ssh("/proc/$PPID/fd/3")
}

// ssh sets how git runs ssh: with this key and no other, without the machine's
// settings, agents or keys, and with hosts remembered at the first use.
func (m *mirror) ssh(identity string) error {
	if !strings.HasPrefix(slipway.ServerOf(m.repo.URL), "ssh://") {
		return nil
	}
	if err := m.hosts(); err != nil {
		return err
	}
	// ssh reads a list of files, with quotes around those that have spaces.
	known := `"` + m.known + `" "` + filepath.Join(m.git.o.Dir, earlierHosts) + `"`
	quoted := "'" + strings.ReplaceAll(known, "'", `'\''`) + "'"
	m.env = append(m.env, "GIT_SSH_VARIANT=ssh", "GIT_SSH_COMMAND=ssh -F /dev/null -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityAgent=none"+
		" -o StrictHostKeyChecking=accept-new -o ConnectTimeout=15 -o ForwardAgent=no -o PermitLocalCommand=no"+
		" -o UserKnownHostsFile="+quoted+" -o IdentityFile="+identity+m.sshOptions)
	return nil
}

// sameServer tells whether two URLs speak to one server in one way: only then
// may the credential of one be used for the other.
func sameServer(a, b string) bool {
	return slipway.ServerOf(a) != "" && slipway.ServerOf(a) == slipway.ServerOf(b)
}

// hostOf is the host of a repository's URL, with its port when one is named; ""
// for a path of this machine.
func hostOf(raw string) string {
	if strings.HasPrefix(raw, "/") {
		return ""
	}
	if !strings.Contains(raw, "://") {
		host, _, _ := strings.Cut(raw, ":")
		return strings.ToLower(host[strings.LastIndex(host, "@")+1:])
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme == "file" {
		return ""
	}
	return strings.ToLower(u.Host)
}

// shown is a URL without the user of http, which may be a token.
func shown(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.User == nil || u.Scheme != "https" && u.Scheme != "http" {
		return raw
	}
	u.User = nil
	return u.String()
}
