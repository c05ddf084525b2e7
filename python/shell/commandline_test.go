package shell

import (
	"slices"
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

func TestCommandGoesToADirectory(t *testing.T) {
	none := func(string) string { return "" }
	for text, want := range map[string][]string{
		"cd server && gunicorn app:app":           {"/bin/sh", "-c", `cd -- "$0" && exec "$@"`, "./server", "gunicorn", "app:app"},
		"cd 'the server' && A=b exec python x.py": {"/bin/sh", "-c", `cd -- "$0" && exec "$@"`, "./the server", "env", "A=b", "python", "x.py"},
		"cd /srv/x && ./run":                      {"/bin/sh", "-c", `cd -- "$0" && exec "$@"`, "/srv/x", "./run"},
		"cd server && a && b":                     {"/bin/sh", "-c", "cd server && a && b"},
		"cd $HOME && a":                           {"/bin/sh", "-c", "cd $HOME && a"},
		"cd - && a":                               {"/bin/sh", "-c", "cd - && a"},
		"cd a b && c":                             {"/bin/sh", "-c", "cd a b && c"},
	} {
		got, err := Command(text).Expand(none)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v; want %q", text, got, err, want)
		}
	}
	if dir := Command("cd server && a && b").Directory(); dir != "server" {
		t.Errorf("a chain goes to %q", dir)
	}
	if p := Command("cd server && ./start").Program(); p != "./start" {
		t.Errorf("the program is %q", p)
	}
}
