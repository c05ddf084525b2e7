package python

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"strings"
)

// lockKind is what is known about one kind of lock file.
type lockKind struct {
	manager  Manager
	file     string
	manifest string // the file it locks
	remedy   string // the command that mends it
	fresh    func(lockInput) freshness
}

var lockKinds = []lockKind{
	{UV, "uv.lock", "pyproject.toml", "uv lock", uvFreshness},
	{Poetry, "poetry.lock", "pyproject.toml", "poetry lock", poetryFreshness},
	{PDM, "pdm.lock", "pyproject.toml", "pdm lock", pdmFreshness},
	{Pipenv, "Pipfile.lock", "Pipfile", "pipenv lock", pipenvFreshness},
	{PyLock, "pylock.toml", "", "", nil},
}

func lockKindOf(m Manager) (lockKind, bool) {
	for _, k := range lockKinds {
		if k.manager == m {
			return k, true
		}
	}
	return lockKind{}, false
}

// lockInput is a parsed lock and the manifest it may match.
type lockInput struct {
	text     string         // the lock's text
	lock     map[string]any // the lock
	manifest map[string]any // pyproject.toml or Pipfile
	root     map[string]any // the pyproject.toml beside the lock, when that is another
	tree     tree           // the directory of the lock

	packages bool // only what says which packages are asked for is compared
}

// freshness is the answer to "does the lock match its manifest?".
type freshness struct {
	known  bool
	fresh  bool
	beside string // "version" or "setting": stale by that alone, which asks for no other packages
	reason string // why it is stale, or why it cannot be told
}

func freshIf(ok bool, reason string) freshness {
	if ok {
		return freshness{known: true, fresh: true}
	}
	return freshness{known: true, reason: reason}
}

func unknownFreshness(reason string) freshness { return freshness{reason: reason} }

// parseLock decodes a lock by the name of its file.
func parseLock(name, text string) (map[string]any, int, error) {
	if path.Base(name) == "Pipfile.lock" {
		data := map[string]any{}
		dec := json.NewDecoder(strings.NewReader(text))
		if err := dec.Decode(&data); err != nil {
			return nil, 1 + strings.Count(text[:min(int(dec.InputOffset()), len(text))], "\n"), fmt.Errorf("it is not valid JSON (%w)", err)
		}
		return data, 0, nil
	}
	return parseTOML(text)
}

// readLockFile reads and judges the lock k at name, and fills d.locked. It
// reports a lock that cannot be read, has no manifest, or is stale.
func (d *detection) readLockFile(k lockKind, name string, manifest map[string]any) {
	text, ok := d.tree.readLock(name)
	if !ok {
		d.problem(Problem{Code: "lock.unreadable", Message: name + " is larger than Slipway reads, or not a file", File: name, Remedy: "write it again: " + k.remedy})
		return
	}
	raw, _ := d.tree.bytes(name, maxLockFile)
	sum := sha256.Sum256(raw)
	lock := &Lock{File: d.tree.path(name), Digest: hex.EncodeToString(sum[:])}
	d.project.Lock = lock
	data, line, err := parseLock(name, text)
	if err != nil {
		message := name + " cannot be read: " + err.Error()
		if strings.Contains(text, "<<<<<<<") {
			message = name + " holds a merge conflict"
		}
		lock.Reason = message
		d.problem(Problem{Code: "lock.unreadable", Message: message, File: name, Line: line, Remedy: "write it again: " + k.remedyFor(text)})
		return
	}
	d.lockData = data
	d.locked, lock.Hashes = lockedPackages(k.manager, data)
	if k.manager == PyLock && dig(data, "packages") == nil {
		d.refuse(Problem{Code: "lock.empty", Message: name + " holds no packages", File: name, Line: 1, Remedy: "write it again, such as: uv export --format pylock.toml --output-file " + name})
		return
	}
	if k.fresh == nil {
		lock.Reason = "a pylock.toml does not say what it was made from"
		return
	}
	if manifest == nil {
		return
	}
	in := lockInput{text: text, lock: data, manifest: manifest, root: manifest, tree: d.tree.at(path.Dir(name))}
	if path.Dir(name) != "." {
		above, _ := readPyproject(in.tree, "pyproject.toml")
		in.root = above.data
	}
	result := k.fresh(in)
	lock.Reason = result.reason
	if !result.known {
		d.warn(Problem{Code: "lock.unknown", Message: name + " may be out of date: " + result.reason, File: name, Remedy: "to be sure, run: " + k.remedyFor(text)})
		return
	}
	lock.Fresh = &result.fresh
	switch {
	case result.beside != "" && (d.config == nil || d.config.StaleLock == ""):
		d.frozen = true
		was := map[string]string{"version": "written for another version of the project itself", "setting": "made with a setting of somebody's own uv"}[result.beside]
		d.warn(Problem{Code: "lock." + result.beside, Message: name + " was " + was + ", and holds the packages that the project asks for: " + result.reason + "; they are installed",
			File: name, Remedy: k.remedyFor(text) + " (then commit " + name + "), or refuse it: " + d.stating("stale_lock", "refuse")})
	case !result.fresh:
		d.stale(k, name, text, result.reason)
	}
}

func (d *detection) stale(k lockKind, name, text, reason string) {
	p := Problem{
		Code: "lock.stale", Message: name + " does not match " + k.manifest + ": " + reason,
		File: name, Remedy: k.remedyFor(text) + " (then commit " + name + ")",
	}
	if k.manager != Poetry {
		p.Remedy += ", or install what it holds: " + d.stating("stale_lock", "warn")
	}
	if d.config != nil && d.config.StaleLock == "warn" {
		if k.manager != Poetry {
			d.warn(p)
			return
		}
		p.Message += "; stale_lock: warn does not help, for Poetry itself refuses such a lock"
	}
	d.problem(p)
}

// remedyFor is the command that mends a lock without upgrading what it holds:
// Poetry 1 upgrades everything unless told not to.
func (k lockKind) remedyFor(text string) string {
	if k.manager == Poetry && strings.Contains(firstLine(text), "Poetry 1.") {
		return "poetry lock --no-update"
	}
	return k.remedy
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
