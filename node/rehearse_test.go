package node_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/sandbox"
)

// TestRehearse: trials see the deployment's config, what they say holds no secret,
// what they start is gone, and what runs is not touched.
func TestRehearse(t *testing.T) {
	b := newBench(t)
	b.must(b.deployment(1, "one", nil))
	before := b.observe()
	d := b.deployment(2, "two", map[string]string{"PLAIN": "seen"})
	d.Manifest.Trials = []slipway.Trial{
		{Name: "says", Dir: ".", Args: []string{python(), "-c", "import os; print(os.environ['PLAIN'], os.environ['TOKEN'], os.environ['PORT'])"}},
		{Name: "answers", Dir: ".", Answers: true, Args: []string{python(), "-c", "import os, sys; open(sys.argv[1], 'w').write(os.environ['TOKEN'] + ' answered'); sys.exit(3)"}},
		{Name: "leaves", Dir: ".", Args: []string{python(), "-c", "import os, subprocess, sys\np = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\nprint(p.pid)"}},
		{Name: "floods", Dir: ".", Args: []string{python(), "-c", "print('x' * 1000 + '\\n', end='')\nfor n in range(2000): print('line', n)"}},
	}
	var log bytes.Buffer
	rehearser, ok := b.node.(slipway.Rehearser)
	if !ok {
		t.Fatal("the node does not rehearse")
	}
	results, err := rehearser.Rehearse(context.Background(), d, &log)
	if err != nil || len(results) != 4 {
		t.Fatalf("%v %+v", err, results)
	}
	if r := results[0]; r.Exit != 0 || strings.TrimSpace(r.Output) != "seen [secret] 9" {
		t.Errorf("%+v", r)
	}
	if r := results[1]; r.Exit != 3 || r.Answer != "[secret] answered" {
		t.Errorf("%+v", r)
	}
	pid := strings.TrimSpace(results[2].Output)
	if cmd, _ := os.ReadFile(filepath.Join("/proc", pid, "cmdline")); pid == "" || len(cmd) > 0 { // a zombie has none
		t.Errorf("process %q still runs", pid)
	}
	if r := results[3]; !strings.HasSuffix(r.Output, "line 1999\n") || len(r.Output) > 64<<10 {
		t.Errorf("%d bytes that end with %q", len(r.Output), r.Output[len(r.Output)-20:])
	}
	if strings.Contains(log.String(), "t0p-secret") || !strings.Contains(log.String(), "rehearsing: says") {
		t.Errorf("%s", log.String())
	}
	if after := b.observe(); after.Deployment != before.Deployment || len(after.Warm) != 0 || after.Instances[0].PID != before.Instances[0].PID {
		t.Errorf("%+v became %+v", before, after)
	}
	if _, err := os.Stat(filepath.Join(b.data, "node", "deployments", "shop", "dev", "2-rehearsal")); err == nil {
		t.Error("the rehearsal's directory is still there")
	}
	outside := d
	outside.Manifest.Trials = []slipway.Trial{{Name: "x", Dir: "../..", Args: []string{"true"}}}
	if _, err := rehearser.Rehearse(context.Background(), outside, &log); slipway.CodeOf(err) != slipway.Invalid {
		t.Errorf("outside of the source: %v", err)
	}
}

// TestRehearseWithoutAYes: what nobody has said yes to sees neither the service's
// secrets nor its data, and changes nothing that stays.
func TestRehearseWithoutAYes(t *testing.T) {
	b := newBench(t)
	kept := filepath.Join(b.data, "node", "data", "shop", "dev", "kept")
	if err := os.MkdirAll(kept, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(kept, "shop.db"), []byte("customers"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := b.deployment(1, "one", nil)
	d.Manifest.Data = []slipway.DataPath{{Path: "shop.db"}}
	looks := `import os
print(os.listdir(os.environ["SLIPWAY_DATA"]), os.path.exists("shop.db"), os.environ["TOKEN"])
open("shop.db", "w").write("planted")
try: print(open(` + "'" + filepath.Join(kept, "shop.db") + "'" + `).read())
except OSError as e: print(type(e).__name__)
`
	d.Manifest.Trials = []slipway.Trial{{Name: "looks", Dir: ".", Args: []string{python(), "-c", looks}}}
	for _, placeholders := range []bool{true, false} {
		d.Placeholders = placeholders
		results, err := b.node.(slipway.Rehearser).Rehearse(context.Background(), d, &bytes.Buffer{})
		if err != nil || len(results) != 1 || results[0].Exit != 0 {
			t.Fatalf("%v %+v", err, results)
		}
		text, err := os.ReadFile(filepath.Join(kept, "shop.db"))
		if err != nil {
			t.Fatal(err)
		}
		switch said := results[0].Output; {
		case placeholders && (string(text) != "customers" || strings.Contains(said, "t0p-secret") || !strings.HasPrefix(said, "['kept'] False ") || !results[0].Withheld):
			t.Errorf("without a yes: %q, and then %q", said, text)
		case placeholders && sandbox.Protection().Landlock > 0 && strings.Contains(said, "customers"):
			t.Errorf("without a yes: %q", said)
		case !placeholders && (string(text) != "planted" || !strings.HasPrefix(said, "['kept'] True [secret]") || results[0].Withheld):
			t.Errorf("with one: %q, and then %q", said, text)
		}
	}
}
