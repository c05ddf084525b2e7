package source

import (
	"context"
	"encoding/base64"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/sandbox"
)

// credentials turns the repository's credential into environment of git: never
// arguments, which every user of a machine can read.
func (m *mirror) credentials(ctx context.Context) error {
	if m.repo.Credential == "" {
		return nil
	}
	if m.git.o.Secrets == nil {
		return slipway.Errorf(slipway.Invalid, "no secret store is configured for the credential %s", m.repo.Credential).At("credential")
	}
	secret, err := m.git.o.Secrets(ctx, m.repo.Credential)
	if err != nil {
		return err
	}
	value := strings.TrimSpace(secret.Reveal())
	m.mask = append(m.mask, secret, slipway.NewSecret(value))
	if strings.Contains(value, "PRIVATE KEY-----") {
		return m.sshKey(value)
	}
	user, password, ok := strings.Cut(value, ":")
	if !ok {
		// Forges accept any user name beside a token.
		user, password = "x-access-token", value
	}
	u, err := url.Parse(m.repo.URL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return slipway.Errorf(slipway.Invalid, "the credential %s is a token, which only https repositories take; store a private key for ssh", m.repo.Credential).At("credential")
	}
	basic := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	m.mask = append(m.mask, slipway.NewSecret(basic), slipway.NewSecret(password))
	// Scoped to the host, so that a redirect or submodule elsewhere doesn't get it.
	m.env = append(m.env, "http."+u.Scheme+"://"+u.Host+"/.extraHeader\x00Authorization: Basic "+basic)
	return nil
}

func (m *mirror) sshKey(key string) error {
	f, err := os.CreateTemp(m.git.o.Dir, ".key-")
	if err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the key of the repository can't be used")
	}
	m.done = append(m.done, func() { _ = os.Remove(f.Name()) })
	_, err = f.WriteString(key + "\n")
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the key of the repository can't be used")
	}
	known := filepath.Join(m.git.o.Dir, "known_hosts")
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
	m.env = append(m.env, "GIT_SSH_COMMAND=ssh -F /dev/null -o BatchMode=yes -o IdentitiesOnly=yes -o StrictHostKeyChecking=accept-new -o ConnectTimeout=15 -o UserKnownHostsFile="+
		quote(known)+" -i "+quote(f.Name()))
	return nil
}

// remoteRefs lists what the remote advertises: reference to commit. HEAD is
// there under its own name, and "HEAD ref" tells the branch that it names.
func (m *mirror) remoteRefs(ctx context.Context) (map[string]string, error) {
	out, err := m.run(ctx, quick, "ls-remote", "--symref", "--", m.repo.URL)
	if err != nil {
		return nil, err
	}
	refs := map[string]string{}
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if target, ok := strings.CutPrefix(line, "ref: "); ok {
			if branch, name, ok := strings.Cut(target, "\t"); ok && name == "HEAD" {
				refs["HEAD ref"] = branch
			}
			continue
		}
		if id, name, ok := strings.Cut(line, "\t"); ok && len(id) >= 40 {
			refs[name] = id
		}
	}
	return refs, nil
}

// choose finds what ref names: a branch, then a tag, then a commit.
func (m *mirror) choose(ctx context.Context, refs map[string]string, ref string) (id, name string, err error) {
	if ref == "" || ref == "HEAD" {
		if branch := refs["HEAD ref"]; refs[branch] != "" {
			return refs[branch], branch, nil
		}
		if refs["HEAD"] != "" {
			return refs["HEAD"], "HEAD", nil
		}
		return "", "", slipway.Errorf(slipway.Refused, "the repository %s has no default branch; name one with --branch", m.repo.URL)
	}
	// An annotated tag is advertised twice; the peeled line names the commit.
	for _, name := range []string{"refs/heads/" + ref, "refs/tags/" + ref + "^{}", "refs/tags/" + ref, ref} {
		if id := refs[name]; id != "" && name != "HEAD ref" {
			return id, strings.TrimSuffix(name, "^{}"), nil
		}
	}
	if len(ref) >= 7 && strings.Trim(ref, "0123456789abcdef") == "" {
		if id, err := m.commitNamed(ctx, refs, ref); err != nil || id != "" {
			return id, ref, err
		}
	}
	return "", "", slipway.Errorf(slipway.Refused, "the repository %s has no branch, tag or commit %q; it has %s", m.repo.URL, ref, someBranches(refs)).At("ref")
}

// commitNamed finds a commit by its id or the beginning of it, fetching the
// branches once when the mirror doesn't know it.
func (m *mirror) commitNamed(ctx context.Context, refs map[string]string, ref string) (string, error) {
	for _, id := range refs {
		if strings.HasPrefix(id, ref) {
			return id, nil
		}
	}
	for range 2 {
		if out, err := m.run(ctx, quick, "rev-parse", "--verify", "--quiet", "--end-of-options", ref+"^{commit}"); err == nil {
			return strings.TrimSpace(out), nil
		}
		if _, err := m.run(ctx, long, "fetch", "--quiet", "--no-tags", "--force", "--", m.repo.URL, "+refs/heads/*:refs/heads/*"); err != nil {
			return "", err
		}
	}
	return "", nil
}

// fetch brings a commit into the mirror, alone and without its history where
// the server allows that, else with the reference that holds it.
func (m *mirror) fetch(ctx context.Context, id, name string) error {
	if m.has(ctx, id) {
		return nil
	}
	_, err := m.run(ctx, long, "fetch", "--quiet", "--no-tags", "--depth=1", "--force", "--", m.repo.URL, id)
	if err == nil && m.has(ctx, id) {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if slipway.CodeOf(err) == slipway.Unavailable {
		return err
	}
	specs := []string{"+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"}
	if name != "" && strings.HasPrefix(name, "refs/") {
		specs = []string{"+" + name + ":" + name}
	}
	if _, err := m.run(ctx, long, append([]string{"fetch", "--quiet", "--no-tags", "--force", "--", m.repo.URL}, specs...)...); err != nil {
		return err
	}
	if !m.has(ctx, id) {
		return slipway.Errorf(slipway.Refused, "the repository %s no longer has commit %.12s; was the branch pushed over? Promote again", m.repo.URL, id)
	}
	return nil
}

func (m *mirror) has(ctx context.Context, id string) bool {
	_, err := m.run(ctx, quick, "cat-file", "-e", id+"^{tree}")
	return err == nil
}

// describe reads author, time and subject of a commit.
func (m *mirror) describe(ctx context.Context, id, ref string) (slipway.Commit, error) {
	out, err := m.run(ctx, quick, "show", "--no-patch", "--no-show-signature", "--encoding=UTF-8", "--format=%H%x00%an <%ae>%x00%ct%x00%s", "--end-of-options", id)
	if err != nil {
		return slipway.Commit{}, err
	}
	fields := strings.SplitN(strings.TrimSpace(out), "\x00", 4)
	if len(fields) != 4 {
		return slipway.Commit{}, slipway.Errorf(slipway.Refused, "%.12s is not a commit", id)
	}
	seconds, _ := strconv.ParseInt(fields[2], 10, 64)
	return slipway.Commit{
		ID: fields[0], Ref: ref, Author: clip(fields[1], 200), Time: time.Unix(seconds, 0).UTC(), Subject: clip(fields[3], 200),
	}, nil
}

// explain turns git's failure into a sentence. The patterns are those of git
// and of ssh; they are read from an English, C-locale run.
func (m *mirror) explain(r sandbox.Result, text string) error {
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(text, p) })
	}
	url := m.repo.URL
	switch {
	case r.TimedOut:
		return slipway.Errorf(slipway.Unavailable, "the repository %s did not answer in time; is its server up?", url)
	case has("Authentication failed", "could not read Username", "Permission denied (", "HTTP 401", "HTTP 403", "error: 401", "error: 403", "terminal prompts disabled"):
		return slipway.Errorf(slipway.Refused, "the repository %s is private or the credential is wrong; store a token with `slipway secret set` and register the service with --credential", url)
	case has("Host key verification failed"):
		return slipway.Errorf(slipway.Refused, "the host key of %s has changed; if that is right, remove its line from known_hosts in the data directory", url)
	case has("does not appear to be a git repository", "not found", "does not exist", "Repository not found", "No such file or directory"):
		return slipway.Errorf(slipway.Refused, "there is no repository at %s; check the URL, and whether it is private", url)
	case has("No space left on device"):
		return slipway.Errorf(slipway.Unavailable, "the disk is full; free some space and promote again")
	case has("Could not resolve host", "Connection refused", "Connection timed out", "unable to access", "Network is unreachable", "Could not read from remote", "early EOF", "hung up"):
		return slipway.Errorf(slipway.Unavailable, "the repository %s can't be reached; is its server up, and does this machine reach it?", url)
	}
	return slipway.Errorf(slipway.Refused, "git could not read %s", url)
}

func someBranches(refs map[string]string) string {
	var names []string
	for name := range refs {
		if branch, ok := strings.CutPrefix(name, "refs/heads/"); ok {
			names = append(names, branch)
		}
	}
	slices.Sort(names)
	if len(names) > 5 {
		names = append(names[:5], "...")
	}
	return strings.Join(names, ", ")
}

func clip(s string, n int) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "") + "..."
	}
	return s
}
