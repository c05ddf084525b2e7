package python

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"
)

// invocation is what a command starts, as far as it decides how that is stopped.
type invocation struct {
	line    Line              // the command's
	program string            // its name without a directory, or the module of python -m
	words   []string          // what follows
	env     map[string]string // the variables that the command sets
	calls   map[string]bool   // full names of what the Python file calls that it starts
	makes   map[string]bool   // and of what the module makes that it names
	class   string            // gunicorn's worker class
	config  string            // the text of a configuration file that it names
	behind  bool              // a shell stays in front
}

func (i invocation) is(names ...string) bool { return slices.Contains(names, i.program) }

// first says that a word is the first one that is no option.
func (i invocation) first(word string) bool {
	for _, w := range i.words {
		if !strings.HasPrefix(w, "-") {
			return w == word
		}
	}
	return false
}

func (i invocation) begins(prefix string) bool {
	for _, w := range i.words {
		if strings.HasPrefix(w, prefix) {
			return true
		}
	}
	return false
}

func (i invocation) has(any ...string) bool {
	for _, w := range any {
		if slices.Contains(i.words, w) {
			return true
		}
	}
	return false
}

// option is the value of the last of these options.
func (i invocation) option(names ...string) (value string) {
	for k, w := range i.words {
		for _, name := range names {
			if v, ok := strings.CutPrefix(w, name+"="); ok {
				value = v
			} else if w == name && k+1 < len(i.words) {
				value = i.words[k+1]
			} else if v, ok := strings.CutPrefix(w, name); ok && len(name) == 2 && v != "" {
				value = v
			}
		}
	}
	return value
}

// many says that an option, or a variable of the command's own, asks for more than one.
func (i invocation) many(option string, names ...string) bool {
	for _, name := range append([]string{option}, names...) {
		if name == "" {
			continue
		}
		if n, err := strconv.Atoi(cmp.Or(i.option(name), i.env[name])); err == nil && n > 1 {
			return true
		}
	}
	return false
}

func (i invocation) worker(part string) bool { return strings.Contains(i.class, part) }

func (i invocation) pool(any ...string) bool { return slices.Contains(any, i.option("-P", "--pool")) }

func (i invocation) celeryWorker() bool { return i.is("celery") && i.has("worker") }

// django says that manage.py, or its like, runs one of these commands.
func (i invocation) django(any ...string) bool {
	return (i.is("django-admin", "django") || strings.HasSuffix(i.program, ".py")) && len(i.words) > 0 && slices.Contains(any, i.words[0])
}

func (i invocation) calling(prefix string) bool {
	for name := range i.calls {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// made says that the file that it starts, or the module that it names, makes one.
func (i invocation) made(class string) bool {
	for _, of := range []map[string]bool{i.calls, i.makes} {
		for name := range of {
			if lastPart(name) == class {
				return true
			}
		}
	}
	return false
}

// uwsgi says that uWSGI has an option, on the command line or in the file it names.
func (i invocation) uwsgi(long, short string) bool {
	if i.has("--"+long, "--"+long+"=true", "--"+long+"=1", "-"+short) {
		return true
	}
	for _, l := range strings.Split(i.config, "\n") {
		name, value, _ := strings.Cut(l, "=")
		name = strings.Trim(strings.TrimSpace(name), `"'`)
		if value = strings.Trim(strings.TrimSpace(value), `"',`); name == long && value != "false" && value != "0" {
			return true
		}
	}
	return i.env["UWSGI_"+strings.ToUpper(long)] != ""
}

// invoked reads what a command starts. What a shell starts last counts, when that is
// one plain command.
func (c Command) invoked() (i invocation, ok bool) {
	line, err := c.Parse()
	if err != nil {
		return i, false
	}
	if line.Script {
		text := strings.TrimSpace(string(c))
		last := strings.TrimSpace(text[strings.LastIndexAny(text, "|&;\n")+1:])
		plain, exec := strings.CutPrefix(last, "exec ")
		if strings.Contains(text, "|") || last == "" || last == text && !exec {
			return i, false
		}
		if line, err = Command(plain).Parse(); err != nil || line.Script {
			return i, false
		}
		i.behind = !exec
	}
	words := line.Words()
	if len(words) == 0 {
		return i, false
	}
	i.line = line
	i.env = map[string]string{}
	for _, w := range line.Env {
		name, value, _ := strings.Cut(w.String(), "=")
		i.env[name] = value
	}
	for len(words) > 1 && words[0] == "env" {
		for words = words[1:]; len(words) > 1 && strings.Contains(words[0], "="); words = words[1:] {
			name, value, _ := strings.Cut(words[0], "=")
			i.env[name] = value
		}
	}
	i.program, i.words = path.Base(words[0]), words[1:]
	if strings.HasPrefix(i.program, "python") || strings.HasPrefix(i.program, "pypy") {
		for len(i.words) > 1 && strings.HasPrefix(i.words[0], "-") && i.words[0] != "-m" && i.words[0] != "-c" {
			if i.words[0] == "-W" || i.words[0] == "-X" {
				i.words = i.words[1:]
			}
			i.words = i.words[1:]
		}
		switch {
		case len(i.words) > 1 && i.words[0] == "-m":
			i.program, i.words = i.words[1], i.words[2:]
		case len(i.words) > 0 && !strings.HasPrefix(i.words[0], "-"):
			i.program, i.words = i.words[0], i.words[1:]
		}
	}
	if i.program = strings.TrimSuffix(i.program, ".__main__"); path.Base(i.program) == "huey_consumer.py" {
		i.program = "huey_consumer"
	}
	i.class = i.option("-k", "--worker-class")
	return i, true
}

// invocation adds to what a command says what its files do.
func (d *detection) invocation(c Command) (invocation, bool) {
	if line, err := c.Parse(); err == nil && !line.Script {
		if script := d.shellScript(line); script != "" {
			return d.scriptInvocation(script)
		}
	}
	i, ok := c.invoked()
	if !ok {
		return i, false
	}
	d.readFiles(&i)
	return i, true
}

// scriptInvocation is what a shell script of the repository starts last.
func (d *detection) scriptInvocation(file string) (invocation, bool) {
	lines := d.tree.lines(file)
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
	i, ok := Command(plain).invoked()
	if !ok {
		return i, false
	}
	i.behind = i.behind || !exec
	d.readFiles(&i)
	return i, true
}

func (d *detection) readFiles(i *invocation) {
	dir := cmp.Or(i.line.Dir, ".")
	i.calls, i.makes = map[string]bool{}, map[string]bool{}
	file := i.program
	if strings.HasSuffix(file, ".py") {
		file = path.Join(dir, file)
	}
	if entry := digString(d.pyproject.data, "project", "scripts", i.program); entry != "" {
		module, _, _ := strings.Cut(entry, ":")
		file, _, _ = d.locate(dir, module)
	} else if !strings.HasSuffix(file, ".py") {
		file, _, _ = d.locate(dir, file)
		if main := path.Join(path.Dir(file), "__main__.py"); path.Base(file) == "__init__.py" && d.tree.exists(main) {
			file = main
		}
	}
	d.note(file, i.calls)
	for _, w := range i.words {
		module, _, named := strings.Cut(w, ":")
		if at, rest, ok := d.locate(dir, module); named && ok && rest == "" {
			d.note(at, i.makes)
		}
	}
	switch i.program {
	case "gunicorn":
		i.class = cmp.Or(d.gunicornWorker(i.line), i.class)
	case "uwsgi":
		for _, name := range append(strings.Fields(i.option("--ini", "--yaml", "--json", "--xml")), i.words...) {
			if ext := path.Ext(name); ext == ".ini" || ext == ".yaml" || ext == ".yml" || ext == ".json" {
				text, _ := d.tree.read(path.Join(dir, name))
				i.config += strings.NewReplacer(":", "=").Replace(text) + "\n"
			}
		}
	}
}

// note adds what a file calls.
func (d *detection) note(file string, to map[string]bool) {
	if !strings.HasSuffix(file, ".py") || !d.tree.exists(file) {
		return
	}
	m := d.module(file)
	if m == nil {
		return
	}
	for _, st := range m.all {
		for _, c := range calls(st.tokens) {
			to[m.resolve(c.callee)] = true
			if object, ok := strings.CutSuffix(c.callee, ".run"); ok {
				if a, ok := m.last(object); ok && m.resolve(a.callee) == "flask.Flask" {
					to["flask.Flask.run"] = true
				}
			}
		}
	}
}
