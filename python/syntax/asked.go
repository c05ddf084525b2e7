package syntax

import (
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/python/tree"
)

// shouted is a name as people give it to variables of an environment.
var shouted = regexp.MustCompile(`^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*$`)

// Asked are the variables that a project asks for and that need be no error to lack: those
// without a default, or with one that says nothing, and those that it reads by a function
// of its own, of which nobody sees from outside what it does without. Those of one list
// are wanted by one file; tests are looked through where they are asked for as well.
func Asked(fsys fs.FS, dir string, tests bool) (lists [][]string) {
	t, err := tree.Open(fsys, dir)
	if err != nil {
		return nil
	}
	type text struct{ name, code string }
	var files []text
	readers := map[string]reader{}
	seen := map[string]bool{}
	alone := func(name string) {
		if !seen[name] && len(seen) < maxVariables {
			seen[name] = true
			lists = append(lists, []string{name})
		}
	}
	for _, file := range t.Walk(tests) {
		if !tests && tree.OfTests(file) {
			continue
		}
		code, ok := t.Read(file)
		if !ok {
			continue
		}
		files = append(files, text{file, code})
		if !strings.Contains(code, "env") && !strings.Contains(code, "decouple") {
			continue
		}
		for name, r := range ownReaders(code) {
			readers[name] = r
		}
		for _, v := range variablesIn(code) {
			if v.bare || v.empty {
				alone(v.Name)
			}
		}
	}
	for _, f := range files {
		var together []string
		wanted, optional := readBy(readers, f.code)
		for _, name := range wanted {
			if !seen[name] && len(seen) < maxVariables {
				seen[name] = true
				together = append(together, name)
			}
		}
		for _, name := range optional {
			alone(name)
		}
		if len(together) > 0 {
			lists = append(lists, together)
		}
	}
	return lists
}

// reader is a function that reads the variable which one of its parameters names.
type reader struct {
	at       int  // the place of that parameter
	defaults bool // it may be given what to take instead
}

// ownReaders are such functions of a module.
func ownReaders(code string) map[string]reader {
	if !strings.Contains(code, "def ") {
		return nil
	}
	all := Statements(code)
	found := map[string]reader{}
	for i, s := range all {
		if !s.Starts("def") {
			continue
		}
		def := ParseDefinition(s, nil)
		params := slices.DeleteFunc(def.Params, func(p string) bool { return p == "self" || p == "cls" })
		for j := i + 1; j < len(all) && all[j].Indent > s.Indent; j++ {
			for at, p := range params {
				first, known := found[def.Name]
				if reads, defaults := readsNamed(all[j].Tokens, p); reads && (!known || at < first.at) {
					found[def.Name] = reader{at, defaults}
				}
			}
		}
	}
	return found
}

// readsNamed tells whether a statement reads the variable that a parameter names, and
// whether it says what else is taken.
func readsNamed(toks []Token, param string) (reads, defaults bool) {
	for i := range toks {
		if toks[i].Is("environ") && i+3 < len(toks) && toks[i+1].Is("[") && toks[i+2].Is(param) && toks[i+3].Is("]") {
			return i+4 >= len(toks) || !toks[i+4].Is("="), false
		}
	}
	for _, c := range Calls(toks) {
		if reads, _ := ReadsVariable(c.Callee, false); reads && len(c.Args) > 0 && len(c.Args[0]) == 1 && c.Args[0][0].Is(param) {
			return true, len(c.Args) > 1
		}
	}
	return false, false
}

// readBy are the variables that a module names to such functions, in their order, and
// those that it may do without.
func readBy(readers map[string]reader, code string) (wanted, optional []string) {
	if !slices.ContainsFunc(slices.Sorted(maps.Keys(readers)), func(name string) bool { return strings.Contains(code, name+"(") }) {
		return nil, nil
	}
	for _, s := range Statements(code) {
		if s.Starts("def") {
			continue
		}
		for _, c := range Calls(s.Tokens) {
			r, ok := readers[LastPart(c.Callee)]
			if !ok || r.at >= len(c.Args) {
				continue
			}
			name, plain := Literal(c.Args[r.at])
			switch {
			case !plain || !shouted.MatchString(name):
			case !r.defaults:
				wanted = append(wanted, name)
			case len(c.Args) == r.at+1:
				optional = append(optional, name)
			}
		}
	}
	return wanted, optional
}
