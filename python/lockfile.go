package python

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"strings"

	"github.com/slipway-dev/slipway/python/lock"
	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/tree"
)

// readLockFile reads and judges the lock k at name, and fills d.locked. It
// reports a lock that cannot be read, has no manifest, or is stale.
func (d *detection) readLockFile(k lock.Kind, name string, project map[string]any) {
	text, ok := d.tree.ReadLock(name)
	if !ok {
		d.problem(Problem{Code: "lock.unreadable", Message: name + " is larger than Slipway reads, or not a file", File: name, Remedy: "write it again: " + k.Remedy})
		return
	}
	raw, _ := d.tree.Bytes(name, tree.MaxLockFile)
	sum := sha256.Sum256(raw)
	found := &Lock{File: d.tree.Path(name), Digest: hex.EncodeToString(sum[:])}
	d.project.Lock = found
	data, line, err := lock.Parse(name, text)
	if err != nil {
		message := name + " cannot be read: " + err.Error()
		if strings.Contains(text, "<<<<<<<") {
			message = name + " holds a merge conflict"
		}
		found.Reason = message
		d.problem(Problem{Code: "lock.unreadable", Message: message, File: name, Line: line, Remedy: "write it again: " + k.RemedyFor(text)})
		return
	}
	d.lockData = data
	d.locked, found.Hashes = lock.Packages(k.Manager, data)
	if k.Manager == PyLock && manifest.Dig(data, "packages") == nil {
		d.refuse(Problem{Code: "lock.empty", Message: name + " holds no packages", File: name, Line: 1, Remedy: "write it again, such as: uv export --format pylock.toml --output-file " + name})
		return
	}
	if k.Fresh == nil {
		found.Reason = "a pylock.toml does not say what it was made from"
		return
	}
	if project == nil {
		return
	}
	in := lock.Input{Text: text, Lock: data, Manifest: project, Root: project, Tree: d.tree.At(path.Dir(name))}
	if path.Dir(name) != "." {
		above, _ := manifest.ReadPyproject(in.Tree, "pyproject.toml")
		in.Root = above.Data
	}
	result := k.Fresh(in)
	found.Reason = result.Reason
	if !result.Known {
		d.warn(Problem{Code: "lock.unknown", Message: name + " may be out of date: " + result.Reason, File: name, Remedy: "to be sure, run: " + k.RemedyFor(text)})
		return
	}
	found.Fresh = &result.Fresh
	switch {
	case result.Beside != "" && (d.config == nil || d.config.StaleLock == ""):
		d.frozen = true
		was := map[string]string{"version": "written for another version of the project itself", "setting": "made with a setting of somebody's own uv"}[result.Beside]
		d.warn(Problem{Code: "lock." + result.Beside, Message: name + " was " + was + ", and holds the packages that the project asks for: " + result.Reason + "; they are installed",
			File: name, Remedy: k.RemedyFor(text) + " (then commit " + name + "), or refuse it: " + d.stating("stale_lock", "refuse")})
	case !result.Fresh:
		d.stale(k, name, text, result.Reason)
	}
}

func (d *detection) stale(k lock.Kind, name, text, reason string) {
	p := Problem{
		Code: "lock.stale", Message: name + " does not match " + k.Manifest + ": " + reason,
		File: name, Remedy: k.RemedyFor(text) + " (then commit " + name + ")",
	}
	if k.Manager != Poetry {
		p.Remedy += ", or install what it holds: " + d.stating("stale_lock", "warn")
	}
	if d.config != nil && d.config.StaleLock == "warn" {
		if k.Manager != Poetry {
			d.warn(p)
			return
		}
		p.Message += "; stale_lock: warn does not help, for Poetry itself refuses such a lock"
	}
	d.problem(p)
}

// workspaceLock looks above the service's directory for a uv workspace that
// has it as a member, and returns the lock's name.
func (d *detection) workspaceLock() (string, bool) {
	up := ""
	for dir := d.tree.Dir; dir != "."; dir = path.Dir(dir) {
		up += "../"
		parent, problem := manifest.ReadPyproject(d.tree, up+"pyproject.toml")
		if problem != nil || !parent.Has("tool", "uv", "workspace") || !d.tree.Exists(up+"uv.lock") {
			continue
		}
		relative := strings.TrimPrefix(strings.TrimPrefix(d.tree.Dir, path.Dir(dir)), "/")
		for _, pattern := range manifest.DigStrings(parent.Data, "tool", "uv", "workspace", "members") {
			if ok, err := path.Match(path.Clean(pattern), relative); ok && err == nil {
				return up + "uv.lock", true
			}
		}
	}
	return "", false
}
