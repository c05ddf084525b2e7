package syntax

import (
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/slipway-dev/slipway"
)

func djangoFile(body string) string {
	return "from django.db import migrations, models\n\n\nclass Migration(migrations.Migration):\n    dependencies = [('shop', '0001_initial')]\n\n    operations = [\n        " + body + ",\n    ]\n"
}

func TestDjangoMigrationClasses(t *testing.T) {
	cases := []struct {
		body   string
		class  slipway.MigrationClass
		reason string
	}{
		{"migrations.CreateModel(name='Order', fields=[('id', models.AutoField(primary_key=True))])", slipway.MigrationAdditive, ""},
		{"migrations.AddField('order', 'note', models.TextField(null=True))", slipway.MigrationAdditive, ""},
		{"migrations.AddField(model_name='order', name='tags', field=models.ManyToManyField(to='shop.tag'))", slipway.MigrationAdditive, ""},
		{"migrations.AddField('order', 'total', models.IntegerField(db_default=0))", slipway.MigrationAdditive, ""},
		{"migrations.AddField('order', 'total', models.IntegerField(default=0))", slipway.MigrationUnknown, "the database does not keep"},
		{"migrations.AddField(model_name='order', name='total', field=models.IntegerField())", slipway.MigrationDestructive, "adds order.total, which is required"},
		{"migrations.RemoveField(model_name='order', name='total')", slipway.MigrationDestructive, "removes order.total"},
		{"migrations.DeleteModel(name='Order')", slipway.MigrationDestructive, "deletes Order"},
		{"migrations.RenameField('order', 'a', 'b')", slipway.MigrationDestructive, "renames"},
		{"migrations.RunSQL('DROP TABLE x')", slipway.MigrationDestructive, "SQL"},
		{"migrations.RunPython(fill)", slipway.MigrationUnknown, "code of its own"},
		{"migrations.RunPython(migrations.RunPython.noop)", slipway.MigrationAdditive, ""},
		{"migrations.AlterField('order', 'total', models.BigIntegerField())", slipway.MigrationUnknown, "alters"},
		{"migrations.AddIndex('order', models.Index(fields=['a'], name='i'))", slipway.MigrationAdditive, ""},
		{"migrations.AddConstraint('order', models.CheckConstraint(name='c'))", slipway.MigrationUnknown, "constraint"},
		{"migrations.SeparateDatabaseAndState(database_operations=[], state_operations=[])", slipway.MigrationUnknown, "SeparateDatabaseAndState"},
		{"migrations.AddField('a', 'b', models.TextField(null=True)), migrations.RemoveField('a', 'c')", slipway.MigrationDestructive, "removes a.c"},
	}
	for _, c := range cases {
		got := Migrations(fstest.MapFS{"shop/migrations/0002_x.py": {Data: []byte(djangoFile(c.body))}}, ".")
		if got.Tool != "django" || len(got.List) != 1 {
			t.Errorf("%s: %+v", c.body, got)
			continue
		}
		m := got.List[0]
		if m.ID != "shop.0002_x" || m.Class != c.class || !strings.Contains(m.Reason, c.reason) || (c.reason != "" && m.Line == 0) {
			t.Errorf("%s: %+v", c.body, m)
		}
	}
}

func TestDjangoHeadsAndSquashes(t *testing.T) {
	file := func(after, replaces string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("class Migration(migrations.Migration):\n    replaces = [" + replaces + "]\n    dependencies = [" + after + "]\n    operations = []\n")}
	}
	got := Migrations(fstest.MapFS{
		"shop/migrations/__init__.py":      {},
		"shop/migrations/0001_initial.py":  file("", ""),
		"shop/migrations/0003_b.py":        file("('shop', '0001_initial')", ""),
		"shop/migrations/0002_a.py":        file("('shop', '0001_initial'), ('auth', '0001_initial')", ""),
		"stock/migrations/0001_initial.py": file("('shop', '0002_a')", ""),
	}, ".")
	if want := []string{"shop.0002_a", "shop.0003_b", "stock.0001_initial"}; !reflect.DeepEqual(got.Heads, want) {
		t.Errorf("heads %v, want %v", got.Heads, want)
	}
	squashed := Migrations(fstest.MapFS{"shop/migrations/0001_squashed.py": file("", "('shop', '0001_initial'), ('shop', '0002_a')")}, ".")
	if beyond := squashed.Beyond(got); len(beyond) != 0 {
		t.Errorf("a squashed migration whose parts are there is new: %v", beyond)
	}
	if beyond := got.Beyond(squashed); len(beyond) != 2 || beyond[0].ID != "shop.0003_b" {
		t.Errorf("beyond %v", beyond)
	}
}

func TestAlembicRevisions(t *testing.T) {
	file := func(id, down, body string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("revision: str = \"" + id + "\"\ndown_revision: Union[str, None] = " + down + "\n\ndef upgrade() -> None:\n    " + body + "\n\ndef downgrade():\n    op.drop_table('everything')\n")}
	}
	got := Migrations(fstest.MapFS{
		"alembic/versions/a.py": file("aaa", "None", "op.create_table('t', sa.Column('id', sa.Integer(), nullable=False))"),
		"alembic/versions/b.py": file("bbb", "'aaa'", "op.add_column('t', sa.Column('c', sa.String(), nullable=False))"),
		"alembic/versions/c.py": file("ccc", "'aaa'", "op.drop_column('t', 'd')"),
		"alembic/versions/m.py": file("mmm", "('bbb', 'ccc')", "pass"),
		"alembic/versions/n.py": file("nnn", "'mmm'", "op.alter_column('t', 'c', nullable=True)"),
		"alembic/versions/o.py": file("ooo", "'nnn'", "with op.batch_alter_table('t') as batch_op:\n        batch_op.alter_column('c', type_=sa.Text())"),
		"alembic/versions/p.py": file("ppp", "'ooo'", "op.execute('select 1')"),
	}, ".")
	var ids, classes []string
	for _, m := range got.List {
		ids, classes = append(ids, m.ID), append(classes, string(m.Class)[:1])
	}
	if strings.Join(ids, " ") != "aaa bbb ccc mmm nnn ooo ppp" || strings.Join(classes, "") != "addaaud" || !reflect.DeepEqual(got.Heads, []string{"ppp"}) {
		t.Errorf("%v %v heads %v", ids, classes, got.Heads)
	}
}

// FuzzMigrations: whatever a file holds, reading it ends.
func FuzzMigrations(f *testing.F) {
	f.Add(djangoFile("migrations.RemoveField('a', 'b')"))
	f.Add("revision = 'a'\ndown_revision = ('b',\ndef upgrade():\n op.execute(")
	f.Add("class Migration: operations = [migrations.AddField(((((")
	f.Fuzz(func(_ *testing.T, text string) {
		Migrations(fstest.MapFS{"a/migrations/0001.py": {Data: []byte(text)}, "b/versions/1.py": {Data: []byte(text)}}, ".")
	})
}
