package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/slipway-dev/slipway/adapters/build"
	"github.com/slipway-dev/slipway/sandbox"
)

// oldestGit, as 100 times the major and the minor version, is the first that
// knows fetch --no-write-fetch-head.
const oldestGit = 229

var gitVersion = regexp.MustCompile(`(\d+)\.(\d+)`)

func (d *doctor) git(ctx context.Context) {
	const remedy = "install git 2.29 or newer, such as Debian's git"
	path, err := exec.LookPath("git")
	if err != nil {
		d.say("git", fail, "there is no git on the PATH", remedy)
		return
	}
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	said := strings.TrimSpace(string(out))
	version := gitVersion.FindStringSubmatch(said)
	if err != nil || version == nil {
		d.say("git", fail, path+" does not say its version", remedy)
		return
	}
	major, _ := strconv.Atoi(version[1])
	minor, _ := strconv.Atoi(version[2])
	state := ok
	if major*100+minor < oldestGit {
		state = fail
	}
	d.say("git", state, fmt.Sprintf("%s (%s)", strings.TrimPrefix(said, "git version "), path), remedy)
}

// pythons looks for interpreters, and asks each for what virtual environments
// need: Debian has it in a package of its own.
func (d *doctor) pythons() {
	data := d.Data
	if gone(data) { // what is found is remembered there, and nothing should be made by looking
		temporary, err := os.MkdirTemp("", "slipway-doctor-")
		if err == nil {
			defer os.RemoveAll(temporary)
			data = temporary
		}
	}
	found, err := build.FindInterpreters(d.Context, data)
	if err != nil || len(found) == 0 {
		d.say("python", fail, "no Python 3 found", "install one, such as Debian's python3 and python3-venv; pyenv's and uv's are found too")
		return
	}
	var names, without []string
	for _, p := range found {
		names = append(names, p.Version)
		d.within(func(ctx context.Context) {
			if exec.CommandContext(ctx, p.Path, "-I", "-S", "-c", "import venv, ensurepip").Run() != nil {
				without = append(without, p.Version+" ("+p.Path+")")
			}
		})
	}
	d.say("python", ok, listed(names), "")
	remedy := "install its venv package, such as Debian's python3-venv"
	switch {
	case len(without) == len(found):
		d.say("venv", fail, "no Python can make virtual environments: "+listed(without), remedy)
	case len(without) > 0:
		d.say("venv", warn, "can't make virtual environments: "+listed(without), remedy)
	default:
		d.say("venv", ok, "every Python can make virtual environments", "")
	}
}

// confinement says what holds the code of projects while it is built and run, and
// git, which reads what they wrote.
func (d *doctor) confinement() {
	p := sandbox.Protection()
	state := ok
	if len(p.Weak()) > 0 {
		state = warn
	}
	by := "slipway-holder"
	if !sandbox.Embedded() {
		by = "slipway itself, ten times slower than the slipway-holder that make builds in"
	}
	d.say("confinement", state, "builds, tests, templates and git: "+p.String()+", put in force by "+by, strings.Join(p.Weak(), "; "))
}

// memory is what the platform (about 250 MiB) and a few services need.
func (d *doctor) memory() {
	text, err := os.ReadFile("/proc/meminfo")
	available := field(string(text), "MemAvailable:") << 10
	if err != nil || available == 0 {
		d.say("memory", warn, "this machine doesn't say how much memory is free", "see to it that 1 GiB is")
		return
	}
	where := "free"
	if limit, err := os.ReadFile("/sys/fs/cgroup/memory.max"); err == nil {
		if most, err := strconv.ParseUint(strings.TrimSpace(string(limit)), 10, 64); err == nil && most < available {
			available, where = most, "allowed to this container"
		}
	}
	state := ok
	switch {
	case available < 384<<20:
		state = fail
	case available < 1<<30:
		state = warn
	}
	d.say("memory", state, size(available)+" "+where, "the platform takes 250 MiB, and each service its own: stop something else, or take a machine with 1 GiB to spare")
}

func field(text, name string) uint64 {
	for line := range strings.Lines(text) {
		if rest, found := strings.CutPrefix(line, name); found {
			n, _ := strconv.ParseUint(strings.Fields(rest)[0], 10, 64)
			return n
		}
	}
	return 0
}

// names resolves a name as services have them.
func (d *doctor) names(ctx context.Context) {
	const name = "service.dev.localhost"
	addresses, err := net.DefaultResolver.LookupHost(ctx, name)
	outside := slices.ContainsFunc(addresses, func(a string) bool {
		ip, err := netip.ParseAddr(a)
		return err != nil || !ip.IsLoopback()
	})
	switch {
	case err != nil || len(addresses) == 0:
		d.say("localhost", warn, name+" has no address here; browsers and curl know it by themselves, other programs don't", "install systemd-resolved or libnss-myhostname, or name your services in /etc/hosts: 127.0.0.1 "+name)
	case outside:
		d.say("localhost", fail, name+" is "+listed(addresses)+", not this machine", "names below localhost must lead to this machine (RFC 6761): change the name server that answers, or install libnss-myhostname")
	default:
		d.say("localhost", ok, name+" is "+listed(addresses), "")
	}
}

// port tells whether an address is free, and who has it if not.
func (d *doctor) port(name, flag, address, ours string) {
	if ours != "" {
		d.say(name, ok, ours+" is this platform's", "")
		return
	}
	remedy := "stop it, or choose another: slipway up " + flag + " 127.0.0.1:0"
	l, err := net.Listen("tcp", address)
	switch {
	case err == nil:
		_ = l.Close()
		d.say(name, ok, address+" is free", "")
	case errors.Is(err, syscall.EADDRINUSE):
		who := "another program"
		if pid := holder(address); pid != 0 {
			who = fmt.Sprintf("process %d (%s)", pid, command(pid))
		}
		d.say(name, warn, address+" is taken by "+who, remedy)
	case errors.Is(err, syscall.EACCES):
		d.say(name, fail, address+" takes a right that this user hasn't", "choose a port above 1023, or give the program CAP_NET_BIND_SERVICE")
	default:
		d.say(name, fail, address+" can't be opened: "+err.Error(), remedy)
	}
}

// holder finds the process that listens on an address; 0 when it is another
// user's.
func holder(address string) int {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return 0
	}
	number, _ := strconv.Atoi(port)
	sockets := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, _ := os.ReadFile(table)
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			if len(f) > 9 && f[3] == "0A" && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", number)) {
				sockets["socket:["+f[9]+"]"] = true
			}
		}
	}
	open, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, fd := range open {
		if to, err := os.Readlink(fd); err == nil && sockets[to] {
			pid, _ := strconv.Atoi(strings.Split(fd, "/")[2])
			return pid
		}
	}
	return 0
}

// command is the command line of a process, shortened.
func command(pid int) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	line := strings.TrimSpace(strings.ReplaceAll(string(text), "\x00", " "))
	if r := []rune(line); len(r) > 60 {
		line = string(r[:60]) + "…"
	}
	return line
}
