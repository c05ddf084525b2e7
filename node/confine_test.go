package node_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/internal/layertest"
	"github.com/slipway-dev/slipway/sandbox"
)

// attacks are what code of a service would do to others: each is a Python
// expression that is true when it works, and works for a process of the platform.
func (b *bench) attacks(secret string) map[string]string {
	return map[string]string{
		"read a key":                    fmt.Sprintf("open(%q).read() != ''", secret),
		"read it by /proc":              fmt.Sprintf("open('/proc/%d/root' + %q).read() != ''", os.Getpid(), secret),
		"list the data directory":       fmt.Sprintf("'secrets' in os.listdir(%q)", b.data), // a trial may have a view of its own, without them
		"read another service's data":   fmt.Sprintf("open(%q).read() != ''", filepath.Join(b.data, "node", "data", "other", "dev", "file")),
		"read the node's key":           fmt.Sprintf("open(%q).read() != ''", filepath.Join(b.data, "node", "node.key")),
		"read the node's state":         fmt.Sprintf("os.listdir(%q) != None", filepath.Join(b.data, "node", "state")),
		"change its artifact":           fmt.Sprintf("open(%q, 'a').write('x') > 0", filepath.Join(b.data, "artifacts", "one", "source", "app.py")),
		"change its environment":        fmt.Sprintf("open(%q, 'w').write('x') > 0", filepath.Join(b.data, "artifacts", "one", "venv", "planted")),
		"put a link for the platform":   fmt.Sprintf("os.symlink(%q, '../output') is None or os.symlink(%q, '../answer') is None", secret, secret),
		"move its home":                 "os.rename(os.environ['HOME'], os.environ['HOME'] + '-away') is None",
		"cut its log":                   fmt.Sprintf("open(%q, 'w') != None", filepath.Join(b.data, "node", "logs", "shop", "dev", "1.web.1.log")),
		"signal the platform":           fmt.Sprintf("os.kill(%d, 0) is None", os.Getpid()),
		"read the platform's variables": fmt.Sprintf("open('/proc/%d/environ').read() != ''", os.Getpid()),
		"read somebody's home":          "os.listdir(os.path.expanduser('~root')) != None",
	}
}

func (b *bench) secretFile() string {
	b.t.Helper()
	secret := filepath.Join(b.data, "secrets", "key")
	for _, file := range []string{secret, filepath.Join(b.data, "node", "data", "other", "dev", "file"), filepath.Join(b.data, "node", "node.key")} {
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			b.t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("the-key"), 0o600); err != nil {
			b.t.Fatal(err)
		}
	}
	return secret
}

// TestServicesReachTheirOwnOnly tries every attack from an instance, a release
// command and a trial; and each does its own work besides.
func TestServicesReachTheirOwnOnly(t *testing.T) {
	b := newBench(t)
	secret := b.secretFile()
	var script strings.Builder
	script.WriteString("import os, sys\ndef reached(what):\n    try: return bool(eval(what))\n    except OSError: return False\n")
	for name, what := range b.attacks(secret) {
		fmt.Fprintf(&script, "if reached(%q): print('REACHED', %q, flush=True)\n", what, name)
	}
	script.WriteString("open(os.path.join(os.environ['SLIPWAY_DATA'], 'mine'), 'w').write('x')\nopen('here', 'w').write('x')\nimport tempfile; tempfile.TemporaryFile().write(b'x')\nprint('tried everything', flush=True)\n")

	d := b.deployment(1, "one", nil)
	attack := filepath.Join(b.data, "artifacts", "one", "source", "attack.py")
	if err := os.WriteFile(attack, []byte(script.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	d.Manifest.Processes = append(d.Manifest.Processes, slipway.Process{Name: "attack", Command: python() + " -c exec(open('attack.py').read());__import__('signal').pause()", Instances: 1, GraceSeconds: 1})
	d.Manifest.ReleaseCommand = python() + " attack.py"
	d.Manifest.Trials = []slipway.Trial{{Name: "attack", Dir: ".", Args: []string{python(), "attack.py"}}}
	said := func(who, text string) {
		if strings.Contains(text, "REACHED") || !strings.Contains(text, "tried everything") {
			t.Errorf("%s: %s", who, text)
		}
	}
	var log bytes.Buffer
	rehearsed, ok := b.node.(slipway.Rehearser)
	if !ok {
		t.Fatal("it rehearses nothing")
	}
	results, err := rehearsed.Rehearse(context.Background(), d, &log)
	if err != nil || len(results) != 1 {
		t.Fatalf("%v %v", results, err)
	}
	said("a trial", results[0].Output)
	log.Reset()
	if err := b.node.Release(context.Background(), d, &log); err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	said("a release command", log.String())
	b.must(d)
	b.eventually("the instance has tried", func() bool { return strings.Contains(b.logs(), "tried everything") })
	said("an instance", b.logs())
}

// TestWhatWasChangedIsNotStarted changes an artifact after it was deployed: what
// runs goes on and is told of, and nothing of it is started again.
func TestWhatWasChangedIsNotStarted(t *testing.T) {
	b := emptyBench(t)
	var changed atomic.Bool
	b.verify = func(context.Context, slipway.Digest) error {
		if changed.Load() {
			return slipway.Errorf(slipway.Refused, "the source of the artifact is not what was built: app.py was changed")
		}
		return nil
	}
	b.open()
	d := b.deployment(1, "one", nil)
	b.must(d)
	changed.Store(true)
	b.eventually("it is told", func() bool {
		told := b.observe().Problems
		return len(told) == 1 && strings.Contains(told[0], "app.py was changed")
	})
	if status, _, _ := b.ask(); status != 200 {
		t.Errorf("what runs answers %d", status)
	}
	before := b.instance("web.1").PID
	b.get("/exit")
	b.eventually("it isn't started again", func() bool {
		i := b.instance("web.1")
		return i.State == slipway.InstanceBackoff && strings.Contains(i.Reason, "app.py was changed")
	})
	if pids := b.alive("web", "one"); len(pids) > 0 {
		t.Errorf("%v run, it was %d", pids, before)
	}
	next := b.deployment(2, "two", nil)
	if _, err := b.deploy(next); slipway.CodeOf(err) != slipway.Refused || !strings.Contains(err.Error(), "app.py was changed") {
		t.Errorf("a deploy: %v", err)
	}
	next.ID = "3"
	if err := b.node.Release(context.Background(), next, io.Discard); slipway.CodeOf(err) != slipway.Refused {
		t.Errorf("a release command: %v", err)
	}
	if _, err := b.node.(slipway.Rehearser).Rehearse(context.Background(), next, io.Discard); slipway.CodeOf(err) != slipway.Refused {
		t.Errorf("a rehearsal: %v", err)
	}
}

// TestWhatDetachesIsEnded has a service start something that leaves its session,
// its group and its mark: where the machine has control groups, or mounts of one's
// own, that ends with the service all the same, also when another agent ends it.
func TestWhatDetachesIsEnded(t *testing.T) {
	b := emptyBench(t)
	b.spawn()
	d := b.deployment(1, "one", nil)
	detach := "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        os.execve('/bin/sh', ['sh', '-c', 'echo $$ > ' + os.environ['SLIPWAY_DATA'] + '/detached; exec sleep 600'], {'PATH': '/bin:/usr/bin'})\n    os._exit(0)\nos.wait()\n"
	if err := os.WriteFile(filepath.Join(b.data, "artifacts", "one", "source", "detach.py"), []byte(detach), 0o600); err != nil {
		t.Fatal(err)
	}
	d.Manifest.Processes = append(d.Manifest.Processes, slipway.Process{Name: "daemon", Command: python() + " -c exec(open('detach.py').read());__import__('signal').pause()", Instances: 1, GraceSeconds: 1})
	b.must(d)
	b.eventually("something has detached", func() bool { return len(b.noted("detached")) == 1 })
	pid, err := strconv.Atoi(b.noted("detached")[0])
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(b.data, "node", "state", "shop.dev.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text, []byte(`"group":"/`)) && !sandbox.Protection().Mounts {
		defer layertest.Needs(t, false, "control groups, and no mounts of one's own")
		_ = os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte("1000"), 0)
		process, _ := os.FindProcess(pid)
		_ = process.Kill()
		return
	}
	b.killed()
	b.spawn()
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); err != nil {
		t.Errorf("the agent's end ended it: %v", err)
	}
	if err := b.node.Remove(context.Background(), "shop", "dev"); err != nil {
		t.Fatal(err)
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if !errors.Is(err, os.ErrNotExist) && !strings.Contains(string(stat), ") Z ") { // nobody may have reaped it
		t.Errorf("process %d outlives its service: %s", pid, stat)
	}
}

// TestATrialsAnswerIsItsOwn leaves a link to a key where the outcome is looked for.
func TestATrialsAnswerIsItsOwn(t *testing.T) {
	b := newBench(t)
	secret := b.secretFile()
	d := b.deployment(1, "one", nil)
	d.Manifest.Trials = []slipway.Trial{{Name: "links", Dir: ".", Answers: true, Args: []string{python(), "-c", fmt.Sprintf("import os, sys; os.symlink(%q, sys.argv[1])", secret)}}}
	results, err := b.node.(slipway.Rehearser).Rehearse(context.Background(), d, io.Discard)
	if slipway.CodeOf(err) != slipway.Refused {
		t.Errorf("%v %v", results, err)
	}
}
