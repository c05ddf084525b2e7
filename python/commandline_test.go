package python

import (
	"slices"
	"strings"
	"testing"
)

func TestExpand(t *testing.T) {
	env := map[string]string{"PORT": "8000", "EMPTY": "", "SPACE": "a b"}
	get := func(name string) string { return env[name] }
	for _, c := range []struct {
		command string
		want    []string
	}{
		{"gunicorn app:app", []string{"gunicorn", "app:app"}},
		{"gunicorn app:app --bind ${HOST:-127.0.0.1}:$PORT", []string{"gunicorn", "app:app", "--bind", "127.0.0.1:8000"}},
		{"gunicorn 'shop:create_app()'", []string{"gunicorn", "shop:create_app()"}},
		{`gunicorn "shop:create_app('prod')"`, []string{"gunicorn", "shop:create_app('prod')"}},
		{`a '$PORT' "$PORT" "x${PORT}y" \$PORT`, []string{"a", "$PORT", "8000", "x8000y", "$PORT"}},
		{`a "" '' $EMPTY "$EMPTY" b`, []string{"a", "", "", "", "b"}},
		{`a $SPACE "$SPACE"`, []string{"a", "a b", "a b"}},
		{`a x"y z"'w'`, []string{"a", "xy zw"}},
		{"A=1 B=$PORT cmd x", []string{"env", "A=1", "B=8000", "cmd", "x"}},
		{`A="1 2" cmd`, []string{"env", "A=1 2", "cmd"}},
		{"cmd A=1", []string{"cmd", "A=1"}},
		{"exec gunicorn app:app", []string{"gunicorn", "app:app"}},
		{"a | b", []string{"/bin/sh", "-c", "a | b"}},
		{"cd src && exec a", []string{"/bin/sh", "-c", `cd -- "$0" && exec "$@"`, "./src", "a"}},
		{"cd src", []string{"/bin/sh", "-c", "cd src"}},
		{"a > log", []string{"/bin/sh", "-c", "a > log"}},
		{"a $(nproc)", []string{"/bin/sh", "-c", "a $(nproc)"}},
		{"a `nproc`", []string{"/bin/sh", "-c", "a `nproc`"}},
		{`a "$(nproc)"`, []string{"/bin/sh", "-c", `a "$(nproc)"`}},
		{"a ${PORT:?}", []string{"/bin/sh", "-c", "a ${PORT:?}"}},
		{"a $1", []string{"/bin/sh", "-c", "a $1"}},
		{"a *.py", []string{"/bin/sh", "-c", "a *.py"}},
		{"a '*.py'", []string{"a", "*.py"}},
		{"a; b", []string{"/bin/sh", "-c", "a; b"}},
		{"a\nb", []string{"/bin/sh", "-c", "a\nb"}},
		{"a \\\n  b", []string{"a", "b"}},
		{"a # note", []string{"/bin/sh", "-c", "a # note"}},
		{"a b#c", []string{"a", "b#c"}},
	} {
		got, err := Command(c.command).Expand(get)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%q: got %q, %v; want %q", c.command, got, err, c.want)
		}
	}
	for _, bad := range []string{"", "  ", "a 'b", `a "b`, "A=1", "$EMPTY", "''", "a\x00"} {
		if got, err := Command(bad).Expand(get); err == nil {
			t.Errorf("%q: got %q, want an error", bad, got)
		}
	}
}

func FuzzCommand(f *testing.F) {
	for _, seed := range []string{"a b", "a '${X:-1}' \"$Y\" \\ ", "A=1 b", "a && b", "exec ${", "a $", "\"`", "é 'ü"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		args, err := Command(text).Expand(func(string) string { return "" })
		if err == nil && (len(args) == 0 || args[0] == "" || strings.ContainsRune(strings.Join(args, ""), 0)) {
			t.Fatalf("%q expands to %q", text, args)
		}
		if line, err := Command(text).Parse(); err == nil {
			targetOf(line)
			line.Words()
		}
	})
}
