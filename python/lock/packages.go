package lock

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/python/manifest"
)

// Package is one entry of a lock.
type Package struct {
	Name    string   // normalised
	Version string   // "" when it is a directory or a repository
	Wheels  []string // file names
	Sdist   bool     // a source distribution is locked too
	Source  string   // git, url, path, editable, virtual, or "" for an index
	// Groups are those that Poetry, PDM and Pipenv note with a package, and
	// Optional that only an extra brings it.
	Groups   []string
	Optional bool
	Marker   string
}

// Packages lists what a lock holds, and whether every entry that comes
// from an index carries hashes.
func Packages(m manifest.Manager, lock map[string]any) (packages []Package, hashes bool) {
	switch m {
	case manifest.Pipenv:
		return pipenvPackages(lock)
	case manifest.PyLock:
		return tomlPackages(lock, "packages")
	}
	return tomlPackages(lock, "package")
}

func tomlPackages(lock map[string]any, key string) (packages []Package, hashes bool) {
	hashes = true
	for _, entry := range manifest.DigList(lock, key) {
		p := Package{Name: manifest.Normalize(manifest.DigString(entry, "name")), Version: manifest.DigString(entry, "version"), Source: lockSource(entry)}
		if p.Name == "" {
			continue
		}
		p.Groups, p.Marker = manifest.DigStrings(entry, "groups"), cmp.Or(manifest.DigString(entry, "markers"), manifest.DigString(entry, "marker"))
		p.Optional, _ = manifest.Dig(entry, "optional").(bool)
		if category := manifest.DigString(entry, "category"); category != "" { // Poetry before 1.5
			p.Groups = []string{category}
		}
		files := append([]any{}, manifest.DigList(entry, "wheels")...)
		files = append(files, manifest.DigList(entry, "files")...)
		files = append(files, manifest.DigList(lock, "metadata", "files", manifest.DigString(entry, "name"))...)
		if sdist := manifest.Dig(entry, "sdist"); sdist != nil {
			files = append(files, sdist)
		}
		hashed := len(files) > 0
		for _, f := range files {
			p.addFile(fileName(f))
			hashed = hashed && (manifest.DigString(f, "hash") != "" || len(manifest.DigTable(f, "hashes")) > 0)
		}
		hashes = hashes && (hashed || p.Source != "" && p.Source != "url")
		packages = append(packages, p)
	}
	return packages, hashes && len(packages) > 0
}

func fileName(f any) string {
	for _, key := range []string{"file", "name", "filename", "url", "path"} {
		if s := manifest.DigString(f, key); s != "" {
			s, _, _ = strings.Cut(s, "#")
			return path.Base(s)
		}
	}
	return ""
}

func (p *Package) addFile(name string) {
	switch {
	case strings.HasSuffix(name, ".whl"):
		p.Wheels = append(p.Wheels, name)
	case name != "":
		p.Sdist = true
	}
}

func lockSource(entry any) string {
	source := manifest.DigTable(entry, "source")
	switch manifest.DigString(source, "type") { // Poetry's, which have a url as well
	case "git", "url":
		return manifest.DigString(source, "type")
	case "directory", "file":
		return "path"
	}
	for _, kind := range []string{"git", "url", "path", "editable", "directory", "virtual"} {
		if source[kind] != nil {
			return strings.Replace(kind, "directory", "path", 1)
		}
	}
	for key, kind := range map[string]string{"git": "git", "vcs": "git", "directory": "path", "path": "path"} {
		if manifest.Dig(entry, key) != nil {
			return kind
		}
	}
	return ""
}

func pipenvPackages(lock map[string]any) (packages []Package, hashes bool) {
	hashes = true
	for _, section := range slices.Sorted(maps.Keys(lock)) {
		if section == "_meta" {
			continue
		}
		table := manifest.DigTable(lock, section)
		for _, name := range slices.Sorted(maps.Keys(table)) {
			p := Package{Name: manifest.Normalize(name), Version: strings.TrimPrefix(manifest.DigString(table[name], "version"), "==")}
			for _, key := range []string{"git", "path", "file"} {
				if manifest.Dig(table[name], key) != nil {
					p.Source = strings.Replace(key, "file", "url", 1)
				}
			}
			p.Groups = []string{section}
			hashes = hashes && (p.Source != "" || len(manifest.DigList(table[name], "hashes")) > 0)
			packages = append(packages, p)
		}
	}
	return packages, hashes && len(packages) > 0
}

// Versions maps each name to the versions the lock holds.
func Versions(packages []Package) map[string][]string {
	out := map[string][]string{}
	for _, p := range packages {
		out[p.Name] = append(out[p.Name], p.Version)
	}
	return out
}

// WheelFits says whether a wheel installs on CPython 3.minor under Linux.
func WheelFits(wheel string, minor int) bool {
	parts := strings.Split(strings.TrimSuffix(wheel, ".whl"), "-")
	if len(parts) < 5 {
		return false
	}
	pythons, abis, platforms := parts[len(parts)-3], parts[len(parts)-2], parts[len(parts)-1]
	if platforms != "any" && !strings.Contains(platforms, "linux") {
		return false
	}
	for _, tag := range strings.Split(pythons, ".") {
		switch {
		case tag == "py3" || tag == "py2" && pythons == "py2.py3":
			if abis == "none" || strings.Contains(abis, "abi3") {
				return true
			}
		case strings.HasPrefix(tag, "py3"):
			if n, err := strconv.Atoi(tag[3:]); err == nil && n <= minor {
				return true
			}
		case strings.HasPrefix(tag, "cp3"):
			n, err := strconv.Atoi(tag[3:])
			if err == nil && (n == minor || n < minor && strings.Contains(abis, "abi3")) && !strings.HasSuffix(abis, "t") {
				return true
			}
		}
	}
	return false
}

// WithoutWheel names the locked packages that would have to be compiled on
// CPython 3.minor although another CPython has a wheel for them. A package
// with no Linux wheel at all says nothing about the choice.
func WithoutWheel(packages []Package, minor int) []string {
	fits, tells := map[string]bool{}, map[string]bool{}
	for _, p := range packages {
		for _, w := range p.Wheels {
			if WheelFits(w, minor) {
				fits[p.Name] = true
			}
			if strings.HasSuffix(w, "-any.whl") || strings.Contains(w, "linux") {
				tells[p.Name] = true
			}
		}
	}
	var missing []string
	for name := range tells {
		if !fits[name] {
			missing = append(missing, name)
		}
	}
	return manifest.SortedUnique(missing)
}
