package python

import (
	"path"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/python/shell"
	"github.com/slipway-dev/slipway/python/syntax"
	"github.com/slipway-dev/slipway/python/tree"
)

// factoryWithArguments is the only function that makes an application and that can't be
// called without arguments, with the command that calls it: with a name of a
// configuration where the project has them by name.
func (d *detection) factoryWithArguments() (says string, at tree.Evidence, command string) {
	for _, file := range d.sources() {
		dir, name, ok := d.importable(file)
		m := d.module(file)
		if !ok || m == nil {
			continue
		}
		for _, def := range m.Defs {
			c, makes := d.makes(file, def.Name, 0)
			if def.Optional || !factoryNames[def.Name] || !makes || c.iface != WSGI {
				continue
			}
			if command != "" {
				return "", at, ""
			}
			c.dir, c.module, c.object, c.factory = dir, name, def.Name, true
			c.arguments = "..."
			if len(def.Params) == 1 {
				if names := d.configurations(); len(names) > 0 {
					c.arguments = `"` + names[0] + `"`
				}
			}
			says, at = def.Name+" makes the application, and wants "+inWords(def.Params), tree.Evidence{File: file, Line: def.Line}
			command = string(d.serve("gunicorn", c))
		}
	}
	return says, at, command
}

// configurations are the names of a project's configurations, those for production first.
func (d *detection) configurations() (names []string) {
	for _, file := range d.sources() {
		m := d.module(file)
		if m == nil || !strings.Contains(path.Base(file), "config") && !strings.Contains(path.Base(file), "settings") && path.Base(file) != "__init__.py" {
			continue
		}
		for _, a := range m.Assigns {
			if !strings.Contains(strings.ToLower(a.Name), "config") || len(a.Value) == 0 || !a.Value[0].Is("{") {
				continue
			}
			depth := 0
			for i, t := range a.Value {
				switch {
				case t.Opens():
					depth++
				case t.Closes():
					depth--
				case depth == 1 && t.Kind == syntax.TokenString && i+1 < len(a.Value) && a.Value[i+1].Is(":") && shell.Identifier(t.Text):
					names = append(names, t.Text)
				}
			}
		}
	}
	rank := func(name string) int {
		return slices.Index([]string{"", "default", "prod", "production"}, strings.ToLower(name)) // -1 for others
	}
	slices.SortStableFunc(names, func(a, b string) int { return rank(b) - rank(a) })
	return names
}
