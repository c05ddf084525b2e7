package node_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
)

// TestWhereTheProjectIsInstalled: what a release has installed of itself is found after
// all that the service looks at first, whoever says what that is; so are its programs.
func TestWhereTheProjectIsInstalled(t *testing.T) {
	b := newBench(t)
	look := slipway.Trial{Name: "looks", Dir: ".", Args: []string{python(), "-c", "import os\nfor n in ('PYTHONPATH', 'PATH'): print(':'.join(d.split('/app', 1)[-1] for d in os.environ.get(n, '').split(':')))"}}
	for name, tc := range map[string]struct {
		search []slipway.SourcePath
		config map[string]string
		want   string
	}{
		"nothing else":     {nil, nil, "/.slipway/package"},
		"the search path":  {[]slipway.SourcePath{"src"}, nil, "/src:/.slipway/package"},
		"the config's own": {[]slipway.SourcePath{"src"}, map[string]string{"PYTHONPATH": "${SLIPWAY_SOURCE}/lib"}, "/lib:/.slipway/package"},
	} {
		d := b.deployment(1, "one", tc.config)
		d.Manifest.SearchPath, d.Manifest.Package, d.Manifest.Trials = tc.search, ".slipway/package", []slipway.Trial{look}
		results, err := b.node.(slipway.Rehearser).Rehearse(context.Background(), d, &bytes.Buffer{})
		if err != nil || len(results) != 1 {
			t.Fatalf("%s: %v %+v", name, err, results)
		}
		lines := strings.Split(strings.TrimSpace(results[0].Output), "\n")
		if len(lines) != 2 || lines[0] != tc.want || !strings.Contains(lines[1], ":/.slipway/package/bin:") || !strings.HasSuffix(lines[1], ":/usr/bin:/bin") {
			t.Errorf("%s: %q, want %q", name, lines, tc.want)
		}
	}
}
