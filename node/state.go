package node

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway"
)

// placeState is what is known of a service in an environment, as it is written
// to disk before anything depends on it.
type placeState struct {
	Service     string                 `json:"service"`
	Environment string                 `json:"environment"`
	Fence       int64                  `json:"fence"`           // the newest deployment asked for
	Live        string                 `json:"live"`            // has the traffic
	Warm        string                 `json:"warm"`            // had it before
	Cold        bool                   `json:"cold,omitempty"`  // Warm is kept, but does not run
	Next        string                 `json:"next,omitempty"`  // takes over little by little
	Share       int                    `json:"share,omitempty"` // percent of the requests that Next has, as a canary
	Moved       int                    `json:"moved,omitempty"` // web instances of Next that are in use, as it rolls
	Deployments map[string]*deployment `json:"deployments"`
	Released    map[string]outcome     `json:"released"` // release commands by deployment
	Failed      map[string]string      `json:"failed"`   // deployments that were taken away, and why
	Cut         *cutWork               `json:"cut,omitempty"`
}

// cutWork is what of others' work was cut when a deployment took over.
type cutWork struct {
	Deployment string   `json:"deployment"`
	Words      []string `json:"words"`
}

// outcome of a release command. One that has not ended may still run, whatever
// has become of the agent that started it.
type outcome struct {
	Ended   bool    `json:"ended"`
	Reason  string  `json:"reason"`           // "" when it went well
	Unknown bool    `json:"unknown,omitzero"` // it can't be found out how it went
	Process running `json:"process,omitzero"`
}

// err is what whoever asked for the command is told; nil when it went well.
func (o outcome) err() error {
	switch {
	case o.Reason == "":
		return nil
	case !o.Ended:
		return slipway.Errorf(slipway.Unavailable, "%s", o.Reason)
	case o.Unknown:
		return slipway.Errorf(slipway.Unknown, "%s", o.Reason)
	}
	return slipway.Errorf(slipway.Refused, "%s", o.Reason)
}

// deployment is one that has instances.
type deployment struct {
	slipway.Deployment
	Ports     map[string]int     `json:"ports"` // by instance
	Processes map[string]running `json:"processes"`
	Host      string             `json:"host,omitempty"` // the name that its instances are probed by: the first one when it came
	Home      string             `json:"home,omitempty"` // the id that it was started under, when it has another now
}

// home is the id by which directory, logs and processes are known.
func (d *deployment) home() string {
	if d.Home != "" {
		return d.Home
	}
	return d.ID
}

// running is a process as it can be recognised later: a pid alone is used again
// by the kernel, a pid with its start time is not.
type running struct {
	PID         int       `json:"pid"`
	Start       uint64    `json:"start"` // clock ticks after boot
	At          time.Time `json:"at,omitzero"`
	Restarts    int       `json:"restarts,omitempty"`
	Group       string    `json:"group,omitempty"`  // the control group that holds all that it starts
	Keeper      int       `json:"keeper,omitempty"` // the process that writes down what it prints
	KeeperStart uint64    `json:"keeper_start,omitempty"`
	Asked       time.Time `json:"asked,omitzero"`       // when it was sent its stop signal
	AskedRest   bool      `json:"asked_rest,omitempty"` // and what it had left behind as well
	Note        string    `json:"note,omitempty"`       // how the process before it, or it itself, had to end
}

// clone copies what an edit may touch. Deployments are replaced, never edited in
// place, so that whoever holds one goes on seeing what it was.
func (s placeState) clone() placeState {
	s.Released, s.Failed = maps.Clone(s.Released), maps.Clone(s.Failed)
	deployments := make(map[string]*deployment, len(s.Deployments))
	for id, d := range s.Deployments {
		deployments[id] = &deployment{Deployment: d.Deployment, Ports: maps.Clone(d.Ports), Processes: maps.Clone(d.Processes), Host: d.Host, Home: d.Home}
	}
	s.Deployments = deployments
	return s
}

// kept is the deployment whose directory, logs and processes go by home.
func (s *placeState) kept(home string) *deployment {
	for _, d := range s.Deployments {
		if d.home() == home {
			return d
		}
	}
	return nil
}

// change edits the state and writes it down. Memory follows the disk: when an
// error is returned nothing has changed in either.
func (p *place) change(edit func(s *placeState) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return errStopping
	}
	next := p.state.clone()
	if err := edit(&next); err != nil {
		return err
	}
	if err := p.node.writeState(p.service+"."+p.environment+".json", next); err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the node's state can't be written: is the disk full?")
	}
	p.state = next
	return nil
}

// reserve is room on the disk that is given up when there is no other: a crashed
// instance must be able to come back, and the end of what is under way to be kept.
const reserve = 1 << 20

func (n *Node) reserveFile() string { return filepath.Join(n.dir, "reserve") }

// keepReserve makes sure that the reserve is there, while there is room enough.
func (n *Node) keepReserve() {
	if info, err := os.Stat(n.reserveFile()); err == nil && info.Size() == reserve {
		return
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(n.dir, &disk); err != nil || disk.Bavail*uint64(disk.Bsize) < 16*reserve { // #nosec G115 -- a block's size is positive
		return
	}
	filled := make([]byte, reserve)
	_, _ = rand.Read(filled) // a file system that compresses would reserve nothing
	if err := os.WriteFile(n.reserveFile(), filled, 0o600); err != nil {
		_ = os.Remove(n.reserveFile())
	}
}

// writeState writes a file of the state.
func (n *Node) writeState(name string, v any) error {
	return n.writeKept(filepath.Join("state", name), v)
}

// writeKept writes a file of the node's directory, at the cost of the reserve if need be.
func (n *Node) writeKept(name string, v any) error {
	path := filepath.Join(n.dir, name)
	err := writeJSON(path, v)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		if os.Remove(n.reserveFile()) == nil {
			n.o.Log.Warn("the disk is full; what was kept back for this is used, so free some space now", "directory", n.dir)
		}
		return writeJSON(path, v)
	}
	if err == nil {
		n.keepReserve()
	}
	return err
}

// writeJSON replaces a file whole and for good.
func writeJSON(path string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	// The file is in place whatever the directory's own sync says.
	if dir, err := os.Open(filepath.Dir(path)); err == nil {
		_ = dir.Sync()
		_ = dir.Close()
	}
	return nil
}
