package syntax

import "strings"

// Module is what a Python file states at its top level.
type Module struct {
	Imports  map[string]string // local name -> dotted name; a relative one keeps its dots
	Modules  []string          // every module imported, wherever in the file
	Assigns  []Assignment
	Defs     []Definition
	Strings  map[string]string     // NAME = "constant"
	Bases    map[string][]string   // class -> dotted names of its bases
	Calls    map[string]Definition // class -> its __call__
	Classes  map[string]int        // class -> line
	Stars    []string              // modules of which everything is imported
	Guard    int                   // line of if __name__ == "__main__", 0 without one
	All      []Statement
	Decorate []Statement // decorators, wherever they stand
	known    func(name string) bool
}

// Assignment is name = value at the top level.
type Assignment struct {
	Name   string
	Line   int
	Callee string // dotted, when the value is a call
	Value  []Token
}

// Definition is a top-level function.
type Definition struct {
	Name     string
	Line     int
	Async    bool
	Optional bool // it can be called without arguments
	Params   []string
	Returns  string // the dotted name that it is annotated to return
	Body     []Statement
}

// Parse reads source; it never fails, and what it doesn't understand is
// left out. known tells which full names a module has of which everything is imported;
// nil knows none.
func Parse(src string, known func(name string) bool) Module {
	m := Module{known: known, Imports: map[string]string{}, Strings: map[string]string{}, Bases: map[string][]string{}, Calls: map[string]Definition{}, Classes: map[string]int{}, All: Statements(src)}
	skip := -1 // indentation of the def or class whose body is passed over
	for i := 0; i < len(m.All); i++ {
		st := m.All[i]
		if st.Starts("@") {
			m.Decorate = append(m.Decorate, st)
		}
		if st.Starts("import") || st.Starts("from") {
			m.addImport(st, skip < 0 || st.Indent <= skip)
		}
		if skip >= 0 && st.Indent > skip {
			continue
		}
		skip = -1
		switch {
		case st.Starts("def"), st.Starts("async", "def"):
			m.Defs = append(m.Defs, ParseDefinition(st, m.Block(i)))
			skip = st.Indent
		case st.Starts("class"):
			m.addClass(st)
			m.addCall(st, m.Block(i))
			skip = st.Indent
		case isGuard(st):
			m.Guard = st.Line
			skip = st.Indent
		default:
			m.addAssignment(st)
		}
	}
	return m
}

func (m *Module) addClass(st Statement) {
	if len(st.Tokens) < 3 || !st.Tokens[2].Is("(") {
		return
	}
	for _, a := range Arguments(st.Tokens[2:]) {
		if name, rest := Dotted(a); name != "" && len(rest) == 0 {
			m.Bases[st.Tokens[1].Text] = append(m.Bases[st.Tokens[1].Text], name)
		}
	}
}

// addCall keeps a class's __call__, by which servers call its instances.
func (m *Module) addCall(st Statement, body []Statement) {
	if len(st.Tokens) < 2 {
		return
	}
	m.Classes[st.Tokens[1].Text] = st.Line
	for _, s := range body {
		if s.Starts("def", "__call__") || s.Starts("async", "def", "__call__") {
			m.Calls[st.Tokens[1].Text] = ParseDefinition(s, nil)
		}
	}
}

// Block returns the statements below the one at i.
func (m Module) Block(i int) []Statement {
	j := i + 1
	for j < len(m.All) && m.All[j].Indent > m.All[i].Indent {
		j++
	}
	return m.All[i+1 : j]
}

func isGuard(st Statement) bool {
	if !st.Starts("if", "__name__", "==") && !st.Starts("if", "(", "__name__", "==") {
		return false
	}
	for _, t := range st.Tokens {
		if t.Kind == TokenString && t.Text == "__main__" {
			return true
		}
	}
	return false
}

func (m *Module) addImport(st Statement, top bool) {
	toks := st.Tokens[1:]
	set := func(local, full string) {
		if _, known := m.Imports[local]; top || !known {
			m.Imports[local] = full
		}
	}
	if st.Starts("import") {
		for len(toks) > 0 {
			name, rest := Dotted(toks)
			if name == "" {
				return
			}
			m.Modules = append(m.Modules, name)
			local, full := name, name
			if i := strings.IndexByte(name, '.'); i >= 0 {
				local, full = name[:i], name[:i]
			}
			if len(rest) > 1 && rest[0].Is("as") {
				local, full, rest = rest[1].Text, name, rest[2:]
			}
			set(local, full)
			if len(rest) == 0 || !rest[0].Is(",") {
				return
			}
			toks = rest[1:]
		}
		return
	}
	dots := ""
	for len(toks) > 0 && toks[0].Is(".") {
		dots += "."
		toks = toks[1:]
	}
	from, rest := "", toks
	if len(toks) > 0 && !toks[0].Is("import") {
		from, rest = Dotted(toks)
	}
	from = dots + from
	m.Modules = append(m.Modules, from)
	if len(rest) == 0 || !rest[0].Is("import") {
		return
	}
	rest = rest[1:]
	for i := 0; i < len(rest); i++ {
		t := rest[i]
		if t.Is("*") {
			m.Stars = append(m.Stars, from)
		}
		if t.Kind != TokenName {
			continue
		}
		local := t.Text
		if i+2 < len(rest) && rest[i+1].Is("as") {
			local = rest[i+2].Text
			i += 2
		}
		if strings.Trim(from, ".") == "" {
			set(local, from+t.Text)
		} else {
			set(local, from+"."+t.Text)
		}
	}
}

// Dotted reads a.b.c from the start of toks.
func Dotted(toks []Token) (string, []Token) {
	var parts []string
	for len(toks) > 0 && toks[0].Kind == TokenName {
		parts = append(parts, toks[0].Text)
		toks = toks[1:]
		if len(toks) < 2 || !toks[0].Is(".") || toks[1].Kind != TokenName {
			break
		}
		toks = toks[1:]
	}
	return strings.Join(parts, "."), toks
}

// addAssignment takes x = v, x: T = v, and x = y = v.
func (m *Module) addAssignment(st Statement) {
	toks := st.Tokens
	var names []string
	if len(toks) > 4 && toks[0].Kind == TokenName && toks[1].Is(",") && toks[2].Kind == TokenName { // app, rt = ...
		if eq := IndexOutside(toks, "="); eq > 2 {
			names, toks = append(names, toks[0].Text), toks[eq+1:]
		}
	}
	for len(toks) > 2 && toks[0].Kind == TokenName {
		if toks[1].Is("=") {
			names = append(names, toks[0].Text)
			toks = toks[2:]
			continue
		}
		if !toks[1].Is(":") || len(names) > 0 {
			break
		}
		eq := IndexOutside(toks, "=")
		if eq < 0 {
			return
		}
		names = append(names, toks[0].Text)
		toks = toks[eq+1:]
		break
	}
	if len(toks) == 0 {
		return
	}
	callee := ""
	if name, rest := Dotted(toks); name != "" && len(rest) > 0 && rest[0].Is("(") {
		callee = name
	}
	for _, n := range names {
		m.Assigns = append(m.Assigns, Assignment{Name: n, Line: st.Line, Callee: callee, Value: toks})
		if len(toks) == 1 && toks[0].Kind == TokenString && toks[0].Plain && !toks[0].Bytes {
			m.Strings[n] = toks[0].Text
		}
	}
}

// IndexOutside is the index of an operator outside brackets, -1 without one.
func IndexOutside(toks []Token, op string) int {
	depth := 0
	for i, t := range toks {
		switch {
		case t.Is("("), t.Is("["), t.Is("{"):
			depth++
		case t.Is(")"), t.Is("]"), t.Is("}"):
			depth--
		case depth == 0 && t.Is(op):
			return i
		}
	}
	return -1
}

// Arguments returns the argument lists between the first bracket of toks and
// the one that closes it, split at commas.
func Arguments(toks []Token) [][]Token {
	for len(toks) > 0 && !toks[0].Is("(") {
		toks = toks[1:]
	}
	var out [][]Token
	var now []Token
	depth := 0
	for _, t := range toks {
		switch {
		case t.Is("("), t.Is("["), t.Is("{"):
			depth++
			if depth == 1 {
				continue
			}
		case t.Is(")"), t.Is("]"), t.Is("}"):
			depth--
		}
		if depth == 0 || depth == 1 && t.Is(",") {
			if len(now) > 0 {
				out = append(out, now)
			}
			now = nil
			if depth == 0 {
				return out
			}
			continue
		}
		now = append(now, t)
	}
	return append(out, now)
}

// Keyword returns the value of name=value among args.
func Keyword(args [][]Token, name string) ([]Token, bool) {
	for _, a := range args {
		if len(a) > 2 && a[0].Is(name) && a[1].Is("=") {
			return a[2:], true
		}
	}
	return nil, false
}

// Literal returns the text of a single plain string.
func Literal(toks []Token) (string, bool) {
	if len(toks) == 1 && toks[0].Kind == TokenString && toks[0].Plain && !toks[0].Bytes {
		return toks[0].Text, true
	}
	return "", false
}

// ParseDefinition reads the line of a def, and has its body.
func ParseDefinition(st Statement, body []Statement) Definition {
	d := Definition{Line: st.Line, Body: body, Optional: true}
	toks := st.Tokens[1:]
	if st.Starts("async") {
		d.Async, toks = true, st.Tokens[2:]
	}
	if len(toks) > 0 {
		d.Name = toks[0].Text
	}
	for _, a := range Arguments(toks) {
		if len(a) > 0 && a[0].Kind == TokenName {
			d.Params = append(d.Params, a[0].Text)
		}
		if len(a) == 0 || a[0].Is("*") || a[0].Is("**") || a[0].Is("/") || IndexOutside(a, "=") >= 0 {
			continue
		}
		d.Optional = false
	}
	if at := IndexOutside(toks, "->"); at >= 0 {
		d.Returns, _ = Dotted(toks[at+1:])
	}
	return d
}

// Resolve turns a local dotted name into the name as the world knows it.
func (m Module) Resolve(name string) string {
	head, rest, _ := strings.Cut(name, ".")
	full, ok := m.Imports[head]
	if !ok {
		for _, star := range m.Stars {
			if m.known != nil && m.known(star+"."+name) {
				return star + "." + name
			}
		}
		return name
	}
	if rest != "" {
		return full + "." + rest
	}
	return full
}

// Last returns the last top-level assignment to name.
func (m Module) Last(name string) (Assignment, bool) {
	for i := len(m.Assigns) - 1; i >= 0; i-- {
		if m.Assigns[i].Name == name {
			return m.Assigns[i], true
		}
	}
	return Assignment{}, false
}

// Def is the first function of that name at the top level.
func (m Module) Def(name string) (Definition, bool) {
	for _, d := range m.Defs {
		if d.Name == name {
			return d, true
		}
	}
	return Definition{}, false
}

// Call is a call found anywhere in a file.
type Call struct {
	Callee string
	Line   int
	Args   [][]Token
}

// Calls returns the calls in toks, the inner ones too. method calls on an
// expression keep only what stands before the bracket.
func Calls(toks []Token) []Call {
	var out []Call
	for i := 0; i < len(toks); i++ {
		if toks[i].Kind != TokenName || i > 0 && toks[i-1].Is(".") {
			if !(toks[i].Kind == TokenName && i > 1 && toks[i-1].Is(".") && !(toks[i-2].Kind == TokenName)) {
				continue
			}
		}
		name, rest := Dotted(toks[i:])
		if len(rest) > 0 && rest[0].Is("(") {
			out = append(out, Call{Callee: name, Line: toks[i].Line, Args: Arguments(rest)})
		}
	}
	return out
}

// LastPart is c in a.b.c.
func LastPart(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }
