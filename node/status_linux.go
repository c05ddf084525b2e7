package node

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/slipway-dev/slipway"
)

// Status is what the node says of itself. What can't be read of the machine is 0.
func (n *Node) Status() slipway.NodeStatus {
	s := slipway.NodeStatus{ID: n.id, PID: os.Getpid(), Edge: n.o.Edge, Started: n.started, CPUs: runtime.NumCPU()}
	held := n.protection()
	s.Confinement, s.Weak = held.String(), weak(held)
	n.mu.Lock()
	places := make([]*place, 0, len(n.places))
	for _, p := range n.places {
		places = append(places, p)
	}
	n.mu.Unlock()
	for _, p := range places {
		p.mu.Lock()
		if p.state.Live != "" {
			s.Services++
			for _, i := range p.instances[p.state.Live] {
				if i.blind.Load() {
					s.Weak = append(s.Weak, fmt.Sprintf("who listens at the port of %s of %s in %s can't be found out, as it keeps its processes from being read: whoever gets that port would get its requests", i.id, p.service, p.environment))
				}
			}
			for _, i := range p.reports(p.state.Live) {
				s.Instances++
				if i.State != slipway.InstanceHealthy {
					s.Unhealthy++
				}
			}
		}
		p.mu.Unlock()
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		s.Load, _ = strconv.ParseFloat(strings.Fields(string(text) + " 0")[0], 64)
	}
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			switch f := strings.Fields(line); {
			case len(f) < 2:
			case f[0] == "MemTotal:":
				s.Memory = kibibytes(f[1])
			case f[0] == "MemAvailable:":
				s.MemoryFree = kibibytes(f[1])
			}
		}
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(n.dir, &disk); err == nil {
		s.Disk, s.DiskFree = int64(disk.Blocks)*disk.Bsize, int64(disk.Bavail)*disk.Bsize // #nosec G115 -- no disk's size overflows an int64
	}
	return s
}

func kibibytes(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64)
	return n << 10
}

// weak is of services what Protection.Weak says, and what it says of builds alone
// is left out.
func weak(p slipway.Protection) []string {
	ends := p.Ends
	p.Ends = "cgroup"
	list := p.Weak()
	if ends == "mark" {
		list = append(list, "what a service detaches on purpose can outlive it; it takes a control group (v2) that the node may write to, such as that of a unit with Delegate=yes, to end all of it")
	}
	return list
}
