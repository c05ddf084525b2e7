package syntax

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/python/shell"
	"github.com/slipway-dev/slipway/python/tree"
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

// Empty tells whether its default says nothing.
func (v Variable) Empty() bool { return v.empty }

// maxVariables bounds how many of them are told.
const maxVariables = 500

// Variables are the environment variables that the project in dir reads by
// name, as far as its code says so: os.environ, os.getenv, and the readers of
// django-environ, environs and python-decouple. Each is told once, where it is
// required if it is so anywhere.
func Variables(fsys fs.FS, dir string) []Variable {
	t, err := tree.Open(fsys, dir)
	if err != nil {
		return nil
	}
	found := map[string]Variable{}
	for _, file := range t.Walk(false) {
		base := path.Base(file)
		if strings.HasPrefix(base, "test_") || strings.HasSuffix(base, "_test.py") || base == "conftest.py" {
			continue
		}
		text, ok := t.Read(file)
		if !ok || !strings.Contains(text, "env") && !strings.Contains(text, "decouple") {
			continue
		}
		for _, v := range variablesIn(text) {
			v.File = t.Path(file)
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
	for _, s := range Statements(text) {
		list = append(list, VariablesOf(s.Tokens, decouple)...)
		if dynaconf {
			list = append(list, validated(s.Tokens)...)
		}
	}
	return list
}

// validated are the variables of settings that Dynaconf's validators want and that have
// no default.
func validated(toks []Token) (list []Variable) {
	all := Calls(toks)
	if !slices.ContainsFunc(all, func(c Call) bool { return LastPart(c.Callee) == "Dynaconf" }) {
		return nil
	}
	for _, c := range all {
		if LastPart(c.Callee) != "Validator" {
			continue
		}
		wanted := false
		for _, name := range []string{"required", "must_exist"} {
			v, ok := Keyword(c.Args, name)
			wanted = wanted || ok && len(v) == 1 && v[0].Is("True")
		}
		if _, other := Keyword(c.Args, "default"); other || !wanted {
			continue
		}
		for _, a := range c.Args {
			if setting, plain := Literal(a); plain && shell.Identifier(setting) {
				if name := DynaconfVariable(toks, setting); name != "" {
					list = append(list, Variable{Name: name, Required: true, Line: c.Line})
				}
			}
		}
	}
	return list
}

// VariablesOf are the variables that an expression or a statement reads.
func VariablesOf(toks []Token, decouple bool) (list []Variable) {
	for i, t := range toks { // os.environ["NAME"]
		if t.Is("environ") && i+3 < len(toks) && toks[i+1].Is("[") && toks[i+3].Is("]") {
			written := i+4 < len(toks) && toks[i+4].Is("=")
			if name, ok := Literal(toks[i+2 : i+3]); ok && VariableName(name) && !written {
				list = append(list, Variable{Name: name, Required: true, Line: t.Line, bare: true})
			}
		}
	}
	for _, c := range Calls(toks) {
		if c.Callee == "dj_database_url.config" {
			name, _ := KeywordText(c.Args, "env", "DATABASE_URL", true)
			list = append(list, Variable{Name: name, Line: c.Line})
			continue
		}
		reads, required := ReadsVariable(c.Callee, decouple)
		if !reads || len(c.Args) == 0 {
			continue
		}
		name, ok := Literal(c.Args[0])
		if !ok || !VariableName(name) {
			continue
		}
		if _, given := Keyword(c.Args, "default"); given {
			required = false
		}
		if positional := len(c.Args) > 1 && (len(c.Args[1]) < 2 || !c.Args[1][1].Is("=")); positional && !strings.HasPrefix(c.Callee, "env.") {
			required = false
		}
		bare := required || c.Callee != "os.environ.setdefault" && len(c.Args) == 1 && !slices.ContainsFunc(toks, func(t Token) bool { return t.Is("or") })
		list = append(list, Variable{Name: name, Required: required, Line: c.Line, bare: bare, empty: saysNothing(c.Args)})
	}
	return list
}

// saysNothing tells whether the default of a variable is none, or an empty text.
func saysNothing(args [][]Token) bool {
	value, named := Keyword(args, "default")
	if !named && len(args) == 2 {
		value = args[1]
	}
	return len(value) == 1 && (value[0].Is("None") || value[0].Kind == TokenString && value[0].Text == "")
}

// ReadsVariable tells whether a call reads a variable, and whether it wants one
// when no default is given.
func ReadsVariable(callee string, decouple bool) (reads, required bool) {
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

// VariableName tells whether s can be the name of an environment variable.
func VariableName(s string) bool {
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

// DynaconfVariable is the variable of a setting of Dynaconf's, which all have a prefix
// unless they are told otherwise.
func DynaconfVariable(made []Token, setting string) string {
	prefix := "DYNACONF"
	for _, c := range Calls(made) {
		if stated, ok := Keyword(c.Args, "envvar_prefix"); ok && LastPart(c.Callee) == "Dynaconf" {
			text, plain := Literal(stated)
			if !plain && !(len(stated) == 1 && stated[0].Is("False")) {
				return ""
			}
			prefix = text
		}
	}
	if prefix == "" {
		return strings.ToUpper(setting)
	}
	return strings.ToUpper(prefix + "_" + setting)
}

// KeywordText is the text of a keyword argument: text and ok where it isn't given, "" and
// false where it is no literal.
func KeywordText(args [][]Token, name, text string, ok bool) (string, bool) {
	if v, stated := Keyword(args, name); stated {
		return Literal(v)
	}
	return text, ok
}
