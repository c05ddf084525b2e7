package build

import (
	"path/filepath"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/slipway-dev/slipway"
)

// A pdm.lock that PDM wrote without its strategy inherit_metadata, as older ones do,
// holds every package's version and hashes, but not on which machines it is wanted, and
// PDM refuses to export it. What is wanted then follows from the manifest and from the
// packages themselves, and the lock holds each to its version.

// holdToLock writes what the manifest wants, and the versions to which the lock holds
// it, into files beside each other.
func holdToLock(root, wanted, held string, groups, extras []string) error {
	manifest, err := readMade(filepath.Join(root, "pyproject.toml"))
	if err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "pyproject.toml can't be read")
	}
	lock, err := readMade(filepath.Join(root, "pdm.lock"))
	if err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "pdm.lock can't be read")
	}
	wants, err := wantedByManifest(manifest, groups, extras)
	if err != nil {
		return slipway.Wrap(slipway.Refused, err, "pyproject.toml can't be read")
	}
	holds, err := heldByLock(lock)
	if err != nil {
		return slipway.Wrap(slipway.Refused, err, "the lock file is broken: pdm.lock can't be read; lock again")
	}
	if err := writeAnew(wanted, wants); err != nil {
		return disk(err, "what the project wants can't be kept")
	}
	return disk(writeAnew(held, holds), "what the lock says can't be kept")
}

// wantedByManifest are the requirements of a pyproject.toml, with those of its groups,
// in either of the two places that PDM reads, and extras.
func wantedByManifest(manifest []byte, groups, extras []string) (string, error) {
	var read struct {
		Project struct {
			Dependencies []string
			Optional     map[string][]string `toml:"optional-dependencies"`
		}
		Groups map[string][]any `toml:"dependency-groups"`
		Tool   struct {
			PDM struct {
				Dev map[string][]string `toml:"dev-dependencies"`
			}
		}
	}
	if err := toml.Unmarshal(manifest, &read); err != nil {
		return "", err
	}
	var out strings.Builder
	write := func(requirement string) {
		if !strings.HasPrefix(requirement, "-e ") { // it lies in the tree
			out.WriteString(requirement + "\n")
		}
	}
	for _, r := range read.Project.Dependencies {
		write(r)
	}
	seen := map[string]bool{}
	var group func(name string)
	group = func(name string) {
		if seen[normal(name)] {
			return
		}
		seen[normal(name)] = true
		for key, list := range read.Groups {
			if normal(key) != normal(name) {
				continue
			}
			for _, entry := range list {
				switch e := entry.(type) {
				case string:
					write(e)
				case map[string]any:
					if included, ok := e["include-group"].(string); ok {
						group(included)
					}
				}
			}
		}
		for _, set := range []map[string][]string{read.Tool.PDM.Dev, read.Project.Optional} {
			for key, list := range set {
				if normal(key) == normal(name) {
					for _, r := range list {
						write(r)
					}
				}
			}
		}
	}
	for _, name := range append(append([]string{}, groups...), extras...) {
		group(name)
	}
	return out.String(), nil
}

// heldByLock are the packages of a pdm.lock as constraints with their hashes. In older
// locks the files are in a table of their own.
func heldByLock(lock []byte) (string, error) {
	type file struct{ Hash string }
	var read struct {
		Package []struct {
			Name, Version  string
			Git, Path, URL string
			Extras         []string
			Files          []file
		}
		Metadata struct{ Files map[string][]file }
	}
	if err := toml.Unmarshal(lock, &read); err != nil {
		return "", err
	}
	var out strings.Builder
	seen := map[string]bool{}
	for _, p := range read.Package {
		pin := normal(p.Name) + "==" + p.Version
		if p.Version == "" || p.Git != "" || p.Path != "" || p.URL != "" || seen[pin] {
			continue
		}
		seen[pin] = true
		out.WriteString(pin)
		known := map[string]bool{}
		for _, f := range append(p.Files, read.Metadata.Files[p.Name+" "+p.Version]...) {
			if f.Hash != "" && !known[f.Hash] {
				known[f.Hash] = true
				out.WriteString(" --hash=" + f.Hash)
			}
		}
		out.WriteString("\n")
	}
	return out.String(), nil
}
