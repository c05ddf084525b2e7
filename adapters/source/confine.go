package source

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/sandbox"
)

// git reads what strangers wrote, and speaks to servers that they run: it is held
// as code of projects is. It reads the system, its settings and, of a repository on
// this machine, what that consists of; it writes to one mirror, to a home that lives
// as long as the mirror is open, and with ssh to the keys that are known of this one
// server. The network it needs.

// home is the home directory of git's processes while the mirror is open.
func (m *mirror) home() string { return strings.TrimSuffix(m.dir, ".git") + ".home" }

// confinement is what git may reach when it works on a mirror in dir.
func (m *mirror) confinement(dir string) *sandbox.Confinement {
	closed := m.git.o.Dir
	if m.git.o.Private != "" {
		closed = m.git.o.Private
	}
	c := &sandbox.Confinement{
		Read: append([]string{m.git.configFile()}, m.reads...), Write: []string{dir, m.home()}, Closed: []string{closed}, Tmp: filepath.Join(m.home(), "tmp"),
	}
	if m.known != "" {
		c.Write = append(c.Write, m.known)
		c.Read = append(c.Read, filepath.Join(m.git.o.Dir, earlierHosts))
	}
	return c
}

// earlierHosts holds the keys of all servers from before each had its own file.
const earlierHosts = "known_hosts"

// hosts makes sure that there is a file for the keys of the mirror's server, for git
// can't make one. Each server has its own: what one says is kept of no other.
func (m *mirror) hosts() error {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return '_'
	}, hostOf(m.repo.URL))
	m.known = filepath.Join(m.git.o.Dir, "hosts", clip(name, 200))
	err := os.MkdirAll(filepath.Dir(m.known), 0o700)
	if err == nil {
		var f *os.File
		if f, err = os.OpenFile(m.known, os.O_CREATE|os.O_RDONLY, 0o600); err == nil {
			err = f.Close()
		}
	}
	if err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "there is no place for the keys of %s: is the disk full?", m.shown)
	}
	return nil
}

// places are the directories that a repository at a path of this machine consists
// of: it may be elsewhere than where it seems to be, and share with others.
func places(real string) []string {
	all := []string{real}
	dot := filepath.Join(real, ".git")
	if to, err := filepath.EvalSymlinks(dot); err == nil {
		all = append(all, to)
		if dir := named(to, "gitdir:", real); dir != "" { // a worktree's, or a submodule's
			all = append(all, dir)
		}
	}
	for _, dir := range all {
		if common := named(filepath.Join(dir, "commondir"), "", dir); common != "" {
			all = append(all, common)
		}
	}
	return all
}

// named is the directory that a small file of a repository names, relative to base;
// "" when there is no such file.
func named(file, prefix, base string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	dir := strings.TrimSpace(strings.TrimPrefix(string(text), prefix))
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(base, dir)
	}
	if to, err := filepath.EvalSymlinks(dir); err == nil {
		dir = to
	}
	return dir
}

// borrowed are the directories of objects that a repository borrows of others
// (objects/info/alternates) and may: whoever may write to it would otherwise read
// every repository of this machine by it. What it may not is the first such
// directory, whether it is there or not, or "".
func (g *Git) borrowed(own []string) (all []string, mayNot string) {
	const depth = 5 // as git itself looks
	look := make([]string, 0, 2*len(own))
	for _, dir := range own {
		look = append(look, filepath.Join(dir, "objects"))
	}
	for range depth {
		var next []string
		for _, objects := range look {
			text, _ := os.ReadFile(filepath.Join(objects, "info", "alternates"))
			for line := range strings.Lines(string(text)) {
				line = strings.TrimSpace(line)
				if line == "" || strings.HasPrefix(line, "#") {
					continue
				}
				if !filepath.IsAbs(line) {
					line = filepath.Join(objects, line)
				}
				real := leadsTo(line)
				switch {
				case !g.mayRead(real) && !slices.ContainsFunc(own, func(dir string) bool { return below(dir, real) }):
					mayNot = cmp.Or(mayNot, line)
				case !slices.Contains(all, real):
					next = append(next, real)
				}
			}
		}
		all, look = append(all, next...), next
	}
	return all, mayNot
}

// mayRead tells whether a place of this machine is open to repositories that borrow
// of it: it was stated, or belongs to a repository that the operator named.
func (g *Git) mayRead(place string) bool {
	if g.o.Private != "" && below(g.o.Private, place) {
		return false
	}
	if g.o.AllowFile {
		return true
	}
	in := func(dir string) bool { return below(dir, place) }
	return slices.ContainsFunc(g.o.Repositories, in) || slices.ContainsFunc(g.admittedPaths(), in)
}

// rootAlone tells whether a directory is closed to git although it isn't to the
// platform, which runs as root and gives git none of root's rights.
func rootAlone(dir string) bool {
	info, err := os.Stat(dir)
	if err != nil || os.Geteuid() != 0 {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Uid != 0 && info.Mode().Perm()&0o005 != 0o005
}
