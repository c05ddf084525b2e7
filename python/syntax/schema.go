package syntax

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python/tree"
)

// maxMigrations bounds how many migrations of a project are read.
const maxMigrations = 5000

// Migrations reads the schema migrations of the project in dir: Django's, or
// else Alembic's. What can't be read is unknown, never an error.
func Migrations(fsys fs.FS, dir string) slipway.Migrations {
	tree, err := tree.Open(fsys, dir)
	if err != nil {
		return slipway.Migrations{}
	}
	var django, alembic []node
	for _, file := range tree.Walk(false) {
		if len(django)+len(alembic) >= maxMigrations {
			break
		}
		folder, base := path.Base(path.Dir(file)), path.Base(file)
		if !strings.HasSuffix(base, ".py") || base == "__init__.py" {
			continue
		}
		switch folder {
		case "migrations":
			if n, ok := djangoMigration(tree, file); ok {
				django = append(django, n)
			}
		case "versions":
			if n, ok := alembicRevision(tree, file); ok {
				alembic = append(alembic, n)
			}
		}
	}
	switch {
	case len(django) > 0:
		return collect("django", django)
	case len(alembic) > 0:
		return collect("alembic", alembic)
	}
	return slipway.Migrations{}
}

// node is a migration with those that come before it.
type node struct {
	slipway.Migration
	after []string
}

// collect orders migrations so that each comes after those it needs, and finds
// the heads.
func collect(tool string, nodes []node) slipway.Migrations {
	slices.SortFunc(nodes, func(a, b node) int { return strings.Compare(a.ID, b.ID) })
	byID, needed := map[string]*node{}, map[string]bool{}
	for i := range nodes {
		byID[nodes[i].ID] = &nodes[i]
		for _, id := range nodes[i].after {
			if tool == "alembic" || app(id) == app(nodes[i].ID) {
				needed[id] = true
			}
		}
		for _, id := range nodes[i].Replaces {
			needed[id] = true
		}
	}
	out := slipway.Migrations{Tool: tool}
	placed := map[string]bool{}
	var place func(n *node, depth int)
	place = func(n *node, depth int) {
		if placed[n.ID] {
			return
		}
		placed[n.ID] = true // also ends a circle
		for _, id := range n.after {
			if before := byID[id]; before != nil && depth < maxMigrations {
				place(before, depth+1)
			}
		}
		out.List = append(out.List, n.Migration)
	}
	for i := range nodes {
		place(&nodes[i], 0)
		if !needed[nodes[i].ID] {
			out.Heads = append(out.Heads, nodes[i].ID)
		}
	}
	return out
}

func app(id string) string {
	name, _, _ := strings.Cut(id, ".")
	return name
}

// worst keeps the more alarming of two classes, with its reason.
func worst(m *slipway.Migration, class slipway.MigrationClass, reason string, line int) {
	rank := map[slipway.MigrationClass]int{slipway.MigrationAdditive: 0, slipway.MigrationUnknown: 1, slipway.MigrationDestructive: 2}
	if rank[class] > rank[m.Class] {
		m.Class, m.Reason, m.Line = class, reason, line
	}
}

// operation is a call in source: what is called, and the tokens between its brackets.
type operation struct {
	name string // the last part of a dotted name
	of   string // the part before it
	args []Token
	line int
}

// operationsIn finds the calls of attributes, such as migrations.AddField(...), in the
// order of their beginnings, nested ones included.
func operationsIn(tokens []Token) []operation {
	var out []operation
	for i := 3; i < len(tokens); i++ {
		if !tokens[i].Is("(") || tokens[i-1].Kind != TokenName || !tokens[i-2].Is(".") || tokens[i-3].Kind != TokenName {
			continue
		}
		depth, end := 0, i
		for ; end < len(tokens); end++ {
			switch {
			case tokens[end].Is("("), tokens[end].Is("["), tokens[end].Is("{"):
				depth++
			case tokens[end].Is(")"), tokens[end].Is("]"), tokens[end].Is("}"):
				depth--
			}
			if depth == 0 {
				break
			}
		}
		out = append(out, operation{tokens[i-1].Text, tokens[i-3].Text, tokens[i+1 : min(end, len(tokens))], tokens[i-1].Line})
	}
	return out
}

// Keyword returns the first token of a keyword argument anywhere in a call.
func (c operation) keyword(name string) (Token, bool) {
	for i := 0; i+2 < len(c.args); i++ {
		if c.args[i].Is(name) && c.args[i].Kind == TokenName && c.args[i+1].Is("=") {
			return c.args[i+2], true
		}
	}
	return Token{}, false
}

func (c operation) has(name string) bool {
	_, ok := c.keyword(name)
	return ok
}

func (c operation) says(name, value string) bool {
	t, ok := c.keyword(name)
	return ok && t.Is(value)
}

// texts are the strings in a call, such as the name of a table and a column.
func (c operation) texts() []string {
	var out []string
	for _, t := range c.args {
		if t.Kind == TokenString {
			out = append(out, t.Text)
		}
	}
	return out
}

// named is a call with the names in it, for a reason.
func (c operation) named(n int) string {
	texts := c.texts()
	return strings.Join(texts[:min(n, len(texts))], ".")
}
