package shell_test

import (
	"testing"

	"github.com/slipway-dev/slipway/python/shell"
)

func TestProgram(t *testing.T) {
	for command, want := range map[string]string{
		"gunicorn app:app":                      "gunicorn",
		"WEB_CONCURRENCY=2 gunicorn app:app":    "gunicorn",
		"env A=1 B=2 python -m http.server":     "python",
		"exec ./bin/start --port $PORT":         "./bin/start",
		"'my program' --now":                    "my program",
		"alembic upgrade head && gunicorn app":  "alembic",
		"exec env A=1 uvicorn app:app":          "uvicorn",
		"bash -c 'gunicorn app:app'":            "bash",
		"$SERVER app:app":                       "",
		"${SERVER:-gunicorn} app:app":           "",
		"cd server && gunicorn app":             "gunicorn",
		"cd server && a && gunicorn app":        "",
		"test -f x && gunicorn app":             "",
		"[ -f x ] && gunicorn app":              "",
		"if true; then gunicorn; fi":            "",
		"(gunicorn app)":                        "",
		"env -i gunicorn":                       "",
		"":                                      "",
		"gunicorn 'never closed":                "",
		"> out gunicorn app":                    "",
		"gunicorn;true":                         "",
		"# nothing":                             "",
		"A=1":                                   "",
		"source .venv/bin/activate && gunicorn": "",
	} {
		if got := shell.Command(command).Program(); got != want {
			t.Errorf("%q: %q, want %q", command, got, want)
		}
	}
}
