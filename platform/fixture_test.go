package platform_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/adapters/secrets"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/egress"
	"github.com/slipway-dev/slipway/ent/step"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/internal/postgrestest"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/platform/platformtest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	stopEngine()
	postgrestest.Stop()
	os.Exit(code)
}

// world is a platform over real storage and real secrets, in a world of
// repositories, artifacts and deployments that the test makes up.
type world struct {
	*platform.Platform
	*testing.T
	ledger  *platform.Ledger
	address string // of the database
	counts  bool   // deliveries have numbers of their own

	mu        sync.Mutex
	commits   map[string]slipway.Commit // by ref; "" is the branch
	artifacts map[slipway.Digest]slipway.Artifact
	running   map[string]slipway.Observed
	asked     map[string]slipway.Deployment // of the target, by id
	endings   []slipway.Ending              // that the target was asked for
	end       func(slipway.Ending) error
	removed   []string
	names     slipway.Domains // that the edge was told
	edgeDown  bool
	observe   func(ctx context.Context) error
	build     func(ctx context.Context) error
	revert    func(ctx context.Context) error
	skipped   bool             // the owner doesn't want the tests run
	bare      bool             // there are no tests
	idle      bool             // the command of the tests runs none
	red       bool             // the tests fail
	version   string           // of Slipway, that builds
	written   []slipway.Commit // what the repository tells to lie between two commits; nil for one of Ada's
	silent    bool             // the repository doesn't tell
}

// both runs a test over SQLite and over Postgres.
func both(t *testing.T, test func(w *world)) {
	t.Run("sqlite", func(t *testing.T) { test(newWorld(t, platformtest.SQLite(t))) })
	t.Run("postgres", func(t *testing.T) { test(newWorld(t, platformtest.Postgres(t))) })
}

func newWorld(t *testing.T, address string) *world {
	t.Helper()
	storage, err := platform.OpenStorage(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = storage.Close() })
	sealed, err := secrets.Open(filepath.Join(t.TempDir(), "secrets"))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		T: t, ledger: platform.NewLedger(storage), address: address,
		commits: map[string]slipway.Commit{}, artifacts: map[slipway.Digest]slipway.Artifact{}, running: map[string]slipway.Observed{}, asked: map[string]slipway.Deployment{},
	}
	w.commit("", "c1")
	w.Platform = platform.New(platform.Options{
		Storage: storage, Temporal: silent{}, Settings: identity.Settings{Address: "https://slipway.example.com"}, Courier: carrier(t, egress.Options{Open: true}), Inventory: target{w}, Renderer: renderer{},
		Ports: catalog.Ports{
			Secrets: sealed, Source: source{w}, Builder: builder{w}, Target: target{w}, Edge: edge{w}, BaseDomain: "apps.example.com", OwnNames: []string{"slipway.example.com"},
			URL: func(service, environment string) string {
				return "http://" + service + "." + environment + ".localhost/"
			},
		},
	})
	// Most tests are about something else than the gates of prod.
	none := 0
	_, err = w.UpdateEnvironment(w.Context(), "prod", catalog.EnvironmentChange{Policy: slipway.PolicyChange{Approvals: &none}})
	w.must(err)
	return w
}

// Context is that of somebody who may do everything.
func (w *world) Context() context.Context { return as(w.T.Context(), "ada") }

// as acts as an admin of the platform.
func as(ctx context.Context, name string) context.Context {
	return slipway.WithViewer(ctx, slipway.Viewer{Kind: slipway.ViewerPerson, Name: name, Admin: true, Via: "api", Address: "192.0.2.1"})
}

func commitID(name string) string { return strings.Repeat("0", 40-len(name)) + name }

func digest(name string) slipway.Digest {
	return slipway.Digest(fmt.Sprintf("sha256:%064x", []byte(name)))
}

// commit makes ref name a commit.
func (w *world) commit(ref, name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.commits[ref] = slipway.Commit{ID: commitID(name), Ref: ref, Author: "Ada", Subject: "Change " + name, Time: time.Unix(1_700_000_000, 0).UTC()}
}

func (w *world) register(name string) {
	w.Helper()
	if _, err := w.Register(w.Context(), catalog.ServiceInput{Name: name, URL: "https://git.example.com/" + name + ".git"}); err != nil {
		w.Fatal(err)
	}
}

// want checks an error's code and that its sentence holds some text.
func (w *world) want(err error, code slipway.Code, text string) {
	w.Helper()
	if slipway.CodeOf(err) != code {
		w.Fatalf("got %q (%v), want %q", slipway.CodeOf(err), err, code)
	}
	if err != nil && !strings.Contains(err.Error(), text) {
		w.Fatalf("%q does not say %q", err, text)
	}
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// promotion records a promotion as the platform does when it starts one, up to
// the workflow engine, and returns its id.
func (w *world) promotion(service, environment string, rollback bool) string {
	w.Helper()
	ctx := w.Context()
	s, err := w.Service(ctx, service)
	w.must(err)
	e, err := w.Environment(ctx, environment)
	w.must(err)
	row, err := w.Storage.Client.Promotion.Create().SetServiceID(s.ID).SetEnvironmentID(e.ID).
		SetCommit(w.commits[""]).SetRequestedBy("ada").SetRollback(rollback).Save(ctx)
	w.must(err)
	for i, planned := range slipway.PlanSteps(slipway.PlanRequest{Rollback: rollback}) {
		w.must(w.Storage.Client.Step.Create().SetPromotionID(row.ID).SetName(step.Name(planned.Name)).SetPosition(i).SetState(step.State(planned.State)).Exec(ctx))
	}
	return fmt.Sprint(row.ID)
}

// deployed plays a whole promotion of a commit on the ledger and returns the
// release's number.
func (w *world) deployed(service, environment, commit string, rollback bool) int {
	w.Helper()
	return w.deployment(service, environment, commit, rollback, slipway.Snapshot{})
}

// deployedWith deploys with a config of its own.
func (w *world) deployedWith(service, environment, commit string, config slipway.Snapshot) int {
	w.Helper()
	return w.deployment(service, environment, commit, false, config)
}

func (w *world) deployment(service, environment, commit string, rollback bool, config slipway.Snapshot) int {
	w.Helper()
	ctx, id := w.Context(), w.promotion(service, environment, rollback)
	config.Digest = digest("config-" + id)
	number := w.built(service, id, commit)
	w.must(w.ledger.Tests(ctx, service, number, slipway.TestReport{Command: "pytest", Total: 1, Passed: 1}.Judged(nil)))
	d := slipway.Deployment{ID: id, Service: service, Environment: environment, Release: number, Artifact: digest(commit), Config: config}
	w.must(w.ledger.SaveSnapshot(ctx, d.Config))
	w.must(w.ledger.Deployed(ctx, d, slipway.DeploymentServing))
	w.must(w.ledger.Deployed(ctx, d, slipway.DeploymentVerified))
	w.must(w.ledger.Promotion(ctx, slipway.PromotionEvent{Promotion: id, State: slipway.PromotionSucceeded}))
	return number
}

// heldBy is what held the builds.
var heldBy = []string{"user slipway", "Landlock 7"}

func (w *world) built(service, promotion, commit string) int {
	w.Helper()
	a := slipway.Artifact{Digest: digest(commit), Bytes: 7, BuiltUnder: heldBy, Manifest: slipway.Manifest{Service: service, Commit: commitID(commit), Python: "3.13.5", Env: map[string]string{"MODE": "plain"}}}
	w.mu.Lock()
	w.artifacts[a.Digest] = a
	w.mu.Unlock()
	number, err := w.ledger.Release(w.Context(), slipway.BuiltRelease{Promotion: promotion, Service: service, Commit: slipway.Commit{ID: commitID(commit), Ref: "main", Time: time.Unix(1_700_000_000, 0)}, Artifact: a})
	w.must(err)
	return number
}

type source struct{ w *world }

func (s source) Resolve(_ context.Context, repo slipway.Repository, ref string) (slipway.Commit, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if ref == "" {
		ref = repo.Branch
	}
	c, ok := s.w.commits[ref]
	if !ok {
		return slipway.Commit{}, slipway.Errorf(slipway.Invalid, "the repository has no %s", ref).At("ref")
	}
	return c, nil
}

func (s source) Log(_ context.Context, _ slipway.Repository, from, to string, _ int) (slipway.CommitLog, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	switch {
	case s.w.silent:
		return slipway.CommitLog{}, slipway.Errorf(slipway.Unavailable, "the repository does not answer")
	case s.w.written != nil:
		return slipway.CommitLog{Commits: s.w.written}, nil
	}
	return slipway.CommitLog{Commits: []slipway.Commit{{ID: to, Author: "Ada", Subject: "Change"}}}, nil
}

func (source) History(context.Context, slipway.Repository, string, string, io.Writer) error {
	return slipway.Errorf(slipway.Unavailable, "no build here asks git")
}

func (source) Export(_ context.Context, _ slipway.Repository, _, dir string, _ io.Writer) error {
	return os.MkdirAll(dir, 0o700)
}

type builder struct{ w *world }

func (b builder) Build(ctx context.Context, req slipway.BuildRequest, log io.Writer) (slipway.Artifact, error) {
	b.w.mu.Lock()
	wait, version := b.w.build, b.w.version
	b.w.mu.Unlock()
	if wait != nil {
		if err := wait(ctx); err != nil {
			return slipway.Artifact{}, err
		}
	}
	fmt.Fprintln(log, "building")
	a := slipway.Artifact{BuiltUnder: heldBy, BuiltBy: version, Digest: digest(strings.TrimLeft(req.Commit, "0") + string(req.Overrides)), Manifest: slipway.Manifest{Service: req.Service, Commit: req.Commit, Overrides: req.Overrides}}
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	b.w.artifacts[a.Digest] = a
	return a, nil
}

func (b builder) Test(context.Context, slipway.TestRequest, io.Writer) (slipway.TestReport, error) {
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	if b.w.red {
		return slipway.TestReport{Command: "pytest", Total: 2, Passed: 1, Failed: 1}, slipway.Errorf(slipway.Refused, "1 of 2 tests failed")
	}
	switch {
	case b.w.skipped:
		return slipway.TestReport{Verdict: slipway.TestsSkipped}, nil
	case b.w.bare:
		return slipway.TestReport{}, nil
	case b.w.idle:
		return slipway.TestReport{Command: "true"}, nil
	}
	return slipway.TestReport{Command: "pytest", Total: 2, Passed: 2}, nil
}

func (b builder) Open(_ context.Context, d slipway.Digest) (slipway.Artifact, error) {
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	a, ok := b.w.artifacts[d]
	if !ok {
		return a, slipway.Errorf(slipway.NotFound, "there is no artifact %s", d)
	}
	return a, nil
}

func (builder) Migrations(context.Context, slipway.Digest) (slipway.Migrations, error) {
	return slipway.Migrations{}, nil
}

func (builder) Dependencies(context.Context, slipway.Digest) ([]slipway.Dependency, error) {
	return []slipway.Dependency{{Name: "flask", Version: "3.1.2", Direct: true}}, nil
}

func (b builder) Discard(_ context.Context, d slipway.Digest) error {
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	delete(b.w.artifacts, d)
	return nil
}

type renderer struct{}

func (renderer) Render(_ context.Context, req slipway.RenderRequest, _ io.Writer) (slipway.Snapshot, error) {
	return slipway.Snapshot{Digest: slipway.Digest(fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(fmt.Sprint(req.Values))))), Env: maps.Clone(req.Values)}, nil
}

type target struct{ w *world }

func (target) Release(context.Context, slipway.Deployment, io.Writer) error { return nil }

func (t target) Deploy(_ context.Context, d slipway.Deployment, _ io.Writer) error {
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	t.w.serves(d)
	return nil
}

func (t target) Revert(ctx context.Context, _ slipway.Deployment, _ io.Writer) error {
	t.w.mu.Lock()
	revert := t.w.revert
	t.w.mu.Unlock()
	if revert == nil {
		return nil
	}
	return revert(ctx)
}

func (t target) Observe(ctx context.Context, service, environment string) (slipway.Observed, error) {
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	if t.w.observe != nil {
		if err := t.w.observe(ctx); err != nil {
			return slipway.Observed{}, err
		}
	}
	return t.w.running[service+"/"+environment], nil
}

func (target) Logs(_ context.Context, q slipway.LogQuery, w io.Writer) error {
	_, err := fmt.Fprintln(w, "log of", q.Service)
	return err
}

func (t target) Traffic(context.Context, string, string, time.Time) (slipway.Traffic, error) {
	return slipway.Traffic{}, nil
}

func (t target) Remove(_ context.Context, service, environment string) error {
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	t.w.removed = append(t.w.removed, service+"/"+environment)
	return nil
}

type edge struct{ w *world }

func (e edge) Unserved(context.Context) ([]slipway.EdgeCount, error) { return nil, nil }

func (e edge) Answer(_ context.Context, d slipway.Domains) error {
	e.w.mu.Lock()
	defer e.w.mu.Unlock()
	if e.w.edgeDown {
		return slipway.Errorf(slipway.Unavailable, "the node agent does not answer")
	}
	e.w.names = d
	return nil
}

type rehearser struct{}

func (rehearser) Rehearse(context.Context, slipway.Deployment, io.Writer) ([]slipway.TrialResult, error) {
	return nil, nil
}

// silent stands where the workflow engine does in a world without one: it takes the word
// to look again. What else it is asked is nil, and would panic.
type silent struct{ client.Client }

func (silent) SignalWorkflow(context.Context, string, string, string, any) error { return nil }
