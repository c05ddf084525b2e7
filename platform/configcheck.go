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
	for _, v := range found.asks {
		if _, set := slices.BinarySearch(keys, v.Name); e != nil && v.Required && !set && !syntax.Given(v.Name) {
			v.File = strings.TrimPrefix(v.File, "source/")
			check.Missing = append(check.Missing, v)
		}
	}
	return check, nil
}

// mostAsks is how many answers are kept.
const mostAsks = 200

// releaseAsks is what a look into a release found.
type releaseAsks struct {
	asks    []syntax.Variable
	unnamed []string
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
