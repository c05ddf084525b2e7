package python

import (
	"path"
	"strings"

	"github.com/slipway-dev/slipway"
)

// djangoMigration reads a file that holds class Migration. Operations that are
// not Django's own are unknown.
func djangoMigration(t tree, file string) (node, bool) {
	text, ok := t.read(file)
	if !ok || !strings.Contains(text, "Migration") {
		return node{}, false
	}
	label := path.Base(path.Dir(path.Dir(file)))
	n := node{Migration: slipway.Migration{ID: label + "." + strings.TrimSuffix(path.Base(file), ".py"), File: file, Class: slipway.MigrationAdditive}}
	found := false
	for _, s := range statements(text) {
		switch {
		case s.starts("class", "Migration"):
			found = true
		case !found || s.indent == 0:
		case s.starts("dependencies", "="):
			n.after = pairs(s.tokens[2:])
		case s.starts("replaces", "="):
			n.Replaces = pairs(s.tokens[2:])
		case s.starts("operations", "="):
			for _, c := range operationsIn(s.tokens) {
				djangoOperation(&n.Migration, c)
			}
		}
	}
	return n, found
}

// pairs reads a list of (app, name).
func pairs(tokens []token) (out []string) {
	for i := 0; i+3 < len(tokens); i++ {
		if tokens[i].is("(") && tokens[i+1].kind == tokenString && tokens[i+2].is(",") && tokens[i+3].kind == tokenString {
			out = append(out, tokens[i+1].text+"."+tokens[i+3].text)
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
	return len(c.args) > 0 && c.args[len(c.args)-1].is(name)
}

func joined(tokens []token) string {
	var b strings.Builder
	for _, t := range tokens {
		if t.kind == tokenName {
			b.WriteString(t.text)
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// alembicRevision reads a file that states its revision.
func alembicRevision(t tree, file string) (node, bool) {
	text, ok := t.read(file)
	if !ok || !strings.Contains(text, "revision") {
		return node{}, false
	}
	n := node{Migration: slipway.Migration{File: file, Class: slipway.MigrationAdditive}}
	upgrading := false
	for _, s := range statements(text) {
		switch {
		case s.indent == 0 && s.starts("def", "upgrade"):
			upgrading = true
		case s.indent == 0 && s.starts("def"):
			upgrading = false
		case s.indent == 0 && s.starts("revision"):
			if v := assigned(s.tokens); len(v) > 0 && v[0].kind == tokenString {
				n.ID = v[0].text
			}
		case s.indent == 0 && s.starts("down_revision"):
			for _, v := range assigned(s.tokens) {
				if v.kind == tokenString {
					n.after = append(n.after, v.text)
				}
			}
		case upgrading:
			for _, c := range operationsIn(s.tokens) {
				alembicOperation(&n.Migration, c)
			}
		}
	}
	return n, n.ID != ""
}

// assigned is what stands behind the equals sign, an annotation left out.
func assigned(tokens []token) []token {
	depth := 0
	for i, t := range tokens {
		switch {
		case t.is("["), t.is("("):
			depth++
		case t.is("]"), t.is(")"):
			depth--
		case t.is("=") && depth == 0:
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
