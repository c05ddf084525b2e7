package source

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/sandbox"
)

// refusedID says that the server doesn't give out a commit by its id; there are
// other ways to it.
type refusedID struct{ error }

func (e *refusedID) Unwrap() error { return e.error }

// explain turns git's failure into a sentence. The patterns are those of git
// and of ssh; they are read from an English, C-locale run. Git's own words, with
// secrets scrubbed, are the cause.
func (m *mirror) explain(r sandbox.Result, text string) error {
	said := errors.New(clip(strings.TrimSpace(text), 2000))
	// A repository may be called redirect-not-found.
	words := strings.ReplaceAll(strings.ReplaceAll(text, m.repo.URL, ""), m.shown, "")
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(words, p) })
	}
	sentence := func(code slipway.Code, format string, args ...any) error {
		return slipway.Wrap(code, said, format, args...)
	}
	url := m.shown
	switch {
	case r.TimedOut:
		return sentence(slipway.Unavailable, "the repository %s did not answer in time; is its server up?", url)
	case r.Flooded:
		return sentence(slipway.Invalid, "the repository %s has too many files or references to be listed", url)
	case m.closed != "":
		m.broken = true // it may be that as well, and is quickly made
		return sentence(slipway.Invalid, "the repository %s borrows objects of %s (objects/info/alternates), which isn't open to it; have that directory stated with slipway up --repositories DIR, or let the repository keep its own: git repack -a -d, and remove the file", url, m.closed)
	case hostOf(m.repo.URL) == "" && (has("Permission denied") || slices.ContainsFunc(m.reads, rootAlone)):
		return sentence(slipway.Invalid, "git may not read all of %s: it reads what everybody may or the platform's user owns, without root's rights, and nothing outside the repository; make its files readable, or push it to a server", url)
	case has("repository corruption on the remote side"):
		return sentence(slipway.Invalid, "the repository %s lacks objects of its own, as git's own server says: git fsck there names them; a partial clone (--filter) is none to deploy from", url)
	case has("not our ref", "unadvertised object", "no such remote ref", "couldn't find remote ref", "does not allow request for"):
		return &refusedID{sentence(slipway.Invalid, "the repository %s does not have what was asked for; was the branch pushed over?", url)}
	case has("Authentication failed", "could not read Username", "could not read Password", "Permission denied (", "HTTP 401", "HTTP 403", "error: 401", "error: 403", "terminal prompts disabled"):
		return sentence(slipway.Invalid, "the repository %s is private or the credential is wrong; give a token (https) or a private key (ssh) that opens it: `slipway service add URL --token < FILE`, or `slipway service set NAME --token < FILE` when it is registered", url)
	case has("Load key", "invalid format", "error in libcrypto"):
		return sentence(slipway.Invalid, "the private key for %s can't be read; store one in OpenSSH's format, without a passphrase", url)
	case has("Host key verification failed"):
		return sentence(slipway.Invalid, "the host key of %s has changed; if that is right, remove its line from mirrors/hosts/%s (or from mirrors/known_hosts) in the data directory", url, filepath.Base(m.known))
	case has("cannot run ssh"):
		return sentence(slipway.Unavailable, "ssh is not installed on this machine; install OpenSSH's client, or use https")
	case has("certificate problem", "certificate verification failed", "server certificate"):
		return sentence(slipway.Unavailable, "the certificate of %s can't be trusted; if your own authority signed it, name its file in SSL_CERT_FILE", url)
	case has("mismatched algorithms", "object-format"):
		return sentence(slipway.Invalid, "the repository %s uses SHA-256 object ids, which are not supported yet", url)
	case has("No space left on device", "Disk quota exceeded"):
		return sentence(slipway.Unavailable, "the disk is full; free some space and promote again")
	case has("transport 'file' not allowed", "not allowed"):
		return sentence(slipway.Invalid, "the repository %s leads somewhere that is not allowed", url)
	case has("redirect", "error: 301", "error: 302", "error: 307", "error: 308"):
		return sentence(slipway.Invalid, "the repository %s has moved; give its new URL, with `slipway service set NAME --repository URL` when it is registered", url)
	case has("does not appear to be a git repository", "not found", "does not exist", "Repository not found", "not valid: is this a git repository", "No such file or directory"):
		return sentence(slipway.Invalid, "there is no repository at %s; check the URL, and whether it is private", url)
	case has("not a git repository", "is corrupt", "object corrupt", "inflate:", "bad object", "unable to read tree", "loose object", "does not match index", "is empty", "file too short"):
		m.broken = true
		return sentence(slipway.Unavailable, "this machine's copy of %s was damaged and is fetched again at the next try", url)
	case has("Could not resolve host", "Connection refused", "Connection timed out", "unable to access", "Network is unreachable", "Could not read from remote", "early EOF", "hung up"):
		return sentence(slipway.Unavailable, "the repository %s can't be reached; is its server up, and does this machine reach it?", url)
	}
	return sentence(slipway.Unavailable, "git could not read %s; what it said is in the step's log", url)
}
