package python

import (
	"path"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/shell"
	"github.com/slipway-dev/slipway/python/syntax"
	"github.com/slipway-dev/slipway/python/tree"
)

// maxModules bounds how many files are parsed in one detection, and maxTestModules
// how many files of tests besides: a large suite must not hide the service.
const (
	maxModules     = 800
	maxTestModules = 400
)

// code is the project's Python source, parsed when first asked for.
type code struct {
	listed bool
	files  []string
	parsed map[string]*syntax.Module
	tests  int      // of the parsed ones
	all    []string // what everyFile has found
	// projects says which directories have manifests of their own
	projects map[string]bool
}

// sources are the service's own .py files, the shallow ones first, without
// tests, examples and other directories that are no service.
func (d *detection) sources() []string {
	if d.code.listed {
		return d.code.files
	}
	d.code.listed = true
	var aside []string
	for _, f := range d.tree.Walk(false) {
		base := path.Base(f)
		if strings.HasPrefix(base, "test_") || strings.HasSuffix(base, "_test.py") || base == "conftest.py" || d.ofATool(f) || d.copiedFrom(f) != "" {
			continue
		}
		switch part := asidePart(f); part {
		case "":
			d.code.files = append(d.code.files, f)
		case "site-packages":
		default:
			aside = append(aside, f)
		}
	}
	if len(aside) > 0 {
		d.code.files = append(d.code.files, d.ofTheService(aside)...)
	}
	return d.code.files
}

// asidePart is the directory on a file's way whose name says that it holds something
// else than the service, "" where there is none.
func asidePart(file string) string {
	for _, part := range strings.Split(path.Dir(file), "/") {
		if notServices[part] && part != "migrations" || part == "site-packages" {
			return part
		}
	}
	return ""
}

// ofTheService are those of the files in such directories that are the service's all the
// same: of the package that its settings are in, whose name people choose, and all of
// them where there is no other code.
func (d *detection) ofTheService(aside []string) (own []string) {
	if len(d.code.files) == 0 {
		return aside
	}
	settings := map[string]bool{}
	for _, f := range d.code.files {
		if base := path.Base(f); base == "manage.py" || base == "wsgi.py" || base == "asgi.py" {
			if name, _ := d.settingsIn(f); name != "" {
				head, _, _ := strings.Cut(name, ".")
				settings[path.Join(path.Dir(f), head)] = true
			}
		}
	}
	for _, f := range aside {
		for dir := path.Dir(f); dir != "."; dir = path.Dir(dir) {
			if settings[dir] && asidePart(strings.TrimPrefix(f, dir+"/")) == "" {
				own = append(own, f)
				break
			}
		}
	}
	return own
}

// ofATool says that a file is a tool's. A tasks.py is Invoke's by what it imports alone:
// queues have their tasks under that name as well.
func (d *detection) ofATool(file string) bool {
	base := path.Base(file)
	if base != "tasks.py" {
		return toolScript[base]
	}
	m := d.module(file)
	return m != nil && (slices.Contains(m.Modules, "invoke") || slices.Contains(m.Modules, "invocations"))
}

// everyFile is every .py file, those of tests among them.
func (d *detection) everyFile() []string {
	if d.code.all == nil {
		d.code.all = d.tree.Walk(true)
	}
	return d.code.all
}

// module parses file; nil when it cannot be read or too many have been.
func (d *detection) module(file string) *syntax.Module {
	if m, ok := d.code.parsed[file]; ok {
		return m
	}
	if d.code.parsed == nil {
		d.code.parsed = map[string]*syntax.Module{}
	}
	if tree.OfTests(file) {
		if d.code.tests >= maxTestModules {
			return nil
		}
		d.code.tests++
	} else if len(d.code.parsed)-d.code.tests >= maxModules {
		return nil
	}
	text, ok := d.tree.Read(file)
	if !ok {
		d.code.parsed[file] = nil
		return nil
	}
	m := syntax.Parse(text, isMaker)
	d.code.parsed[file] = &m
	return &m
}

// importable says from which directory file is imported and under what name.
// ok is false for a file that cannot be imported, such as my-script.py in a
// directory that is no place to import from.
func (d *detection) importable(file string) (dir, name string, ok bool) {
	parts := strings.Split(strings.TrimSuffix(file, ".py"), "/")
	from := 0
	for i := range len(parts) - 1 {
		if !shell.Identifier(parts[i]) || parts[i] == "src" && !d.tree.Exists(path.Join(path.Join(parts[:i+1]...), "__init__.py")) {
			from = i + 1
		}
	}
	if _, taken := d.deps.Has(manifest.Normalize(parts[from])); taken && from < len(parts)-1 && !d.tree.Exists(path.Join(path.Join(parts[:from+1]...), "__init__.py")) {
		from++ // a dependency of that name hides the directory
	}
	for i := from + 1; i < len(parts)-1; i++ { // the source root may be further down
		dir := path.Join(parts[:i]...)
		if !d.tree.Exists(path.Join(dir, "__init__.py")) && d.importsFrom(file, dir, path.Join(parts[:from]...)) {
			from = i
			break
		}
	}
	if from < len(parts)-1 && d.importsSiblings(file, strings.Join(parts[:from], "/")) {
		from = len(parts) - 1
	}
	names := parts[from:]
	if n := len(names); n > 1 && names[n-1] == "__init__" {
		names = names[:n-1]
	}
	for _, n := range names {
		if !shell.Identifier(n) {
			return "", "", false
		}
	}
	return path.Join(append([]string{"."}, parts[:from]...)...), strings.Join(names, "."), true
}

// importsSiblings says that a file imports by bare name what lies beside it
// and is not to be found from base: it runs with its own directory on the path.
func (d *detection) importsSiblings(file, base string) bool {
	return d.importsFrom(file, path.Dir(file), base) && !d.importsFrom(file, base, path.Dir(file))
}

// importsFrom says that a file imports by bare name what lies in dir and is
// not to be found from base.
func (d *detection) importsFrom(file, dir, base string) bool {
	m := d.module(file)
	if m == nil {
		return false
	}
	for _, name := range m.Modules {
		head, _, _ := strings.Cut(name, ".")
		if head == "" || head == strings.TrimSuffix(path.Base(file), ".py") || d.namesake(head, dir) {
			continue
		}
		beside := path.Join(dir, head)
		if (d.tree.Exists(beside+".py") || d.tree.IsDir(beside)) && !d.tree.Exists(path.Join(base, head)+".py") && !d.tree.IsDir(path.Join(base, head)) {
			return true
		}
	}
	return false
}

// namesake says that what lies in dir only has the name of something installed, or
// of Python's own, that an import means.
func (d *detection) namesake(head, dir string) bool {
	if syntax.StandardModules[head] {
		return true
	}
	beside := path.Join(dir, head)
	importable := d.tree.Exists(beside+".py") || d.tree.Exists(path.Join(beside, "__init__.py"))
	if importable && !d.tree.Exists(path.Join(dir, "__init__.py")) {
		return false // it comes first
	}
	for _, name := range append([]string{manifest.Normalize(head)}, distributionOf[head]...) {
		if d.installs(name) {
			return true
		}
	}
	return false
}

// locate finds the file of a dotted name as seen from the module in file, and
// what remains of the name inside it.
func (d *detection) locate(file, dotted string) (target, rest string, ok bool) {
	if strings.HasPrefix(dotted, ".") {
		base := path.Dir(file)
		for strings.HasPrefix(dotted, "..") {
			base, dotted = path.Dir(base), dotted[1:]
		}
		return d.locateIn(base, strings.TrimPrefix(dotted, "."))
	}
	dirs := []string{".", "src", path.Dir(file)}
	if dir, _, ok := d.importable(file); ok {
		dirs = append([]string{dir}, dirs...)
	}
	for _, dir := range dirs {
		if target, rest, ok := d.locateIn(dir, dotted); ok {
			return target, rest, true
		}
	}
	return "", "", false
}

func (d *detection) locateIn(dir, dotted string) (target, rest string, ok bool) {
	var parts []string
	if dotted != "" {
		parts = strings.Split(dotted, ".")
	}
	for n := len(parts); n >= 0; n-- {
		p := path.Join(append([]string{dir}, parts[:n]...)...)
		rest := strings.Join(parts[n:], ".")
		if (n > 0 || dotted != "" && dir != ".") && d.tree.Exists(path.Join(p, "__init__.py")) {
			return path.Join(p, "__init__.py"), rest, true // before a module of its name
		}
		if n > 0 && d.tree.Exists(p+".py") {
			return p + ".py", rest, true
		}
	}
	return "", "", false
}

// reaches says that from imports to, directly or through others.
func (d *detection) reaches(from, to string, seen map[string]bool) bool {
	if from == to {
		return true
	}
	m := d.module(from)
	if m == nil || seen[from] || len(seen) > 200 {
		return false
	}
	seen[from] = true
	names := append([]string{}, m.Modules...)
	for _, full := range m.Imports {
		names = append(names, full)
	}
	for _, n := range names {
		if target, _, ok := d.locate(from, n); ok && target != from && d.reaches(target, to, seen) {
			return true
		}
	}
	return false
}
