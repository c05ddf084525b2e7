package python

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"
)

// LockedPackage is one entry of a lock.
type LockedPackage struct {
	Name    string   // normalised
	Version string   // "" when it is a directory or a repository
	Wheels  []string // file names
	Sdist   bool     // a source distribution is locked too
	Source  string   // git, url, path, editable, virtual, or "" for an index
	// Groups are those that Poetry, PDM and Pipenv note with a package, and
	// Optional that only an extra brings it.
	Groups   []string
	Optional bool
	marker   string
}

// lockedPackages lists what a lock holds, and whether every entry that comes
// from an index carries hashes.
func lockedPackages(m Manager, lock map[string]any) (packages []LockedPackage, hashes bool) {
	switch m {
	case Pipenv:
		return pipenvPackages(lock)
	case PyLock:
		return tomlPackages(lock, "packages")
	}
	return tomlPackages(lock, "package")
}

func tomlPackages(lock map[string]any, key string) (packages []LockedPackage, hashes bool) {
	hashes = true
	for _, entry := range digList(lock, key) {
		p := LockedPackage{Name: normalizeName(digString(entry, "name")), Version: digString(entry, "version"), Source: lockSource(entry)}
		if p.Name == "" {
			continue
		}
		p.Groups, p.marker = digStrings(entry, "groups"), cmp.Or(digString(entry, "markers"), digString(entry, "marker"))
		p.Optional, _ = dig(entry, "optional").(bool)
		if category := digString(entry, "category"); category != "" { // Poetry before 1.5
			p.Groups = []string{category}
		}
		files := append([]any{}, digList(entry, "wheels")...)
		files = append(files, digList(entry, "files")...)
		files = append(files, digList(lock, "metadata", "files", digString(entry, "name"))...)
		if sdist := dig(entry, "sdist"); sdist != nil {
			files = append(files, sdist)
		}
		hashed := len(files) > 0
		for _, f := range files {
			p.addFile(fileName(f))
			hashed = hashed && (digString(f, "hash") != "" || len(digTable(f, "hashes")) > 0)
		}
		hashes = hashes && (hashed || p.Source != "" && p.Source != "url")
		packages = append(packages, p)
	}
	return packages, hashes && len(packages) > 0
}

func fileName(f any) string {
	for _, key := range []string{"file", "name", "filename", "url", "path"} {
		if s := digString(f, key); s != "" {
			s, _, _ = strings.Cut(s, "#")
			return path.Base(s)
		}
	}
	return ""
}

func (p *LockedPackage) addFile(name string) {
	switch {
	case strings.HasSuffix(name, ".whl"):
		p.Wheels = append(p.Wheels, name)
	case name != "":
		p.Sdist = true
	}
}

func lockSource(entry any) string {
	source := digTable(entry, "source")
	switch digString(source, "type") { // Poetry's, which have a url as well
	case "git", "url":
		return digString(source, "type")
	case "directory", "file":
		return "path"
	}
	for _, kind := range []string{"git", "url", "path", "editable", "directory", "virtual"} {
		if source[kind] != nil {
			return strings.Replace(kind, "directory", "path", 1)
		}
	}
	for key, kind := range map[string]string{"git": "git", "vcs": "git", "directory": "path", "path": "path"} {
		if dig(entry, key) != nil {
			return kind
		}
	}
	return ""
}

func pipenvPackages(lock map[string]any) (packages []LockedPackage, hashes bool) {
	hashes = true
	for _, section := range slices.Sorted(maps.Keys(lock)) {
		if section == "_meta" {
			continue
		}
		table := digTable(lock, section)
		for _, name := range slices.Sorted(maps.Keys(table)) {
			p := LockedPackage{Name: normalizeName(name), Version: strings.TrimPrefix(digString(table[name], "version"), "==")}
			for _, key := range []string{"git", "path", "file"} {
				if dig(table[name], key) != nil {
					p.Source = strings.Replace(key, "file", "url", 1)
				}
			}
			p.Groups = []string{section}
			hashes = hashes && (p.Source != "" || len(digList(table[name], "hashes")) > 0)
			packages = append(packages, p)
		}
	}
	return packages, hashes && len(packages) > 0
}

// lockedVersions maps each name to the versions the lock holds.
func lockedVersions(packages []LockedPackage) map[string][]string {
	out := map[string][]string{}
	for _, p := range packages {
		out[p.Name] = append(out[p.Name], p.Version)
	}
	return out
}

// wheelFits says whether a wheel installs on CPython 3.minor under Linux.
func wheelFits(wheel string, minor int) bool {
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
			if n, ok := atoi(tag[3:]); ok && n <= minor {
				return true
			}
		case strings.HasPrefix(tag, "cp3"):
			n, ok := atoi(tag[3:])
			if ok && (n == minor || n < minor && strings.Contains(abis, "abi3")) && !strings.HasSuffix(abis, "t") {
				return true
			}
		}
	}
	return false
}

func atoi(s string) (int, bool) {
	if s == "" || len(s) > 3 {
		return 0, false
	}
	n := 0
	for _, r := range s {
		if r < '0' || r > '9' {
			return 0, false
		}
		n = n*10 + int(r-'0')
	}
	return n, true
}

// withoutWheel names the locked packages that would have to be compiled on
// CPython 3.minor although another CPython has a wheel for them. A package
// with no Linux wheel at all says nothing about the choice.
func withoutWheel(packages []LockedPackage, minor int) []string {
	fits, tells := map[string]bool{}, map[string]bool{}
	for _, p := range packages {
		for _, w := range p.Wheels {
			if wheelFits(w, minor) {
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
	return sortedUnique(missing)
}
