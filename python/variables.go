package python

import (
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Variable is an environment variable that a service reads.
type Variable struct {
	Name     string `json:"name"`
	Required bool   `json:"required"` // it is read without a default, so that its absence is an error
	File     string `json:"file"`
	Line     int    `json:"line"`

	bare  bool // it is read without a default, which need be no error
	empty bool // its default says nothing
}

// Bare tells whether it is read without a default, which need be no error there.
func (v Variable) Bare() bool { return v.bare }

// maxVariables bounds how many of them are told.
const maxVariables = 500

// Variables are the environment variables that the project in dir reads by
// name, as far as its code says so: os.environ, os.getenv, and the readers of
// django-environ, environs and python-decouple. Each is told once, where it is
// required if it is so anywhere.
func Variables(fsys fs.FS, dir string) []Variable {
	t, err := openTree(fsys, dir)
	if err != nil {
		return nil
	}
	found := map[string]Variable{}
	for _, file := range t.walk(false) {
		base := path.Base(file)
		if strings.HasPrefix(base, "test_") || strings.HasSuffix(base, "_test.py") || base == "conftest.py" {
			continue
		}
		text, ok := t.read(file)
		if !ok || !strings.Contains(text, "env") && !strings.Contains(text, "decouple") {
			continue
		}
		for _, v := range variablesIn(text) {
			v.File = t.path(file)
			if known, there := found[v.Name]; (!there || v.Required && !known.Required) && len(found) < maxVariables {
				found[v.Name] = v
			}
		}
	}
	list := make([]Variable, 0, len(found))
	for _, v := range found {
		list = append(list, v)
	}
	slices.SortFunc(list, func(a, b Variable) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func variablesIn(text string) (list []Variable) {
	decouple, dynaconf := strings.Contains(text, "decouple"), strings.Contains(text, "Dynaconf(")
	for _, s := range statements(text) {
		list = append(list, variablesOf(s.tokens, decouple)...)
		if dynaconf {
			list = append(list, validated(s.tokens)...)
		}
	}
	return list
}

// validated are the variables of settings that Dynaconf's validators want and that have
// no default.
func validated(toks []token) (list []Variable) {
	all := calls(toks)
	if !slices.ContainsFunc(all, func(c call) bool { return lastPart(c.callee) == "Dynaconf" }) {
		return nil
	}
	for _, c := range all {
		if lastPart(c.callee) != "Validator" {
			continue
		}
		wanted := false
		for _, name := range []string{"required", "must_exist"} {
			v, ok := keyword(c.args, name)
			wanted = wanted || ok && len(v) == 1 && v[0].is("True")
		}
		if _, other := keyword(c.args, "default"); other || !wanted {
			continue
		}
		for _, a := range c.args {
			if setting, plain := literal(a); plain && identifier(setting) {
				if name := dynaconfVariable(toks, setting); name != "" {
					list = append(list, Variable{Name: name, Required: true, Line: c.line})
				}
			}
		}
	}
	return list
}

// variablesOf are the variables that an expression or a statement reads.
func variablesOf(toks []token, decouple bool) (list []Variable) {
	for i, t := range toks { // os.environ["NAME"]
		if t.is("environ") && i+3 < len(toks) && toks[i+1].is("[") && toks[i+3].is("]") {
			written := i+4 < len(toks) && toks[i+4].is("=")
			if name, ok := literal(toks[i+2 : i+3]); ok && variableName(name) && !written {
				list = append(list, Variable{Name: name, Required: true, Line: t.line, bare: true})
			}
		}
	}
	for _, c := range calls(toks) {
		if c.callee == "dj_database_url.config" {
			name, _ := keywordText(c.args, "env", "DATABASE_URL", true)
			list = append(list, Variable{Name: name, Line: c.line})
			continue
		}
		reads, required := readsVariable(c.callee, decouple)
		if !reads || len(c.args) == 0 {
			continue
		}
		name, ok := literal(c.args[0])
		if !ok || !variableName(name) {
			continue
		}
		if _, given := keyword(c.args, "default"); given {
			required = false
		}
		if positional := len(c.args) > 1 && (len(c.args[1]) < 2 || !c.args[1][1].is("=")); positional && !strings.HasPrefix(c.callee, "env.") {
			required = false
		}
		bare := required || c.callee != "os.environ.setdefault" && len(c.args) == 1 && !slices.ContainsFunc(toks, func(t token) bool { return t.is("or") })
		list = append(list, Variable{Name: name, Required: required, Line: c.line, bare: bare, empty: saysNothing(c.args)})
	}
	return list
}

// saysNothing tells whether the default of a variable is none, or an empty text.
func saysNothing(args [][]token) bool {
	value, named := keyword(args, "default")
	if !named && len(args) == 2 {
		value = args[1]
	}
	return len(value) == 1 && (value[0].is("None") || value[0].kind == tokenString && value[0].text == "")
}

// readsVariable tells whether a call reads a variable, and whether it wants one
// when no default is given.
func readsVariable(callee string, decouple bool) (reads, required bool) {
	switch callee {
	case "os.getenv", "getenv", "os.environ.get", "environ.get", "os.environ.setdefault":
		return callee != "os.environ.setdefault", false
	case "env":
		return true, true
	case "config":
		return decouple, decouple
	}
	kind, ok := strings.CutPrefix(callee, "env.")
	switch {
	case !ok:
		return false, false
	case kind == "get_value":
		return true, true
	}
	return slices.Contains([]string{"str", "bool", "int", "float", "list", "dict", "json", "url", "db", "db_url", "cache", "email_url", "date", "datetime", "decimal", "path", "enum", "log_level"}, kind), true
}

func variableName(s string) bool {
	if s == "" || len(s) > 100 {
		return false
	}
	for i, r := range s {
		if r != '_' && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return true
}
