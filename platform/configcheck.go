package platform

import (
	"context"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/python/syntax"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/store"
)

// ConfigCheck tells how the config of a service in an environment fits the release
// that runs there, or else its newest one.
type ConfigCheck struct {
	Release int               // 0: there is none yet
	Running bool              // it runs there
	Missing []syntax.Variable // asked for without a default, and not set
	Unused  []string          // set, and named by no file of the release
	Asked   int               // keys that the release asks for by name
	Why     string            // why it can't be told; "" when it can
}

// CheckConfig looks into the release for the keys that it asks for. What it finds
// is what can be read: a name that is put together, or that only a library
// knows, is not seen. Missing is empty for a service everywhere (environment
// ""), as each environment may set what is missing there.
func (p *Platform) CheckConfig(ctx context.Context, serviceName, environmentName string) (ConfigCheck, error) {
	settings, _, err := p.Config(ctx, serviceName, environmentName)
	if err != nil {
		return ConfigCheck{}, err
	}
	s, err := p.Service(ctx, serviceName)
	if err != nil {
		return ConfigCheck{}, err
	}
	var e *ent.Environment
	if environmentName != "" {
		if e, err = p.Environment(ctx, environmentName); err != nil {
			return ConfigCheck{}, err
		}
	}
	r, err := p.Newest(ctx, s, e)
	if err != nil || r == nil {
		return ConfigCheck{}, err
	}
	check := ConfigCheck{Release: r.Number}
	if e != nil {
		live, err := p.Live(ctx, s.ID, e.ID)
		if err != nil {
			return check, err
		}
		check.Running = live != nil
	}
	artifact, err := p.Builder.Open(ctx, slipway.Digest(r.Artifact))
	if err = report.Gone(err, r); err != nil {
		if slipway.CodeOf(err) != slipway.NotFound {
			return check, err
		}
		check.Why = err.Error()
		return check, nil
	}
	keys := make([]string, len(settings)) // sorted
	for i, set := range settings {
		keys[i] = set.Key
	}
	found, err := p.asks.of(artifact, r, keys)
	if err != nil {
		check.Why = "the files of release " + strconv.Itoa(r.Number) + " can't be read"
		if slipway.CodeOf(err) == slipway.Refused {
			check.Why = err.Error()
		}
		return check, nil
	}
	check.Asked, check.Unused = len(found.asks), found.unnamed
	if e != nil {
		check.Missing = found.missing(func(key string) bool { _, set := slices.BinarySearch(keys, key); return set })
	}
	return check, nil
}

// lacking says which variables a release asks for without a default that its config
// doesn't have; nothing where either can't be read.
func (p *Platform) lacking(ctx context.Context, d difference, note noter) {
	if d.release == nil || d.config == nil {
		return
	}
	artifact, err := p.Builder.Open(ctx, slipway.Digest(d.release.Artifact))
	if err != nil {
		return
	}
	found, err := p.asks.of(artifact, d.release, nil)
	if err != nil {
		return
	}
	missing := found.missing(func(key string) bool { _, set := d.config.Env[key]; return set })
	for _, v := range missing[:min(len(missing), mostLacking)] {
		note("wait", fmt.Sprintf("%s, line %d, asks for it without a default.", store.Printable(v.File), v.Line), "%s is not set in %s.", store.Printable(v.Name), d.environment.Name)
	}
	if more := len(missing) - mostLacking; more > 0 {
		note("wait", "The config page of the service lists them.", "%d more variables are not set in %s.", more, d.environment.Name)
	}
}

// mostLacking is how many variables that are not set have a note each.
const mostLacking = 5

// mostAsks is how many answers are kept.
const mostAsks = 200

// releaseAsks is what a look into a release found.
type releaseAsks struct {
	asks    []syntax.Variable
	unnamed []string
}

// missing are those that are asked for without a default and not set.
func (a releaseAsks) missing(set func(key string) bool) (list []syntax.Variable) {
	for _, v := range a.asks {
		if v.Required && !set(v.Name) && !syntax.Given(v.Name) {
			v.File = strings.TrimPrefix(v.File, "source/")
			list = append(list, v)
		}
	}
	return list
}

// asksOf keeps what was found in releases: an artifact never changes.
type asksOf struct {
	mu   sync.Mutex
	kept map[string]releaseAsks
}

func (k *asksOf) of(a slipway.Artifact, r *ent.Release, keys []string) (releaseAsks, error) {
	id := fmt.Sprintf("%s %q", r.Artifact, keys)
	k.mu.Lock()
	found, ok := k.kept[id]
	k.mu.Unlock()
	if ok {
		return found, nil
	}
	root, err := os.OpenRoot(a.Path) // its links may lead anywhere
	if err != nil {
		return found, err
	}
	defer root.Close()
	// A default of the manifest is there whether it is used or not.
	mine := slices.DeleteFunc(slices.Clone(keys), func(key string) bool { _, ok := r.Manifest.Env[key]; return ok })
	if found.unnamed, err = syntax.Unnamed(root.FS(), "source", mine); err != nil {
		return found, err
	}
	found.asks = syntax.Asks(root.FS(), path.Join("source", string(r.Manifest.Dir)), r.Manifest.Templates)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.kept == nil || len(k.kept) >= mostAsks {
		k.kept = map[string]releaseAsks{}
	}
	k.kept[id] = found
	return found, nil
}
