package python

import (
	"path"
	"regexp"
	"strings"
)

var (
	// empties is what empties a database wherever it stands: SQLAlchemy's, peewee's and
	// sqlalchemy-utils' calls, SQL, and the removal of a file, which may be its own.
	empties = regexp.MustCompile(`\bdrop_(?:all|tables?|database)\(|(?i:\bDROP\s+(?:TABLE|SCHEMA|DATABASE)\b)|\bos\.(?:remove|unlink)\(|\bfrom os import [^\n]*\b(?:remove|unlink)\b|\.unlink\(|\brmtree\(|["']rm["'\s]`)
	// clears does in the code of a command, where an application says it of single rows.
	clears = regexp.MustCompile(`\.(?:drop|delete)\(|(?i:\b(?:DELETE\s+FROM|TRUNCATE)\b)`)
	// function is the head of a function up to its parameters, with its indent.
	function = regexp.MustCompile(`(?m)^([ \t]*)(?:async +)?def +(\w+)\(`)
	word     = regexp.MustCompile(`[A-Za-z_]\w*`)
	script   = regexp.MustCompile(`["']([^"'\n]*\.sql)["']`)
	onFlag   = regexp.MustCompile(`^\s*if (\w+)(?: and [^\n]*)?:`)
)

// emptiesTables says that a command may empty the tables that are there: it, what it
// calls, or a script of SQL beside them does, or that can't be read. Functions are taken
// by their names alone, wherever they stand in the project, and each counts with its
// file: one too many costs a condition, one too few costs the data.
func (d *detection) emptiesTables(made tableMaker) bool {
	if made.file == "" || empties.MatchString(made.text) || clears.MatchString(made.body) || d.emptiesByScript(made.file, made.text) {
		return true
	}
	type code struct{ file, text, body string }
	defined := map[string][]code{}
	for _, f := range d.tree.Walk(false) {
		text, ok := d.tree.Read(f)
		if f == made.file {
			text = made.text
		}
		if !ok {
			continue
		}
		for _, at := range function.FindAllStringSubmatchIndex(text, -1) {
			name := text[at[4]:at[5]]
			defined[name] = append(defined[name], code{f, text, block(text[at[1]:], at[3]-at[2])})
		}
	}
	files := map[string]bool{made.file: true}
	for next := []string{made.body}; len(next) > 0; next = next[1:] {
		for _, name := range word.FindAllString(next[0], -1) {
			for _, c := range defined[name] {
				if clears.MatchString(c.body) || !files[c.file] && (empties.MatchString(c.text) || d.emptiesByScript(c.file, c.text)) {
					return true
				}
				files[c.file] = true
				next = append(next, c.body)
			}
			delete(defined, name)
		}
	}
	return false
}

// emptiesByScript says that a file runs scripts of SQL of which one empties tables, or
// isn't found.
func (d *detection) emptiesByScript(file, text string) bool {
	named := script.FindAllStringSubmatch(text, -1)
	if !strings.Contains(text, "executescript") && named == nil {
		return false
	}
	read := map[string]bool{}
	look := func(name string) (drops bool) {
		sql, ok := d.tree.Read(name)
		if ok {
			read[path.Base(name)] = true
		}
		return ok && (empties.MatchString(sql) || clears.MatchString(sql))
	}
	for _, name := range d.tree.List(path.Dir(file)) {
		if strings.HasSuffix(name, ".sql") && look(path.Join(path.Dir(file), name)) {
			return true
		}
	}
	for _, m := range named {
		for _, name := range []string{m[1], path.Join(path.Dir(file), m[1])} {
			if look(name) {
				return true
			}
		}
		if !read[path.Base(m[1])] {
			return true
		}
	}
	return len(read) == 0
}

// block is the rest of a function after its opening parenthesis: its head, and the lines
// that stand deeper than its indent.
func block(text string, indent int) string {
	end, headed := 0, false
	for line := range strings.Lines(text) {
		plain := strings.TrimLeft(line, " \t")
		if headed && strings.TrimSpace(line) != "" && len(line)-len(plain) <= indent {
			break
		}
		code, _, _ := strings.Cut(line, "#")
		headed = headed || strings.HasSuffix(strings.TrimSpace(code), ":")
		end += len(line)
	}
	return text[:end]
}

// withoutAsked is the body of a command without what it does only when asked for by an
// option, which is off unless given.
func withoutAsked(decorators, body string) string {
	if !strings.Contains(decorators, "is_flag") || strings.Contains(decorators, "default=True") {
		return body
	}
	parameters, _, _ := strings.Cut(body, ")")
	isParameter := func(name string) bool {
		set := regexp.MustCompile(`(?m)^\s*` + name + `\s*(?::[^=\n]*)?=[^=]`)
		_, statements, _ := strings.Cut(body, "\n")
		for _, w := range word.FindAllString(parameters, -1) {
			if w == name {
				return !set.MatchString(statements)
			}
		}
		return false
	}
	var rest strings.Builder
	asked, within := 0, false
	for line := range strings.Lines(body) {
		indent := len(line) - len(strings.TrimLeft(line, " \t"))
		if within && strings.TrimSpace(line) != "" && indent <= asked {
			within = false
		}
		if m := onFlag.FindStringSubmatch(line); !within && m != nil && isParameter(m[1]) {
			asked, within = indent, true
		}
		if !within {
			rest.WriteString(line)
		}
	}
	return rest.String()
}
