package workflows_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/workflows"
	"github.com/slipway-dev/slipway/workflows/engine"
)

var record = flag.Bool("record", false, "write the histories in testdata again")

// world is all ports at once, with switches for what goes wrong.
type world struct {
	mu                    sync.Mutex
	steps                 []slipway.StepEvent
	end                   slipway.PromotionEvent
	calls                 []string
	testErr               error
	buildErr              []error // one per call
	verifyErr             error
	seen                  []slipway.CheckResult // by the verification
	printed               string                // by the instances
	deployErr, releaseErr error
	reportErr             []error // one per call
	untested              bool
	verdict               slipway.TestVerdict // that was recorded last
	trials                []slipway.TrialResult
	rehearseErr           error
	rehearsed             []slipway.Deployment
	secret                bool          // the config holds one
	hang                  chan struct{} // closed when a build hangs
	cut                   []string      // what of its predecessor's work was cut
}

func (w *world) call(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, name)
}

func (w *world) called() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.calls, " ")
}

func (w *world) Resolve(context.Context, slipway.Repository, string) (slipway.Commit, error) {
	return slipway.Commit{}, nil
}

func (w *world) Log(context.Context, slipway.Repository, string, string, int) (slipway.CommitLog, error) {
	return slipway.CommitLog{}, nil
}

func (w *world) Migrations(context.Context, slipway.Digest) (slipway.Migrations, error) {
	return slipway.Migrations{}, nil
}

func (w *world) History(context.Context, slipway.Repository, string, string, io.Writer) error {
	return slipway.Errorf(slipway.Unavailable, "no build here asks git")
}

func (w *world) Export(_ context.Context, _ slipway.Repository, _, dir string, _ io.Writer) error {
	w.call("export")
	return os.MkdirAll(dir, 0o700)
}

func (w *world) Build(ctx context.Context, _ slipway.BuildRequest, log io.Writer) (slipway.Artifact, error) {
	w.call("build")
	fmt.Fprintln(log, "a line with "+planted)
	if w.hang != nil {
		close(w.hang)
		<-ctx.Done()
		return slipway.Artifact{}, ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.buildErr) > 0 {
		err := w.buildErr[0]
		w.buildErr = w.buildErr[1:]
		return slipway.Artifact{}, err
	}
	return artifact, nil
}

func (w *world) Test(context.Context, slipway.TestRequest, io.Writer) (slipway.TestReport, error) {
	w.call("test")
	if w.untested {
		return slipway.TestReport{}, nil
	}
	return slipway.TestReport{Command: "pytest", Total: 2}, w.testErr
}

func (w *world) Open(context.Context, slipway.Digest) (slipway.Artifact, error) { return artifact, nil }
func (w *world) Dependencies(context.Context, slipway.Digest) ([]slipway.Dependency, error) {
	return nil, nil
}
func (w *world) Discard(context.Context, slipway.Digest) error { return nil }

func (w *world) Render(context.Context, slipway.RenderRequest, io.Writer) (slipway.Snapshot, error) {
	w.call("render")
	return slipway.Snapshot{Digest: "sha256:c0ffee", Env: map[string]slipway.ConfigValue{"PLAIN": {Value: planted}}}, nil
}

func (w *world) Release(context.Context, slipway.Deployment, io.Writer) error {
	w.call("migrate")
	return w.releaseErr
}

func (w *world) Deploy(context.Context, slipway.Deployment, io.Writer) error {
	w.call("deploy")
	return w.deployErr
}

func (w *world) Revert(context.Context, slipway.Deployment, io.Writer) error {
	w.call("revert")
	return nil
}

func (w *world) Observe(context.Context, string, string) (slipway.Observed, error) {
	return slipway.Observed{Cut: w.cut, Deployment: "7", Artifact: artifact.Digest, URL: "http://x", Edge: "http://127.0.0.1:1", Host: "x"}, nil
}
func (w *world) Logs(_ context.Context, _ slipway.LogQuery, to io.Writer) error {
	_, err := io.WriteString(to, w.printed)
	return err
}
func (w *world) Traffic(context.Context, string, string, time.Time) (slipway.Traffic, error) {
	return slipway.Traffic{}, nil
}
func (w *world) Remove(context.Context, string, string) error { return nil }

func (w *world) Verify(context.Context, slipway.VerifyRequest, io.Writer) ([]slipway.CheckResult, error) {
	w.call("verify")
	return w.seen, w.verifyErr
}

// ledger is apart from world: both ports have a method Release.
type ledger struct{ *world }

func (l ledger) Step(_ context.Context, e slipway.StepEvent) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.steps = append(l.steps, e)
	return nil
}
func (l ledger) Log(context.Context, string, slipway.StepName, int, int, string) error { return nil }
func (l ledger) Promotion(_ context.Context, e slipway.PromotionEvent) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end = e
	return nil
}
func (l ledger) Release(context.Context, slipway.BuiltRelease) (int, error) { return 3, nil }
func (l ledger) Deployed(context.Context, slipway.Deployment, slipway.DeploymentFate) error {
	return nil
}
func (l ledger) Config(context.Context, string, string, map[string]string) (map[string]slipway.ConfigValue, error) {
	return nil, nil
}
func (l ledger) SaveSnapshot(context.Context, slipway.Snapshot) error { return nil }
func (l ledger) Snapshot(_ context.Context, d slipway.Digest) (slipway.Snapshot, error) {
	snapshot := slipway.Snapshot{Digest: d}
	if l.secret {
		snapshot.Env = map[string]slipway.ConfigValue{"TOKEN": {Secret: "sealed://x/TOKEN"}}
	}
	return snapshot, nil
}

// planted must never be seen in a history.
const planted = "pl4nted-value"

var artifact = slipway.Artifact{Digest: "sha256:abc", Manifest: slipway.Manifest{
	ReleaseCommand: "migrate", Trials: []slipway.Trial{{Name: "import", Args: []string{"python"}, Answers: true}}, Processes: []slipway.Process{{Name: "web", Command: "x"}}, Env: map[string]string{"A": planted},
}}

var shared *engine.Engine

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.MkdirTemp("", "slipway-workflows-")
	if err != nil {
		panic(err)
	}
	if shared, err = engine.Start(context.Background(), engine.Options{File: filepath.Join(dir, "temporal.db")}); err != nil {
		panic(err)
	}
	code := m.Run()
	shared.Stop()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// work starts a worker over a world.
func work(t testing.TB, w *world, dir string) *workflows.Worker {
	t.Helper()
	return workWith(t, &workflows.Steps{
		Source: w, Builder: w, Renderer: w, Target: w, Rehearser: w, Verifier: w, Ledger: ledger{w}, Snapshots: ledger{w}, Gates: open{}, Work: dir,
	})
}

func workWith(t testing.TB, steps *workflows.Steps) *workflows.Worker {
	t.Helper()
	if steps.Warrants == nil {
		steps.Warrants = trusting{}
	}
	worker := workflows.NewWorker(shared.Client(), steps, workflows.Options{})
	if err := worker.Start(); err != nil {
		t.Fatal(err)
	}
	return worker
}

func input(service string, request slipway.PlanRequest) workflows.Input {
	in := workflows.Input{
		Promotion: "7", Fence: 7, Service: service, Environment: "dev", Repository: slipway.Repository{URL: "file:///x"},
		Commit: slipway.Commit{ID: strings.Repeat("a", 40)}, Release: request.Release, Steps: slipway.PlanSteps(request),
	}
	if request.Release > 0 {
		in.Artifact, in.Snapshot = artifact.Digest, "sha256:c0ffee"
	}
	return in
}

// result waits for a promotion's end.
func result(t testing.TB, service string) workflows.Output {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var out workflows.Output
	if err := shared.Client().GetWorkflow(ctx, workflows.WorkflowID(service, "dev"), "").Get(ctx, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestPromotions(t *testing.T) {
	red := slipway.Errorf(slipway.Refused, "1 of 2 tests failed")
	cases := []struct {
		name    string
		world   *world
		request slipway.PlanRequest
		state   slipway.PromotionState
		step    slipway.StepName
		calls   string
	}{
		{"happy", &world{}, slipway.PlanRequest{}, slipway.PromotionSucceeded, "", "export build test render rehearse migrate deploy verify"},
		{"red-test", &world{testErr: red}, slipway.PlanRequest{}, slipway.PromotionFailed, slipway.StepTest, "export build test"},
		{"failed-verification", &world{verifyErr: red}, slipway.PlanRequest{}, slipway.PromotionFailed, slipway.StepVerify, "export build test render rehearse migrate deploy verify revert"},
		{"failed-rehearsal", &world{trials: []slipway.TrialResult{{Name: "import", Exit: 1, Answer: `{"ok":false,"error_type":"KeyError","error":"'DSN'","line":"app.py:3"}`}}}, slipway.PlanRequest{}, slipway.PromotionFailed, slipway.StepRehearse, "export build test render rehearse"},
		{"rollback", &world{}, slipway.PlanRequest{Release: 3, Built: true, Tests: slipway.TestsPassed, Rollback: true}, slipway.PromotionSucceeded, "", "deploy verify"},
		{"broken-machine", &world{buildErr: []error{slipway.Errorf(slipway.Unavailable, "the disk is full"), io.ErrUnexpectedEOF}}, slipway.PlanRequest{}, slipway.PromotionSucceeded, "", "export build build build test render rehearse migrate deploy verify"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := work(t, c.world, t.TempDir())
			defer w.Stop()
			if err := workflows.Start(context.Background(), shared.Client(), input(c.name, c.request)); err != nil {
				t.Fatal(err)
			}
			out := result(t, c.name)
			if out.State != c.state || out.Step != c.step || c.world.called() != c.calls {
				t.Errorf("%+v after %s", out, c.world.called())
			}
			if c.world.end.State != c.state {
				t.Errorf("the ledger was told %+v", c.world.end)
			}
			if failed := c.world.verdict == slipway.TestsFailed; failed != (c.step == slipway.StepTest) {
				t.Errorf("the verdict of the tests is %q", c.world.verdict)
			}
			checkHistory(t, c.name)
			until := map[slipway.StepName]time.Time{}
			for _, e := range c.world.steps {
				if e.State != slipway.StepRunning || e.Step == slipway.StepApprove {
					continue
				}
				if known, ok := until[e.Step]; time.Until(e.Until) < time.Minute || ok && !known.Equal(e.Until) {
					t.Errorf("step %s runs until %v, and %v before", e.Step, e.Until, known)
				}
				until[e.Step] = e.Until
			}
		})
	}
}

// TestCancel stops a promotion in the middle of a build; the answers come at once.
func TestCancel(t *testing.T) {
	w := &world{hang: make(chan struct{})}
	worker := work(t, w, t.TempDir())
	defer worker.Stop()
	ctx := context.Background()
	if err := workflows.Start(ctx, shared.Client(), input("cancelled", slipway.PlanRequest{})); err != nil {
		t.Fatal(err)
	}
	<-w.hang
	other := input("cancelled", slipway.PlanRequest{})
	other.Promotion = "8"
	if err := workflows.Start(ctx, shared.Client(), other); slipway.CodeOf(err) != slipway.Conflict || !strings.Contains(err.Error(), "promotion 7") {
		t.Errorf("a second promotion: %v", err)
	}
	if err := workflows.Start(ctx, shared.Client(), input("cancelled", slipway.PlanRequest{})); err != nil {
		t.Errorf("the same promotion again: %v", err)
	}
	if err := workflows.Cancel(ctx, shared.Client(), "cancelled", "dev", word("8", workflows.WordCancel)); slipway.CodeOf(err) != slipway.Conflict {
		t.Errorf("cancelling another promotion: %v", err)
	}
	if err := workflows.Cancel(ctx, shared.Client(), "cancelled", "dev", word("7", workflows.WordCancel)); err != nil {
		t.Fatal(err)
	}
	if out := result(t, "cancelled"); out.State != slipway.PromotionCancelled || out.Step != slipway.StepBuild {
		t.Errorf("%+v", out)
	}
	if err := workflows.Cancel(ctx, shared.Client(), "cancelled", "dev", word("7", workflows.WordCancel)); slipway.CodeOf(err) != slipway.Conflict {
		t.Errorf("cancelling what is over: %v", err)
	}
	checkHistory(t, "cancelled")
}

// TestWorkerDies stops the worker in the middle of a build; the next one takes over.
func TestWorkerDies(t *testing.T) {
	dir := t.TempDir()
	dying := &world{hang: make(chan struct{})}
	first := work(t, dying, dir)
	if err := workflows.Start(context.Background(), shared.Client(), input("dies", slipway.PlanRequest{})); err != nil {
		t.Fatal(err)
	}
	<-dying.hang
	first.Stop()
	second := work(t, &world{}, dir)
	defer second.Stop()
	if out := result(t, "dies"); out.State != slipway.PromotionSucceeded {
		t.Errorf("%+v", out)
	}
}

// checkHistory wants a history small and without values; with -record it is
// written for TestReplay.
func checkHistory(t *testing.T, service string) {
	t.Helper()
	keepHistory(t, workflows.WorkflowID(service, "dev"), service)
}

func keepHistory(t *testing.T, workflow, name string) {
	t.Helper()
	var events []*historypb.HistoryEvent
	iter := shared.Client().GetWorkflowHistory(context.Background(), workflow, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for iter.HasNext() {
		e, err := iter.Next()
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	text, err := protojson.MarshalOptions{Indent: " "}.Marshal(&historypb.History{Events: events})
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > 100<<10 || leaks(string(text)) {
		t.Errorf("the history of %s has %d bytes; a value in it: %v", name, len(text), leaks(string(text)))
	}
	if *record {
		if err := os.WriteFile(filepath.Join("testdata", name+".json"), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
