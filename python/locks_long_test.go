//go:build long

package python

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/slipway-dev/slipway/python/tree"
)

// lockShape is a manifest that differs from its base.
type lockShape struct {
	name  string
	edits []string          // old, new, old, new ...
	files map[string]string // more files; "pyproject.toml" is the edited base
}

// lockCrossing asks a manager and Slipway the same question of many pairs of
// a manifest and a lock.
type lockCrossing struct {
	tool     string
	manifest string
	lock     string
	base     string
	shapes   []lockShape
	lockArgs [][]string // the first writes a lock
	check    []string
	// all pairs of these shapes are compared, beside each shape with the base
	groups []string
	// only what the base's lock and a shape's own lock say of a shape
	shallow bool
	// ownLocks, when set, is of how many shapes a lock of their own is made
	ownLocks int
}

func replaceAll(text string, pairs ...string) string {
	return strings.NewReplacer(pairs...).Replace(text)
}

func (c lockCrossing) files(s lockShape, index string) map[string]string {
	text := c.base
	for i := 0; i+1 < len(s.edits); i += 2 {
		if !strings.Contains(text, s.edits[i]) {
			panic(s.name + ": the base holds no " + s.edits[i])
		}
		text = strings.Replace(text, s.edits[i], s.edits[i+1], 1)
	}
	out := map[string]string{c.manifest: text}
	for name, text := range s.files {
		out[name] = text
	}
	for name, text := range out {
		out[name] = strings.ReplaceAll(text, "INDEX", index)
	}
	return out
}

func writeFiles(t *testing.T, files map[string]string) string {
	dir := t.TempDir()
	for name, text := range files {
		full := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

type lockPair struct{ lock, manifest int }

// TestLongLockFreshness compares Slipway's judgement of locks with the
// managers' own, at the versions that builds use.
func TestLongLockFreshness(t *testing.T) {
	for _, c := range lockCrossings {
		t.Run(c.tool, func(t *testing.T) { c.cross(t, installedTool(t, c.tool), packageIndex(t)) })
	}
}

func (c lockCrossing) cross(t *testing.T, tool lockTool, index string) {
	shapes := append([]lockShape{{name: "base"}}, c.shapes...)
	locks := make([]string, len(shapes))
	parallel(len(shapes), func(i int) {
		if c.ownLocks > 0 && i >= c.ownLocks {
			return
		}
		dir := writeFiles(t, c.files(shapes[i], index))
		args := c.lockArgs[0]
		if flags, ok := shapes[i].files["lock.args"]; ok {
			args = append(append([]string{}, args...), strings.Fields(flags)...)
		}
		out, rc := tool.run(dir, args...)
		if rc != 0 {
			t.Errorf("%s cannot lock %q: %s", c.tool, shapes[i].name, out)
			return
		}
		text, _ := os.ReadFile(filepath.Join(dir, c.lock))
		locks[i] = string(text)
	})
	var pairs []lockPair
	for i := range shapes {
		pairs = append(pairs, lockPair{i, i})
		if i > 0 {
			pairs = append(pairs, lockPair{0, i})
			if !c.shallow {
				pairs = append(pairs, lockPair{i, 0})
			}
		}
		for j := 1; j < i; j++ {
			for _, g := range c.groups {
				if strings.HasPrefix(shapes[i].name, g) && strings.HasPrefix(shapes[j].name, g) {
					pairs = append(pairs, lockPair{i, j}, lockPair{j, i})
				}
			}
		}
	}
	var mu sync.Mutex
	disagree, unknown, asked := 0, 0, 0
	parallel(len(pairs), func(n int) {
		p := pairs[n]
		if locks[p.lock] == "" {
			return
		}
		files := c.files(shapes[p.manifest], index)
		files[c.lock] = locks[p.lock]
		dir := writeFiles(t, files)
		said, reason, python := judged(t, dir)
		with := tool
		if python != "" { // a build uses the interpreter that Slipway chose
			with.env = append(append([]string{}, tool.env...), "UV_PYTHON="+python)
		}
		out, rc := with.run(dir, c.check...)
		mu.Lock()
		defer mu.Unlock()
		want := "fresh"
		if rc != 0 {
			want = "stale"
		}
		asked++
		switch said {
		case want:
		case "unknown":
			unknown++
			t.Logf("%s: lock of %q with %q: Slipway leaves it to the manager (%s), which says %s", c.tool, shapes[p.lock].name, shapes[p.manifest].name, reason, want)
		default:
			disagree++
			t.Errorf("%s: lock of %q with %q: %s says %s (%d: %s), Slipway %s (%s)", c.tool, shapes[p.lock].name, shapes[p.manifest].name, c.tool, want, rc, tree.Clip(lastLine(out)), said, reason)
		}
	})
	t.Logf("%s: %d pairs of lock and manifest, %d disagreements, %d left to the manager", c.tool, asked, disagree, unknown)
}

func judged(t *testing.T, dir string) (said, reason, python string) {
	p, err := Detect(os.DirFS(dir), Options{Interpreters: machinesInterpreters()})
	if err != nil {
		t.Fatal(err)
	}
	python = p.Python.Interpreter
	switch {
	case p.Lock == nil:
		return "no lock", fmt.Sprint(p.Problems), python
	case p.Lock.Fresh == nil:
		return "unknown", p.Lock.Reason, python
	case *p.Lock.Fresh:
		return "fresh", "", python
	}
	return "stale", p.Lock.Reason, python
}

// machinesInterpreters are the Pythons here that tell their own place.
var machinesInterpreters = sync.OnceValue(func() []Interpreter {
	var out []Interpreter
	for minor := 10; minor < 16; minor++ {
		told, err := exec.Command("python3."+strconv.Itoa(minor), "-c", "import platform, sys; print(platform.python_version(), sys.executable)").Output()
		if version, file, ok := strings.Cut(strings.TrimSpace(string(told)), " "); err == nil && ok {
			out = append(out, Interpreter{Version: version, Path: file})
		}
	}
	return out
})

func parallel(n int, do func(int)) {
	var wait sync.WaitGroup
	slots := make(chan bool, 3)
	for i := range n {
		wait.Add(1)
		go func() {
			defer wait.Done()
			slots <- true
			do(i)
			<-slots
		}()
	}
	wait.Wait()
}
