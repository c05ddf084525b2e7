// Package lock reads the lock files of package managers: what they hold, and whether that is
// still what the manifest asks for, as each manager itself would say. What follows from a
// stale one is decided elsewhere.
package lock

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/tree"
)

// Kind is what is known about one kind of lock file.
type Kind struct {
	Manager  manifest.Manager
	File     string
	Manifest string // the file it locks
	Remedy   string // the command that mends it
	Fresh    func(Input) Freshness
}

// Kinds are the locks that are known, the ones that say most first.
var Kinds = []Kind{
	{manifest.UV, "uv.lock", "pyproject.toml", "uv lock", uvFreshness},
	{manifest.Poetry, "poetry.lock", "pyproject.toml", "poetry lock", poetryFreshness},
	{manifest.PDM, "pdm.lock", "pyproject.toml", "pdm lock", pdmFreshness},
	{manifest.Pipenv, "Pipfile.lock", "Pipfile", "pipenv lock", pipenvFreshness},
	{manifest.PyLock, "pylock.toml", "", "", nil},
}

// KindOf is the lock that a manager writes; ok is false for one that writes none.
func KindOf(m manifest.Manager) (Kind, bool) {
	for _, k := range Kinds {
		if k.Manager == m {
			return k, true
		}
	}
	return Kind{}, false
}

// Input is a parsed lock and the manifest it may match.
type Input struct {
	Text     string         // the lock's text
	Lock     map[string]any // the lock
	Manifest map[string]any // pyproject.toml or Pipfile
	Root     map[string]any // the pyproject.toml beside the lock, when that is another
	Tree     tree.Tree      // the directory of the lock

	packages bool // only what says which packages are asked for is compared
}

// Freshness is the answer to "does the lock match its manifest?".
type Freshness struct {
	Known  bool
	Fresh  bool
	Beside string // "version" or "setting": stale by that alone, which asks for no other packages
	Reason string // why it is stale, or why it cannot be told
}

func freshIf(ok bool, reason string) Freshness {
	if ok {
		return Freshness{Known: true, Fresh: true}
	}
	return Freshness{Known: true, Reason: reason}
}

func unknownFreshness(reason string) Freshness { return Freshness{Reason: reason} }

// Parse decodes a lock by the name of its file.
func Parse(name, text string) (map[string]any, int, error) {
	if path.Base(name) == "Pipfile.lock" {
		data := map[string]any{}
		dec := json.NewDecoder(strings.NewReader(text))
		if err := dec.Decode(&data); err != nil {
			return nil, 1 + strings.Count(text[:min(int(dec.InputOffset()), len(text))], "\n"), fmt.Errorf("it is not valid JSON (%w)", err)
		}
		return data, 0, nil
	}
	return manifest.ParseTOML(text)
}

// RemedyFor is the command that mends a lock without upgrading what it holds:
// Poetry 1 upgrades everything unless told not to.
func (k Kind) RemedyFor(text string) string {
	if k.Manager == manifest.Poetry && strings.Contains(firstLine(text), "Poetry 1.") {
		return "poetry lock --no-update"
	}
	return k.Remedy
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
