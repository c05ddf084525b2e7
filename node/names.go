package node

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"

	"github.com/slipway-dev/slipway"
)

// naming is which host names lead where, beside the names below localhost that every
// place has.
type naming struct {
	told slipway.Domains
	own  map[string][]string // by service.environment
}

var _ slipway.Edge = (*Node)(nil)

const (
	namesFile = "names.json"
	// mostNames bounds what the edge holds of all services.
	mostNames = 100_000
)

// newNaming puts names in order. A default name can't be taken by an own one, whatever
// is told, and of two who are given the same name the first has it.
func newNaming(d slipway.Domains) *naming {
	n := &naming{told: d, own: map[string][]string{}}
	taken := map[string]bool{}
	for _, o := range d.Own {
		key := o.Service + "." + o.Environment
		for _, name := range o.Names {
			if !taken[name] && !slipway.Reserved(name, d.Base, nil) {
				taken[name] = true
				n.own[key] = append(n.own[key], name)
			}
		}
	}
	return n
}

// of are the names of a place, the one that links and checks use first.
func (n *naming) of(service, environment string) []string {
	names := slices.Clone(n.own[service+"."+environment])
	if n.told.Base != "" {
		names = append(names, slipway.DefaultHost(service, environment, n.told.Base))
	}
	return append(names, slipway.DefaultHost(service, environment, ""))
}

// Answer routes by the names from now on, and after a restart of the agent, too.
func (n *Node) Answer(_ context.Context, d slipway.Domains) error {
	if err := checkDomains(d); err != nil {
		return err
	}
	n.telling.Lock()
	defer n.telling.Unlock()
	if reflect.DeepEqual(n.names.Load().told, d) {
		return nil
	}
	if err := n.writeKept(namesFile, d); err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the host names of services can't be written: is the disk full?")
	}
	n.names.Store(newNaming(d))
	n.reroute()
	return nil
}

func checkDomains(d slipway.Domains) error {
	if d.Base != "" {
		if err := slipway.CheckBase(d.Base, nil); err != nil {
			return err
		}
	}
	count := 0
	for _, o := range d.Own {
		if err := checkPlace(o.Service, o.Environment); err != nil {
			return err
		}
		for _, name := range o.Names {
			if err := slipway.CheckDomain("name", name); err != nil {
				return err
			}
		}
		count += len(o.Names)
	}
	if count > mostNames {
		return slipway.Errorf(slipway.Invalid, "%d host names are more than an edge takes", count)
	}
	return nil
}

// restoreNames reads what the last agent was told. Without it services answer under
// their default names until the platform tells of the others again.
func (n *Node) restoreNames() {
	n.names.Store(newNaming(slipway.Domains{}))
	text, err := os.ReadFile(filepath.Join(n.dir, namesFile))
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	var d slipway.Domains
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	if err == nil {
		err = checkDomains(d)
	}
	if err != nil {
		n.o.Log.Warn("the host names of services can't be read; only default names lead to them until the platform tells of the others", "error", err)
		return
	}
	n.names.Store(newNaming(d))
}

// names are those of the place, the one that links and checks use first.
func (p *place) names() []string { return p.node.names.Load().of(p.service, p.environment) }

// address is a name as people type it.
func (n *Node) address(name string) string {
	if _, port, err := net.SplitHostPort(n.o.Edge); err == nil && port != "80" {
		name = net.JoinHostPort(name, port)
	}
	return "http://" + name
}
