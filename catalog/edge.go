package catalog

import (
	"context"
	"net"
	"net/url"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/domain"
	"github.com/slipway-dev/slipway/store"
)

// naming is what the edge was told last. An edge has one platform, so that what this
// process tells it one after the other is in order.
type naming struct {
	sync.Mutex
	last slipway.Domains
	at   time.Time // when that was; zero for never

	first atomic.Pointer[map[string]string] // the first own name, by default name
}

const (
	// tellPatience is how long a change waits for the edge, which gets to know it
	// anyhow in a moment.
	tellPatience = 3 * time.Second
	// tellAgain is how soon an edge that lost what it was told is told again.
	tellAgain = 30 * time.Second
)

// Answer tells the edge of all host names, unless it has been told just them.
// Another process on the same database may have changed them.
func (cat *Catalog) Answer(ctx context.Context) error {
	cat.naming.Lock()
	defer cat.naming.Unlock()
	now, err := cat.allDomains(store.AsSystem(ctx))
	if err != nil {
		return err
	}
	first := map[string]string{}
	for _, own := range now.Own {
		first[slipway.DefaultHost(own.Service, own.Environment, "")] = own.Names[0]
	}
	cat.naming.first.Store(&first)
	if cat.ports.Edge == nil {
		return nil
	}
	if time.Since(cat.naming.at) < tellAgain && reflect.DeepEqual(now, cat.naming.last) {
		return nil
	}
	if err := cat.ports.Edge.Answer(ctx, now); err != nil {
		cat.naming.at = time.Time{}
		return err
	}
	cat.naming.last, cat.naming.at = now, time.Now()
	return nil
}

// answerNow tells the edge of a change that is made. When the edge can't be told in
// this moment it is told later.
func (cat *Catalog) answerNow(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tellPatience)
	defer cancel()
	if err := cat.Answer(ctx); err != nil {
		cat.log.Warn("the edge could not be told of a host name; it is tried again", "error", err)
	}
}

func (cat *Catalog) allDomains(ctx context.Context) (slipway.Domains, error) {
	rows, err := cat.db.Domain.Query().WithService().WithEnvironment().
		Order(domain.ByServiceID(), domain.ByEnvironmentID(), domain.ByPosition(), domain.ByID()).All(ctx)
	return byPlace(cat.ports.BaseDomain, rows), err
}

// byPlace puts the names together that lead to one place; rows are in that order.
func byPlace(base string, rows []*ent.Domain) slipway.Domains {
	all := slipway.Domains{Base: base}
	for i, d := range rows {
		if i == 0 || rows[i-1].ServiceID != d.ServiceID || rows[i-1].EnvironmentID != d.EnvironmentID {
			all.Own = append(all.Own, slipway.OwnDomains{Service: d.Edges.Service.Name, Environment: d.Edges.Environment.Name})
		}
		last := &all.Own[len(all.Own)-1]
		last.Names = append(last.Names, d.Name)
	}
	return all
}

// AddressOf is where a service answers in an environment: at the first of its own
// names, or else at its default one. What another process on the same database
// changed just now may be missing.
func (cat *Catalog) AddressOf(service, environment string) string {
	address := cat.ports.URL(service, environment)
	first := cat.naming.first.Load()
	if first == nil {
		return address
	}
	own := (*first)[slipway.DefaultHost(service, environment, "")]
	u, err := url.Parse(address)
	if err != nil || own == "" || u.Host == "" {
		return address
	}
	if port := u.Port(); port != "" {
		own = net.JoinHostPort(own, port)
	}
	u.Host = own
	return u.String()
}
