package python

import "strings"

// module is what a Python file states at its top level.
type module struct {
	imports  map[string]string // local name -> dotted name; a relative one keeps its dots
	modules  []string          // every module imported, wherever in the file
	assigns  []assignment
	defs     []definition
	strings  map[string]string     // NAME = "constant"
	bases    map[string][]string   // class -> dotted names of its bases
	calls    map[string]definition // class -> its __call__
	classes  map[string]int        // class -> line
	stars    []string              // modules of which everything is imported
	guard    int                   // line of if __name__ == "__main__", 0 without one
	all      []statement
	decorate []statement // decorators, wherever they stand
}

// assignment is name = value at the top level.
type assignment struct {
	name   string
	line   int
	callee string // dotted, when the value is a call
	value  []token
}

// definition is a top-level function.
type definition struct {
	name     string
	line     int
	async    bool
	optional bool // it can be called without arguments
	params   []string
	returns  string // the dotted name that it is annotated to return
	body     []statement
}

// parseModule reads source; it never fails, and what it doesn't understand is
// left out.
func parseModule(src string) module {
	m := module{imports: map[string]string{}, strings: map[string]string{}, bases: map[string][]string{}, calls: map[string]definition{}, classes: map[string]int{}, all: statements(src)}
	skip := -1 // indentation of the def or class whose body is passed over
	for i := 0; i < len(m.all); i++ {
		st := m.all[i]
		if st.starts("@") {
			m.decorate = append(m.decorate, st)
		}
		if st.starts("import") || st.starts("from") {
			m.addImport(st, skip < 0 || st.indent <= skip)
		}
		if skip >= 0 && st.indent > skip {
			continue
		}
		skip = -1
		switch {
		case st.starts("def"), st.starts("async", "def"):
			m.defs = append(m.defs, parseDefinition(st, m.block(i)))
			skip = st.indent
		case st.starts("class"):
			m.addClass(st)
			m.addCall(st, m.block(i))
			skip = st.indent
		case isGuard(st):
			m.guard = st.line
			skip = st.indent
		default:
			m.addAssignment(st)
		}
	}
	return m
}

func (m *module) addClass(st statement) {
	if len(st.tokens) < 3 || !st.tokens[2].is("(") {
		return
	}
	for _, a := range arguments(st.tokens[2:]) {
		if name, rest := dotted(a); name != "" && len(rest) == 0 {
			m.bases[st.tokens[1].text] = append(m.bases[st.tokens[1].text], name)
		}
	}
}

// addCall keeps a class's __call__, by which servers call its instances.
func (m *module) addCall(st statement, body []statement) {
	if len(st.tokens) < 2 {
		return
	}
	m.classes[st.tokens[1].text] = st.line
	for _, s := range body {
		if s.starts("def", "__call__") || s.starts("async", "def", "__call__") {
			m.calls[st.tokens[1].text] = parseDefinition(s, nil)
		}
	}
}

// block returns the statements below the one at i.
func (m module) block(i int) []statement {
	j := i + 1
	for j < len(m.all) && m.all[j].indent > m.all[i].indent {
		j++
	}
	return m.all[i+1 : j]
}

func isGuard(st statement) bool {
	if !st.starts("if", "__name__", "==") && !st.starts("if", "(", "__name__", "==") {
		return false
	}
	for _, t := range st.tokens {
		if t.kind == tokenString && t.text == "__main__" {
			return true
		}
	}
	return false
}

func (m *module) addImport(st statement, top bool) {
	toks := st.tokens[1:]
	set := func(local, full string) {
		if _, known := m.imports[local]; top || !known {
			m.imports[local] = full
		}
	}
	if st.starts("import") {
		for len(toks) > 0 {
			name, rest := dotted(toks)
			if name == "" {
				return
			}
			m.modules = append(m.modules, name)
			local, full := name, name
			if i := strings.IndexByte(name, '.'); i >= 0 {
				local, full = name[:i], name[:i]
			}
			if len(rest) > 1 && rest[0].is("as") {
				local, full, rest = rest[1].text, name, rest[2:]
			}
			set(local, full)
			if len(rest) == 0 || !rest[0].is(",") {
				return
			}
			toks = rest[1:]
		}
		return
	}
	dots := ""
	for len(toks) > 0 && toks[0].is(".") {
		dots += "."
		toks = toks[1:]
	}
	from, rest := "", toks
	if len(toks) > 0 && !toks[0].is("import") {
		from, rest = dotted(toks)
	}
	from = dots + from
	m.modules = append(m.modules, from)
	if len(rest) == 0 || !rest[0].is("import") {
		return
	}
	rest = rest[1:]
	for i := 0; i < len(rest); i++ {
		t := rest[i]
		if t.is("*") {
			m.stars = append(m.stars, from)
		}
		if t.kind != tokenName {
			continue
		}
		local := t.text
		if i+2 < len(rest) && rest[i+1].is("as") {
			local = rest[i+2].text
			i += 2
		}
		if strings.Trim(from, ".") == "" {
			set(local, from+t.text)
		} else {
			set(local, from+"."+t.text)
		}
	}
}

// dotted reads a.b.c from the start of toks.
func dotted(toks []token) (string, []token) {
	var parts []string
	for len(toks) > 0 && toks[0].kind == tokenName {
		parts = append(parts, toks[0].text)
		toks = toks[1:]
		if len(toks) < 2 || !toks[0].is(".") || toks[1].kind != tokenName {
			break
		}
		toks = toks[1:]
	}
	return strings.Join(parts, "."), toks
}

// addAssignment takes x = v, x: T = v, and x = y = v.
func (m *module) addAssignment(st statement) {
	toks := st.tokens
	var names []string
	if len(toks) > 4 && toks[0].kind == tokenName && toks[1].is(",") && toks[2].kind == tokenName { // app, rt = ...
		if eq := indexOutside(toks, "="); eq > 2 {
			names, toks = append(names, toks[0].text), toks[eq+1:]
		}
	}
	for len(toks) > 2 && toks[0].kind == tokenName {
		if toks[1].is("=") {
			names = append(names, toks[0].text)
			toks = toks[2:]
			continue
		}
		if !toks[1].is(":") || len(names) > 0 {
			break
		}
		eq := indexOutside(toks, "=")
		if eq < 0 {
			return
		}
		names = append(names, toks[0].text)
		toks = toks[eq+1:]
		break
	}
	if len(toks) == 0 {
		return
	}
	callee := ""
	if name, rest := dotted(toks); name != "" && len(rest) > 0 && rest[0].is("(") {
		callee = name
	}
	for _, n := range names {
		m.assigns = append(m.assigns, assignment{name: n, line: st.line, callee: callee, value: toks})
		if len(toks) == 1 && toks[0].kind == tokenString && toks[0].plain && !toks[0].bytes {
			m.strings[n] = toks[0].text
		}
	}
}

// indexOutside is the index of an operator outside brackets, -1 without one.
func indexOutside(toks []token, op string) int {
	depth := 0
	for i, t := range toks {
		switch {
		case t.is("("), t.is("["), t.is("{"):
			depth++
		case t.is(")"), t.is("]"), t.is("}"):
			depth--
		case depth == 0 && t.is(op):
			return i
		}
	}
	return -1
}

// arguments returns the argument lists between the first bracket of toks and
// the one that closes it, split at commas.
func arguments(toks []token) [][]token {
	for len(toks) > 0 && !toks[0].is("(") {
		toks = toks[1:]
	}
	var out [][]token
	var now []token
	depth := 0
	for _, t := range toks {
		switch {
		case t.is("("), t.is("["), t.is("{"):
			depth++
			if depth == 1 {
				continue
			}
		case t.is(")"), t.is("]"), t.is("}"):
			depth--
		}
		if depth == 0 || depth == 1 && t.is(",") {
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

// keyword returns the value of name=value among args.
func keyword(args [][]token, name string) ([]token, bool) {
	for _, a := range args {
		if len(a) > 2 && a[0].is(name) && a[1].is("=") {
			return a[2:], true
		}
	}
	return nil, false
}

// literal returns the text of a single plain string.
func literal(toks []token) (string, bool) {
	if len(toks) == 1 && toks[0].kind == tokenString && toks[0].plain && !toks[0].bytes {
		return toks[0].text, true
	}
	return "", false
}

func parseDefinition(st statement, body []statement) definition {
	d := definition{line: st.line, body: body, optional: true}
	toks := st.tokens[1:]
	if st.starts("async") {
		d.async, toks = true, st.tokens[2:]
	}
	if len(toks) > 0 {
		d.name = toks[0].text
	}
	for _, a := range arguments(toks) {
		if len(a) > 0 && a[0].kind == tokenName {
			d.params = append(d.params, a[0].text)
		}
		if len(a) == 0 || a[0].is("*") || a[0].is("**") || a[0].is("/") || indexOutside(a, "=") >= 0 {
			continue
		}
		d.optional = false
	}
	if at := indexOutside(toks, "->"); at >= 0 {
		d.returns, _ = dotted(toks[at+1:])
	}
	return d
}

// resolve turns a local dotted name into the name as the world knows it.
func (m module) resolve(name string) string {
	head, rest, _ := strings.Cut(name, ".")
	full, ok := m.imports[head]
	if !ok {
		for _, star := range m.stars {
			if _, made := makers[star+"."+name]; made {
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

// last returns the last top-level assignment to name.
func (m module) last(name string) (assignment, bool) {
	for i := len(m.assigns) - 1; i >= 0; i-- {
		if m.assigns[i].name == name {
			return m.assigns[i], true
		}
	}
	return assignment{}, false
}

func (m module) def(name string) (definition, bool) {
	for _, d := range m.defs {
		if d.name == name {
			return d, true
		}
	}
	return definition{}, false
}

// call is a call found anywhere in a file.
type call struct {
	callee string
	line   int
	args   [][]token
}

// calls returns the calls in toks, the inner ones too. method calls on an
// expression keep only what stands before the bracket.
func calls(toks []token) []call {
	var out []call
	for i := 0; i < len(toks); i++ {
		if toks[i].kind != tokenName || i > 0 && toks[i-1].is(".") {
			if !(toks[i].kind == tokenName && i > 1 && toks[i-1].is(".") && !(toks[i-2].kind == tokenName)) {
				continue
			}
		}
		name, rest := dotted(toks[i:])
		if len(rest) > 0 && rest[0].is("(") {
			out = append(out, call{callee: name, line: toks[i].line, args: arguments(rest)})
		}
	}
	return out
}

// lastPart is c in a.b.c.
func lastPart(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }
