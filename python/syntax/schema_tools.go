package syntax

import (
	"path"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python/tree"
)

// djangoMigration reads a file that holds class Migration. Operations that are
// not Django's own are unknown.
func djangoMigration(t tree.Tree, file string) (node, bool) {
	text, ok := t.Read(file)
	if !ok || !strings.Contains(text, "Migration") {
		return node{}, false
	}
	label := path.Base(path.Dir(path.Dir(file)))
	n := node{Migration: slipway.Migration{ID: label + "." + strings.TrimSuffix(path.Base(file), ".py"), File: file, Class: slipway.MigrationAdditive}}
	found := false
	for _, s := range Statements(text) {
		switch {
		case s.Starts("class", "Migration"):
			found = true
		case !found || s.Indent == 0:
		case s.Starts("dependencies", "="):
			n.after = pairs(s.Tokens[2:])
		case s.Starts("replaces", "="):
			n.Replaces = pairs(s.Tokens[2:])
		case s.Starts("operations", "="):
			for _, c := range operationsIn(s.Tokens) {
				djangoOperation(&n.Migration, c)
			}
		}
	}
	return n, found
}

// pairs reads a list of (app, name).
func pairs(tokens []Token) (out []string) {
	for i := 0; i+3 < len(tokens); i++ {
		if tokens[i].Is("(") && tokens[i+1].Kind == TokenString && tokens[i+2].Is(",") && tokens[i+3].Kind == TokenString {
			out = append(out, tokens[i+1].Text+"."+tokens[i+3].Text)
		}
	}
	return out
}

func djangoOperation(m *slipway.Migration, c operation) {
	if c.of != "migrations" {
		return // a field, an index or a function inside an operation
	}
	switch c.name {
	case "CreateModel", "AddIndex", "RemoveIndex", "RenameIndex", "AlterModelOptions", "AlterModelManagers", "AlterModelTableComment", "RemoveConstraint", "AlterOrderWithRespectTo":
	case "AddField":
		if !c.says("null", "True") && !c.has("default") && !c.has("db_default") && !strings.Contains(joined(c.args), "ManyToManyField") {
			worst(m, slipway.MigrationDestructive, "adds "+c.named(2)+", which is required and has no default", c.line)
		} else if !c.says("null", "True") && !c.has("db_default") && !strings.Contains(joined(c.args), "ManyToManyField") {
			// Django drops the default again once the rows are filled in: the
			// release before doesn't know the column and can't write a row.
			worst(m, slipway.MigrationUnknown, "adds "+c.named(2)+", which is required and whose default the database does not keep", c.line)
		}
	case "RemoveField":
		worst(m, slipway.MigrationDestructive, "removes "+c.named(2), c.line)
	case "DeleteModel":
		worst(m, slipway.MigrationDestructive, "deletes "+c.named(1), c.line)
	case "RenameField", "RenameModel", "AlterModelTable":
		worst(m, slipway.MigrationDestructive, "renames "+c.named(2), c.line)
	case "RunSQL":
		worst(m, slipway.MigrationDestructive, "runs SQL of its own", c.line)
	case "AlterField":
		worst(m, slipway.MigrationUnknown, "alters "+c.named(2), c.line)
	case "RunPython":
		if !c.endsWith("noop") {
			worst(m, slipway.MigrationUnknown, "runs code of its own", c.line)
		}
	case "AddConstraint", "AlterUniqueTogether", "AlterIndexTogether":
		worst(m, slipway.MigrationUnknown, "adds a constraint to "+c.named(1), c.line)
	default:
		if c.name != strings.ToLower(c.name) { // swappable_dependency and the like are no operations
			worst(m, slipway.MigrationUnknown, "does "+c.name, c.line)
		}
	}
}

// endsWith tells whether the last thing in a call is a name, such as migrations.RunPython.noop.
func (c operation) endsWith(name string) bool {
	return len(c.args) > 0 && c.args[len(c.args)-1].Is(name)
}

func joined(tokens []Token) string {
	var b strings.Builder
	for _, t := range tokens {
		if t.Kind == TokenName {
			b.WriteString(t.Text)
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// alembicRevision reads a file that states its revision.
func alembicRevision(t tree.Tree, file string) (node, bool) {
	text, ok := t.Read(file)
	if !ok || !strings.Contains(text, "revision") {
		return node{}, false
	}
	n := node{Migration: slipway.Migration{File: file, Class: slipway.MigrationAdditive}}
	upgrading := false
	for _, s := range Statements(text) {
		switch {
		case s.Indent == 0 && s.Starts("def", "upgrade"):
			upgrading = true
		case s.Indent == 0 && s.Starts("def"):
			upgrading = false
		case s.Indent == 0 && s.Starts("revision"):
			if v := assigned(s.Tokens); len(v) > 0 && v[0].Kind == TokenString {
				n.ID = v[0].Text
			}
		case s.Indent == 0 && s.Starts("down_revision"):
			for _, v := range assigned(s.Tokens) {
				if v.Kind == TokenString {
					n.after = append(n.after, v.Text)
				}
			}
		case upgrading:
			for _, c := range operationsIn(s.Tokens) {
				alembicOperation(&n.Migration, c)
			}
		}
	}
	return n, n.ID != ""
}

// assigned is what stands behind the equals sign, an annotation left out.
func assigned(tokens []Token) []Token {
	depth := 0
	for i, t := range tokens {
		switch {
		case t.Is("["), t.Is("("):
			depth++
		case t.Is("]"), t.Is(")"):
			depth--
		case t.Is("=") && depth == 0:
			return tokens[i+1:]
		}
	}
	return nil
}

func alembicOperation(m *slipway.Migration, c operation) {
	if c.of != "op" && c.of != "batch_op" {
		return
	}
	switch c.name {
	case "create_table", "create_index", "drop_index", "drop_constraint", "create_table_comment", "drop_table_comment", "batch_alter_table", "f", "get_bind", "get_context", "inline_literal":
	case "add_column":
		if c.says("nullable", "False") && !c.has("server_default") {
			worst(m, slipway.MigrationDestructive, "adds "+c.named(2)+", which is required and has no server default", c.line)
		}
	case "drop_column":
		worst(m, slipway.MigrationDestructive, "drops "+c.named(2), c.line)
	case "drop_table":
		worst(m, slipway.MigrationDestructive, "drops "+c.named(1), c.line)
	case "rename_table":
		worst(m, slipway.MigrationDestructive, "renames "+c.named(1), c.line)
	case "alter_column":
		switch {
		case c.has("new_column_name"):
			worst(m, slipway.MigrationDestructive, "renames "+c.named(2), c.line)
		case c.says("nullable", "False"):
			worst(m, slipway.MigrationDestructive, "makes "+c.named(2)+" required", c.line)
		case c.says("nullable", "True") && !c.has("type_"):
		default:
			worst(m, slipway.MigrationUnknown, "alters "+c.named(2), c.line)
		}
	case "execute":
		worst(m, slipway.MigrationDestructive, "runs SQL of its own", c.line)
	default:
		worst(m, slipway.MigrationUnknown, "does "+c.name+" "+c.named(1), c.line)
	}
}
