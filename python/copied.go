package python

import (
	"path"
	"strings"

	"github.com/slipway-dev/slipway/python/syntax"
)

// copiedFrom is the framework of which a file is a copy that lies in the tree, or is
// part of one; "" for the service's own code. A copy has the framework's name, and makes
// there what an application of that framework is made with.
func (d *detection) copiedFrom(file string) string {
	parts := strings.Split(strings.TrimSuffix(file, ".py"), "/")
	for i, name := range parts {
		if !frameworkModules[name] {
			continue
		}
		top := file
		if i < len(parts)-1 {
			top = path.Join(path.Join(parts[:i+1]...), "__init__.py")
		}
		if m := d.module(top); m != nil && brings(m, name) {
			return name
		}
	}
	return ""
}

// frameworkModules are the modules of which makers are part.
var frameworkModules = func() map[string]bool {
	names := map[string]bool{}
	for full := range makers {
		head, _, _ := strings.Cut(full, ".")
		names[head] = true
	}
	return names
}()

// brings says that a module of this name has the framework's constructor: as a class, or
// from a part of itself.
func brings(m *syntax.Module, name string) bool {
	for class := range m.Classes {
		if _, ok := makers[name+"."+class]; ok {
			return true
		}
	}
	for local, full := range m.Imports {
		if _, ok := makers[name+"."+local]; ok && strings.HasPrefix(full, ".") {
			return true
		}
	}
	return false
}

// bringsCopy says that a copy of a framework lies in the tree.
func (d *detection) bringsCopy(framework string) bool {
	for _, f := range d.tree.Walk(false) {
		if d.copiedFrom(f) == framework {
			return true
		}
	}
	return false
}

// annotated is what makes the object that a function says that it returns.
func (d *detection) annotated(file string, m *syntax.Module, def syntax.Definition) (maker, bool) {
	if def.Returns == "" || def.Async {
		return maker{}, false
	}
	mk, ok := d.maker(file, m, def.Returns, 0)
	return mk, ok && !mk.wraps
}
