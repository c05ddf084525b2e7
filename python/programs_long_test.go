//go:build long

package python

import (
	"cmp"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/slipway-dev/slipway/python/program"
	"github.com/slipway-dev/slipway/python/tree"
	"golang.org/x/tools/txtar"
)

// proof runs the program of a row: a project of which Slipway makes the command, or
// which states it.
type proof struct {
	program string
	needs   []string     // beyond the row's pins
	files   string       // a txtar
	process string       // which of its processes it is; "web" unless stated
	bare    string       // the command without its port, for the variables that set it
	enqueue string       // of a worker: a Python program that gives it a task
	ready   string       // of a scheduler: what it prints when it has started
	overdue program.Fate // of a worker: what becomes of a task that needs more than the grace
}

// TestLongPrograms runs every row of Programs at its pins, starts and stops it as
// Slipway does, and compares what is seen with what the row says.
func TestLongPrograms(t *testing.T) {
	proven := map[string]bool{}
	lanes := make(chan struct{}, 4)
	uv := installedTool(t, "uv")
	proofs := append(serverProofs(), workerProofs(t)...)
	servers := sync.OnceValue(func() string { return environmentOf(t, uv, ofServers(proofs)) })
	for n, p := range proofs {
		proven[p.program] = true
		t.Run(strings.ReplaceAll(p.program, " ", "_")+"/"+strconv.Itoa(n), func(t *testing.T) {
			t.Parallel()
			lanes <- struct{}{}
			defer func() { <-lanes }()
			row, ok := rowNamed(p.program)
			if !ok {
				t.Fatal("no row has this name")
			}
			b := &proving{t: t, row: row, proof: p}
			b.detect(t)
			if row.Kind == program.Worker || row.Kind == program.Scheduler {
				b.bin = environmentOf(t, uv, append(row.Pins, p.needs...))
				b.proveWorker()
				return
			}
			b.bin = servers()
			b.proveServer()
		})
	}
	for _, row := range program.All() {
		if !proven[row.Name] && row.Pins != nil {
			t.Errorf("%s has pins, and nothing here runs it", row.Name)
		}
	}
}

func rowNamed(name string) (program.Program, bool) {
	for _, p := range program.All() {
		if p.Name == name {
			return p, true
		}
	}
	return program.Program{}, false
}

// ofServers are the requirements of all servers, which share an environment.
func ofServers(proofs []proof) (requirements []string) {
	for _, p := range proofs {
		row, _ := rowNamed(p.program)
		if row.Kind != program.Server && row.Kind != program.Development {
			continue
		}
		for _, r := range append(row.Pins, p.needs...) {
			if !slices.Contains(requirements, r) {
				requirements = append(requirements, r)
			}
		}
	}
	return requirements
}

// programsPython is the one that the rows are of: how hypercorn and granian end hangs
// on it too.
const programsPython = "3.13"

// environmentOf installs requirements into a virtual environment; it returns its
// directory of programs.
func environmentOf(t *testing.T, uv lockTool, requirements []string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "venv")
	mustRun(t, exec.Command(uv.name, "venv", "-q", "--python", programsPython, dir))
	install := exec.Command(uv.name, append([]string{"pip", "install", "-q", "--python", filepath.Join(dir, "bin", "python")}, requirements...)...)
	mustRun(t, install)
	return filepath.Join(dir, "bin")
}

// proving is one proof under way.
type proving struct {
	t     *testing.T
	row   program.Program
	proof proof
	bin   string
	dir   string
	stop  Stop
	line  Command
}

// detect writes the project out and lets Slipway look at it.
func (b *proving) detect(t *testing.T) {
	b.dir = t.TempDir()
	tree := fstest.MapFS{}
	for _, f := range txtar.Parse([]byte(b.proof.files)).Files {
		tree[f.Name] = &fstest.MapFile{Data: f.Data}
		to := filepath.Join(b.dir, f.Name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, f.Data, 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	p, err := Detect(tree, Options{Interpreters: defaultInterpreters()})
	if err != nil {
		t.Fatal(err)
	}
	name := cmp.Or(b.proof.process, "web")
	b.line, b.stop = p.Processes[name], p.Stops[name]
	for _, f := range p.Findings { // what Slipway proposes is started as it stands
		if b.line == "" && strings.HasSuffix(f.Rule, ".suggestion") && f.What == name {
			b.line = Command(f.Value)
			d := &detection{tree: tree2(t, tree), project: newProject(), procfile: map[string]string{}}
			d.project.Processes[name] = b.line
			d.planStops()
			b.stop = d.project.Stops[name]
		}
	}
	if b.line == "" {
		t.Fatalf("no process %s; problems %v, findings %v", name, p.Problems, p.Findings)
	}
	if b.stop.Program != b.proof.program {
		t.Fatalf("%q is taken for %q", b.line, b.stop.Program)
	}
}

func tree2(t *testing.T, files fstest.MapFS) tree.Tree {
	t.Helper()
	out, err := tree.Open(files, ".")
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (b *proving) proveServer() {
	t, row := b.t, b.row
	r := b.serving(b.line)
	if row.Task == program.Nothing {
		e := b.end(r)
		t.Logf("%s: exit %d after %.1f s", b.line, e.exit, e.took.Seconds())
		if e.exit != row.Exit || e.killed {
			t.Errorf("%+v", e)
		}
		b.proveVariables()
		return
	}
	var answers sync.WaitGroup
	var fate program.Fate
	var pid string
	answers.Go(func() {
		status, body, err := r.get("/slow")
		switch {
		case err != nil || status == 0:
			fate = program.Cut
		case status == 200 && strings.HasPrefix(body, "done "):
			fate, pid = program.Finished, strings.TrimPrefix(body, "done ")
		default:
			fate = program.Fate(strconv.Itoa(status))
		}
	})
	b.until(r, "the request was under way", func() bool { return r.noted("slow") })
	e := b.end(r)
	answers.Wait()
	if pid == "" { // of who has not answered
		text, _ := os.ReadFile(filepath.Join(r.notes, "slow"))
		pid = string(text)
	}
	atExit := r.noted("atexit-" + strings.TrimSpace(pid))
	t.Logf("%s: %s, exit %d after %.1f s, atexit %v, last %v, killed %v", b.line, fate, e.exit, e.took.Seconds(), atExit, e.last, e.killed)
	if fate != row.Task || atExit != row.AtExit || e.exit != row.Exit || e.killed || e.leftover || e.last != (row.Last != "") {
		t.Errorf("the row says %s, exit %d, atexit %v, last %q; seen %s, atexit %v, %+v\n%s", row.Task, row.Exit, row.AtExit, row.Last, fate, atExit, e, r.output)
	}
	b.proveStream()
	b.proveVariables()
}

// proveStream opens an answer without an end.
func (b *proving) proveStream() {
	r := b.serving(b.line)
	open := make(chan struct{})
	go func() { _, _, _ = r.get("/stream"); close(open) }()
	b.until(r, "the stream was open", func() bool { return r.noted("stream") })
	e := b.end(r)
	<-open
	seen := program.Bounded
	switch {
	case e.killed || e.last:
		seen = program.Killed
	case e.took < time.Duration(b.stop.GraceSeconds-program.Reserve)*time.Second/2:
		seen = program.Cut
	}
	b.t.Logf("with an open stream: %s, exit %d after %.1f s", seen, e.exit, e.took.Seconds())
	if seen != b.row.Stream || e.leftover {
		b.t.Errorf("the row says that an open stream is %s; seen %s, %+v\n%s", b.row.Stream, seen, e, r.output)
	}
}

// proveVariables sets the port by each of the row's variables alone.
func (b *proving) proveVariables() {
	if b.proof.bare == "" {
		if len(b.row.Ports) > 0 {
			b.t.Errorf("nothing shows that %v set the port", b.row.Ports)
		}
		return
	}
	for _, variable := range b.row.Ports {
		r := b.serving(Command(b.proof.bare), variable)
		_ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL)
		<-r.ended
	}
}

func (b *proving) proveWorker() {
	t, row := b.t, b.row
	r := b.start(b.line, t.TempDir())
	if b.proof.enqueue != "" {
		b.enqueue(r.notes, "2")
		b.until(r, "the task was under way", func() bool { return r.noted("begun") })
	} else {
		b.until(r, "it was ready", func() bool { return strings.Contains(r.output.String(), b.proof.ready) })
	}
	e := b.end(r)
	fate := b.fateOf(r, row.Task)
	t.Logf("%s: %s, exit %d after %.1f s, killed %v", b.line, fate, e.exit, e.took.Seconds(), e.killed)
	if fate != row.Task || e.exit != row.Exit || e.killed != (row.Exit == -9) || e.leftover {
		t.Errorf("the row says %s, exit %d; seen %s, %+v\n%s", row.Task, row.Exit, fate, e, r.output)
	}
	if b.proof.overdue == "" {
		return
	}
	b.stop.GraceSeconds = 2
	r = b.start(b.line, t.TempDir())
	b.enqueue(r.notes, "12")
	b.until(r, "the task was under way", func() bool { return r.noted("begun") })
	e = b.end(r)
	fate = b.fateOf(r, b.proof.overdue)
	t.Logf("a task longer than the grace: %s, exit %d after %.1f s, last %v", fate, e.exit, e.took.Seconds(), e.last)
	if fate != b.proof.overdue || e.killed {
		t.Errorf("a task longer than the grace is %s, %+v\n%s", fate, e, r.output)
	}
}

// fateOf looks whether a task is done, or another worker does it.
func (b *proving) fateOf(r *running, want program.Fate) program.Fate {
	if b.proof.enqueue == "" {
		return program.Nothing
	}
	if r.noted("done") {
		return program.Finished
	}
	patience := 15 * time.Second
	if want == program.GivenBack {
		patience = time.Minute
	}
	next := b.start(b.line, r.notes)
	defer b.end(next)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if r.noted("done") {
			return program.GivenBack
		}
	}
	return program.Lost
}

func (b *proving) enqueue(notes, seconds string) {
	b.t.Helper()
	c := exec.Command(filepath.Join(b.bin, "python"), "-c", b.proof.enqueue, seconds)
	c.Dir, c.Env = b.dir, append(os.Environ(), "NOTES="+notes, "PYTHONPATH="+b.dir)
	mustRun(b.t, c)
}
