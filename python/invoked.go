package python

import (
	"cmp"
	"path"
	"strings"

	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/program"
	"github.com/slipway-dev/slipway/python/syntax"
)

// invocation adds to what a command says what its files do.
func (d *detection) invocation(c Command) (program.Invocation, bool) {
	if line, err := c.Parse(); err == nil && !line.Script {
		if script := d.shellScript(line); script != "" {
			return d.scriptInvocation(script)
		}
	}
	i, ok := program.Invoked(c)
	if !ok {
		return i, false
	}
	d.readFiles(&i)
	return i, true
}

// scriptInvocation is what a shell script of the repository starts last.
func (d *detection) scriptInvocation(file string) (program.Invocation, bool) {
	lines := d.tree.Lines(file)
	text := ""
	for k := len(lines) - 1; k >= 0 && text == ""; k-- {
		l := strings.TrimSpace(lines[k])
		if l == "" || strings.HasPrefix(l, "#") {
			continue
		}
		for text = l; k > 0 && strings.HasSuffix(strings.TrimSpace(lines[k-1]), "\\"); k-- {
			text = strings.TrimSuffix(strings.TrimSpace(lines[k-1]), "\\") + " " + text
		}
	}
	plain, exec := strings.CutPrefix(text, "exec ")
	i, ok := program.Invoked(Command(plain))
	if !ok {
		return i, false
	}
	i.Behind = i.Behind || !exec
	d.readFiles(&i)
	return i, true
}

func (d *detection) readFiles(i *program.Invocation) {
	dir := cmp.Or(i.Line.Dir, ".")
	i.Calls, i.Makes = map[string]bool{}, map[string]bool{}
	file := i.Program
	if strings.HasSuffix(file, ".py") {
		file = path.Join(dir, file)
	}
	if entry := manifest.DigString(d.pyproject.Data, "project", "scripts", i.Program); entry != "" {
		module, _, _ := strings.Cut(entry, ":")
		file, _, _ = d.locate(dir, module)
	} else if !strings.HasSuffix(file, ".py") {
		file, _, _ = d.locate(dir, file)
		if main := path.Join(path.Dir(file), "__main__.py"); path.Base(file) == "__init__.py" && d.tree.Exists(main) {
			file = main
		}
	}
	d.note(file, i.Calls)
	for _, w := range i.Words {
		module, _, named := strings.Cut(w, ":")
		if at, rest, ok := d.locate(dir, module); named && ok && rest == "" {
			d.note(at, i.Makes)
		}
	}
	switch i.Program {
	case "gunicorn":
		i.Class = cmp.Or(d.gunicornWorker(i.Line), i.Class)
	case "uwsgi":
		for _, name := range append(strings.Fields(i.Option("--ini", "--yaml", "--json", "--xml")), i.Words...) {
			if ext := path.Ext(name); ext == ".ini" || ext == ".yaml" || ext == ".yml" || ext == ".json" {
				text, _ := d.tree.Read(path.Join(dir, name))
				i.Config += strings.NewReplacer(":", "=").Replace(text) + "\n"
			}
		}
	}
}

// note adds what a file calls.
func (d *detection) note(file string, to map[string]bool) {
	if !strings.HasSuffix(file, ".py") || !d.tree.Exists(file) {
		return
	}
	m := d.module(file)
	if m == nil {
		return
	}
	for _, st := range m.All {
		for _, c := range syntax.Calls(st.Tokens) {
			to[m.Resolve(c.Callee)] = true
			if object, ok := strings.CutSuffix(c.Callee, ".run"); ok {
				if a, ok := m.Last(object); ok && m.Resolve(a.Callee) == "flask.Flask" {
					to["flask.Flask.run"] = true
				}
			}
		}
	}
}
