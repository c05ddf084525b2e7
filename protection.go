package slipway

import (
	"fmt"
	"strings"
)

// Protection is what keeps the code of projects, and the commands that handle
// it, from the rest of a machine: found out by trying it, not by a setting.
type Protection struct {
	// User is whom that code runs as.
	User string `json:"user"`
	// Root says that this is the machine's administrator, whose rights are taken
	// away one by one rather than never there.
	Root bool `json:"root,omitempty"`
	// Landlock is the version of the kernel's Landlock that holds it to the paths
	// that it needs; 0 where the kernel has none.
	Landlock int `json:"landlock"`
	// Signals says that it can't signal processes outside, nor reach their abstract
	// sockets.
	Signals bool `json:"signals"`
	// Seccomp says that it can't ask the kernel for what Landlock has no say in: to
	// leave set-user-ID programs, or to set limits and priorities of other processes.
	Seccomp bool `json:"seccomp"`
	// Namespaces says that a build has a process table, mounts, a /tmp and a
	// /dev/shm of its own, in which neither others' homes nor the data directory are.
	Namespaces bool `json:"namespaces"`
	// Mounts says that it has mounts of its own, as whatever user: the data directory
	// and others' homes aren't there, and modes, owners and times of what it may not
	// write to can't be changed, for which Landlock has no rule.
	Mounts bool `json:"mounts"`
	// Ends is by what nothing of a command outlives it: "namespace", "domain" (one
	// signal to all that it confines), or "descent": all that descend from it are
	// ended one by one, which one that multiplies quickly may outrun.
	Ends string `json:"ends"`
}

// Weak lists what isn't there that should be, each with its remedy; none means
// that every layer is in force.
func (p Protection) Weak() []string {
	var weak []string
	if p.Root {
		weak = append(weak, "everything runs as root, without root's capabilities; run the platform as a user of its own")
	}
	switch {
	case p.Landlock == 0:
		weak = append(weak, "code of projects reaches every file that "+p.User+" reaches; it takes a kernel with Landlock (5.13 or later, enabled by lsm=landlock) to hold it")
	case !p.Signals:
		weak = append(weak, "code of projects can signal every process of "+p.User+"; it takes kernel 6.12 to hold it")
	}
	if !p.Mounts {
		weak = append(weak, "code of projects can change the modes and times of every file of "+p.User+", and so open it to other users of this machine; it takes mounts of its own to hold it, for which this machine has to let "+p.User+" have user namespaces")
	}
	if !p.Seccomp {
		weak = append(weak, "code of projects can set limits and priorities of every process of "+p.User+", and leave programs by which others become "+p.User+"; it takes a kernel with seccomp filters, on amd64 or arm64, to hold it")
	}
	if p.Ends == "descent" {
		weak = append(weak, "a build that multiplies faster than it is ended can outlive its end; it takes kernel 6.12 to end all of it at once")
	}
	return weak
}

// String is one line for people.
func (p Protection) String() string {
	parts := []string{"user " + p.User}
	if p.Landlock > 0 {
		parts = append(parts, fmt.Sprintf("Landlock %d", p.Landlock))
	} else {
		parts = append(parts, "no Landlock")
	}
	if p.Seccomp {
		parts = append(parts, "seccomp")
	} else {
		parts = append(parts, "no seccomp")
	}
	switch {
	case p.Namespaces:
		parts = append(parts, "namespaces")
	case p.Mounts:
		parts = append(parts, "mounts of its own")
	}
	return strings.Join(append(parts, "ended by "+p.Ends), ", ")
}

// Layers lists what is in force, for a record: whoever reads it later finds out
// what held the code then, and what didn't is what isn't listed.
func (p Protection) Layers() []string {
	layers := []string{"user " + p.User, "no capabilities"}
	if p.Landlock > 0 {
		layers = append(layers, fmt.Sprintf("Landlock %d", p.Landlock))
	}
	if p.Signals {
		layers = append(layers, "no signals outside")
	}
	if p.Seccomp {
		layers = append(layers, "seccomp")
	}
	if p.Namespaces {
		layers = append(layers, "namespaces")
	}
	if p.Mounts {
		layers = append(layers, "mounts of its own")
	}
	return append(layers, "ended by "+p.Ends)
}
