package node

import (
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
)

// TestShownSecrets: a secret that a command names is told of, before everybody on the
// machine reads it; other variables aren't.
func TestShownSecrets(t *testing.T) {
	d := slipway.Deployment{
		Manifest: slipway.Manifest{
			Processes: []slipway.Process{
				{Name: "web", Command: "python app.py --db $DATABASE_URL --port $PORT"},
				{Name: "shell", Command: `sh -c "exec app ${TOKEN:-none} | cat"`},
				{Name: "quiet", Command: "python app.py $LEVEL"},
			},
			ReleaseCommand: "migrate ${DATABASE_URL}",
		},
		Config: slipway.Snapshot{Env: map[string]slipway.ConfigValue{
			"DATABASE_URL": {Secret: "sealed://a/b/DATABASE_URL"}, "TOKEN": {Secret: "sealed://a/b/TOKEN"}, "LEVEL": {Value: "info"},
		}},
	}
	var log strings.Builder
	warnShown(d, &log)
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	for k, want := range []string{"of web names DATABASE_URL,", "of shell names TOKEN,", "of release names DATABASE_URL,"} {
		if len(lines) != 3 || !strings.Contains(lines[k], want) {
			t.Errorf("%s is not said: %s", want, log.String())
		}
	}
}
