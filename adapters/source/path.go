package source

import (
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway"
)

// admittedFile lists the paths that the platform's operator named, one a line.
const admittedFile = "admitted"

// Stated refuses a repository that is a path of this machine, unless it lies
// below a directory that was stated for everybody. Servers are no matter of it.
func (g *Git) Stated(repo slipway.Repository) error {
	if hostOf(repo.URL) != "" || g.o.AllowFile {
		return nil
	}
	_, err := g.local(repo.URL, false)
	return err
}

// Admit is the operator's word that a path of this machine is a repository. It is
// good from then on, also for later fetches and after a restart.
func (g *Git) Admit(repo slipway.Repository) error {
	if hostOf(repo.URL) != "" || g.o.AllowFile {
		return nil
	}
	if _, err := g.local(repo.URL, true); err != nil {
		return err
	}
	g.admitting.Lock()
	defer g.admitting.Unlock()
	if g.isAdmitted(repo.URL) {
		return nil
	}
	err := os.MkdirAll(g.o.Dir, 0o700)
	if err == nil {
		var f *os.File
		if f, err = os.OpenFile(filepath.Join(g.o.Dir, admittedFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err == nil {
			_, err = f.WriteString(repo.URL + "\n") // URLs hold no line break
			if closed := f.Close(); err == nil {
				err = closed
			}
		}
	}
	if err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "that %s is a repository can't be kept: is the disk full?", repo.URL)
	}
	return nil
}

// AdmitEarlier is the word for what was registered before anybody was asked for
// one; it counts once, at the first start that asks.
func (g *Git) AdmitEarlier(urls []string) error {
	file := filepath.Join(g.o.Dir, admittedFile)
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	for _, raw := range urls {
		if err := g.Admit(slipway.Repository{URL: raw}); slipway.CodeOf(err) == slipway.Unavailable {
			return err
		}
	}
	err := os.MkdirAll(g.o.Dir, 0o700)
	if err == nil {
		var f *os.File
		if f, err = os.OpenFile(file, os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
			err = f.Close()
		}
	}
	if err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the list of repositories on this machine can't be kept: is the disk full?")
	}
	return nil
}

func (g *Git) isAdmitted(raw string) bool { return slices.Contains(g.admitted(), raw) }

func (g *Git) admitted() []string {
	text, err := os.ReadFile(filepath.Join(g.o.Dir, admittedFile))
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// admittedPaths are where the repositories lie that the operator named.
func (g *Git) admittedPaths() (all []string) {
	for _, raw := range g.admitted() {
		if raw != "" {
			all = append(all, leadsTo(raw))
		}
	}
	return all
}

// local finds where a path really leads, and refuses what may not be read there:
// a link of today may be another one tomorrow, so it is asked before each fetch.
func (g *Git) local(raw string, admitted bool) (string, error) {
	refused := slipway.Errorf(slipway.Invalid, "%s is a path of this machine, and accounts can't name those; push it to a server and use https or ssh, "+
		"have the platform's operator add it (slipway --data DIR service add, on this machine), or have its directory stated with slipway up --repositories DIR", raw).At("url")
	real := leadsTo(raw)
	for _, place := range places(real) {
		if g.o.Private != "" && below(g.o.Private, place) {
			return "", slipway.Errorf(slipway.Invalid, "%s leads into the platform's own data directory; that is no repository", raw).At("url")
		}
		if !admitted && !slices.ContainsFunc(g.o.Repositories, func(dir string) bool { return below(dir, place) }) {
			return "", refused
		}
	}
	return real, nil
}

// leadsTo is the place that a URL without a server names. What isn't there tells
// nobody anything: git says the rest.
func leadsTo(raw string) string {
	at := raw
	if u, err := url.Parse(raw); err == nil && u.Scheme == "file" {
		at = u.Path
	}
	if real, err := filepath.EvalSymlinks(at); err == nil {
		return real
	}
	return filepath.Clean(at)
}

// below tells whether a place is a directory or in it, wherever a link leads.
func below(dir, place string) bool {
	if to, err := filepath.EvalSymlinks(dir); err == nil {
		dir = to
	}
	rel, err := filepath.Rel(dir, place)
	return err == nil && filepath.IsLocal(rel)
}
