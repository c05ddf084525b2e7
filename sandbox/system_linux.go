package sandbox

import (
	"debug/elf"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/slipway-dev/slipway"
)

// Of the system a command may read and execute these, whole. /proc shows of the
// processes outside what ps shows: the kernel opens their memory, environment and
// descriptors to nobody who is confined.
var programs = []string{
	"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix/store", "/gnu/store", "/snap", "/run/current-system",
	"/proc", "/sys", "/var/cache/fontconfig", "/var/lib/ca-certificates", "/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager/resolv.conf", "/run/NetworkManager/no-stub-resolv.conf",
}

// devices may be used.
var devices = []string{"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/ptmx", "/dev/pts"}

// sockets are those of the system that take what everybody says, for what it is: they
// write it down, or look up a name. Only newer kernels ask who connects to one at all;
// on others a view has no more than these.
var sockets = []string{"/run/systemd/journal", "/run/systemd/resolve", "/run/nscd", "/var/run/nscd", "/dev/log"}

// named are the settings that name files of this machine: certificates to trust,
// and where packages lie.
var named = []string{"PIP_CERT", "PIP_FIND_LINKS", "UV_FIND_LINKS", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS"}

// rules are all that c and the system give.
func (c Confinement) rules() ([]rule, error) {
	var rules []rule
	closed := make([]string, 0, len(c.Closed))
	for _, dir := range c.Closed {
		real, err := filepath.EvalSymlinks(dir)
		if err != nil {
			return nil, slipway.Wrap(slipway.Unavailable, err, "%s can't be closed to a command", dir)
		}
		closed = append(closed, real)
	}
	for _, path := range programs {
		rules = open(rules, path, canExecute, closed)
	}
	rules = append(rules, etc.list()...)
	if real, err := filepath.EvalSymlinks("/etc/resolv.conf"); err == nil {
		rules = append(rules, rule{Path: real, Rights: canRead})
	}
	for _, name := range named {
		for _, path := range filepath.SplitList(os.Getenv(name)) {
			if filepath.IsAbs(path) {
				rules = open(rules, path, canRead, closed)
			}
		}
	}
	rules = append(rules, rule{Path: "/dev", Rights: canList}, rule{Path: "/dev/shm", Rights: canWrite})
	for _, path := range devices {
		rules = append(rules, rule{Path: path, Rights: canUse})
	}
	for _, path := range sockets {
		rules = open(rules, path, canConnect, closed)
	}
	for _, path := range c.Read {
		rules = append(rules, rule{Path: path, Rights: canExecute | canConnect})
	}
	if c.Tmp != "" {
		// Seen at /tmp it doesn't lie inside what holds it.
		rules = append(rules, rule{Path: c.Tmp, Rights: canWrite, Must: true})
	}
	for _, path := range c.Write {
		rules = append(rules, rule{Path: path, Rights: canWrite, Must: true})
	}
	return c.only(rules), nil
}

// only takes the right to execute from all but the programs, if they are named, and
// what the kernel loads them with.
func (c Confinement) only(rules []rule) []rule {
	if len(c.Programs) == 0 {
		return rules
	}
	for i := range rules {
		rules[i].Rights &^= canExecute &^ canRead
	}
	for _, path := range c.Programs {
		rules = append(rules, rule{Path: path, Rights: canExecute, Must: true})
		if f, err := elf.Open(path); err == nil {
			for _, part := range f.Progs {
				if part.Type != elf.PT_INTERP {
					continue
				}
				if name, err := io.ReadAll(io.LimitReader(part.Open(), 4096)); err == nil {
					rules = append(rules, rule{Path: strings.TrimRight(string(name), "\x00"), Rights: canExecute})
				}
			}
			_ = f.Close()
		}
	}
	return rules
}

// open gives rights to a path but not to what is closed inside it: then to each
// of its entries instead.
func open(rules []rule, path string, rights uint64, closed []string) []rule {
	if len(closed) == 0 {
		return append(rules, rule{Path: path, Rights: rights})
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return rules
	}
	inside := false
	for _, dir := range closed {
		if below(real, dir) {
			return rules
		}
		inside = inside || below(dir, real)
	}
	if !inside {
		return append(rules, rule{Path: real, Rights: rights})
	}
	entries, _ := os.ReadDir(real)
	for _, e := range entries {
		if e.Type()&fs.ModeSymlink == 0 {
			rules = open(rules, filepath.Join(real, e.Name()), rights, closed)
		}
	}
	return rules
}

// etc remembers what of /etc everybody may read: not keys and password hashes,
// which the platform itself may when it is root.
var etc settings

type settings struct {
	sync.Mutex
	at    time.Time
	rules []rule
}

// fresh is how long a list of /etc is good: what is installed later is seen then.
const fresh = 30 * time.Second

func (s *settings) list() []rule {
	s.Lock()
	defer s.Unlock()
	if s.rules == nil || time.Since(s.at) > fresh {
		s.rules, _ = readable("/etc")
		s.rules = append(s.rules, rule{Path: "/etc", Rights: canList})
		s.at = time.Now()
	}
	return s.rules
}

// readable are rules for all below a directory that everybody may read; whole
// says that this is everything, by one rule.
func readable(dir string) (rules []rule, whole bool) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, false
	}
	whole = true
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		info, err := e.Info()
		switch {
		case err != nil || e.Type()&fs.ModeSymlink != 0:
			// What a link leads to is opened where it lies, or isn't.
		case e.IsDir() && info.Mode().Perm()&0o005 == 0o005:
			inner, all := readable(path)
			rules, whole = append(rules, inner...), whole && all
		case info.Mode().IsRegular() && info.Mode().Perm()&0o004 != 0:
			rules = append(rules, rule{Path: path, Rights: canExecute})
		default:
			whole = false
		}
	}
	if whole {
		return []rule{{Path: dir, Rights: canExecute}}, true
	}
	return rules, false
}
