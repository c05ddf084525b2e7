package program

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/python/shell"
	"github.com/slipway-dev/slipway/python/syntax"
)

// Invocation is what a command starts, as far as it decides how that is stopped.
type Invocation struct {
	Line    shell.Line        // the command's
	Program string            // its name without a directory, or the module of python -m
	Words   []string          // what follows
	env     map[string]string // the variables that the command sets
	Calls   map[string]bool   // full names of what the Python file calls that it starts
	Makes   map[string]bool   // and of what the module makes that it names
	Class   string            // gunicorn's worker class
	Config  string            // the text of a configuration file that it names
	Behind  bool              // a shell stays in front
}

func (i Invocation) is(names ...string) bool { return slices.Contains(names, i.Program) }

// first says that a word is the first one that is no option.
func (i Invocation) first(word string) bool {
	for _, w := range i.Words {
		if !strings.HasPrefix(w, "-") {
			return w == word
		}
	}
	return false
}

func (i Invocation) begins(prefix string) bool {
	for _, w := range i.Words {
		if strings.HasPrefix(w, prefix) {
			return true
		}
	}
	return false
}

func (i Invocation) has(any ...string) bool {
	for _, w := range any {
		if slices.Contains(i.Words, w) {
			return true
		}
	}
	return false
}

// Option is the value of the last of these options.
func (i Invocation) Option(names ...string) (value string) {
	for k, w := range i.Words {
		for _, name := range names {
			if v, ok := strings.CutPrefix(w, name+"="); ok {
				value = v
			} else if w == name && k+1 < len(i.Words) {
				value = i.Words[k+1]
			} else if v, ok := strings.CutPrefix(w, name); ok && len(name) == 2 && v != "" {
				value = v
			}
		}
	}
	return value
}

// many says that an option, or a variable of the command's own, asks for more than one.
func (i Invocation) many(option string, names ...string) bool {
	for _, name := range append([]string{option}, names...) {
		if name == "" {
			continue
		}
		if n, err := strconv.Atoi(cmp.Or(i.Option(name), i.env[name])); err == nil && n > 1 {
			return true
		}
	}
	return false
}

func (i Invocation) worker(part string) bool { return strings.Contains(i.Class, part) }

func (i Invocation) pool(any ...string) bool { return slices.Contains(any, i.Option("-P", "--pool")) }

func (i Invocation) celeryWorker() bool { return i.is("celery") && i.has("worker") }

// django says that manage.py, or its like, runs one of these commands.
func (i Invocation) django(any ...string) bool {
	return (i.is("django-admin", "django") || strings.HasSuffix(i.Program, ".py")) && len(i.Words) > 0 && slices.Contains(any, i.Words[0])
}

func (i Invocation) calling(prefix string) bool {
	for name := range i.Calls {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// made says that the file that it starts, or the module that it names, makes one.
func (i Invocation) made(class string) bool {
	for _, of := range []map[string]bool{i.Calls, i.Makes} {
		for name := range of {
			if syntax.LastPart(name) == class {
				return true
			}
		}
	}
	return false
}

// uwsgi says that uWSGI has an option, on the command line or in the file it names.
func (i Invocation) uwsgi(long, short string) bool {
	if i.has("--"+long, "--"+long+"=true", "--"+long+"=1", "-"+short) {
		return true
	}
	for _, l := range strings.Split(i.Config, "\n") {
		name, value, _ := strings.Cut(l, "=")
		name = strings.Trim(strings.TrimSpace(name), `"'`)
		if value = strings.Trim(strings.TrimSpace(value), `"',`); name == long && value != "false" && value != "0" {
			return true
		}
	}
	return i.env["UWSGI_"+strings.ToUpper(long)] != ""
}

// Invoked reads what a command starts. What a shell starts last counts, when that is
// one plain command.
func Invoked(c shell.Command) (i Invocation, ok bool) {
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
		if line, err = shell.Command(plain).Parse(); err != nil || line.Script {
			return i, false
		}
		i.Behind = !exec
	}
	words := line.Words()
	if len(words) == 0 {
		return i, false
	}
	i.Line = line
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
	i.Program, i.Words = path.Base(words[0]), words[1:]
	if strings.HasPrefix(i.Program, "python") || strings.HasPrefix(i.Program, "pypy") {
		for len(i.Words) > 1 && strings.HasPrefix(i.Words[0], "-") && i.Words[0] != "-m" && i.Words[0] != "-c" {
			if i.Words[0] == "-W" || i.Words[0] == "-X" {
				i.Words = i.Words[1:]
			}
			i.Words = i.Words[1:]
		}
		switch {
		case len(i.Words) > 1 && i.Words[0] == "-m":
			i.Program, i.Words = i.Words[1], i.Words[2:]
		case len(i.Words) > 0 && !strings.HasPrefix(i.Words[0], "-"):
			i.Program, i.Words = i.Words[0], i.Words[1:]
		}
	}
	if i.Program = strings.TrimSuffix(i.Program, ".__main__"); path.Base(i.Program) == "huey_consumer.py" {
		i.Program = "huey_consumer"
	}
	i.Class = i.Option("-k", "--worker-class")
	return i, true
}
