package python

import (
	"path"
	"slices"
	"strings"
)

// factoryWithArguments is the only function that makes an application and that can't be
// called without arguments, with the command that calls it: with a name of a
// configuration where the project has them by name.
func (d *detection) factoryWithArguments() (says string, at Evidence, command string) {
	for _, file := range d.sources() {
		dir, name, ok := d.importable(file)
		m := d.module(file)
		if !ok || m == nil {
			continue
		}
		for _, def := range m.defs {
			c, makes := d.makes(file, def.name, 0)
			if def.optional || !factoryNames[def.name] || !makes || c.iface != WSGI {
				continue
			}
			if command != "" {
				return "", at, ""
			}
			c.dir, c.module, c.object, c.factory = dir, name, def.name, true
			c.arguments = "..."
			if len(def.params) == 1 {
				if names := d.configurations(); len(names) > 0 {
					c.arguments = `"` + names[0] + `"`
				}
			}
			says, at = def.name+" makes the application, and wants "+inWords(def.params), Evidence{File: file, Line: def.line}
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
		for _, a := range m.assigns {
			if !strings.Contains(strings.ToLower(a.name), "config") || len(a.value) == 0 || !a.value[0].is("{") {
				continue
			}
			depth := 0
			for i, t := range a.value {
				switch {
				case t.opens():
					depth++
				case t.closes():
					depth--
				case depth == 1 && t.kind == tokenString && i+1 < len(a.value) && a.value[i+1].is(":") && identifier(t.text):
					names = append(names, t.text)
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
