// Package apitest runs the API over a real platform with SQLite, in a world
// that a test makes up: repositories, artifacts and deployments are structs of
// functions, and promotions are played on the real ledger.
package apitest

import (
	"context"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/platform/platformtest"
	"github.com/slipway-dev/slipway/python"
)

// World is a platform with its API, listening.
type World struct {
	*platform.Platform
	Ledger *platform.Ledger
	API    *api.Server
	URL    string // of the server
	Token  string // of an admin of the platform
	Data   string // a directory of its own

	// The ports; a test may replace a function before it makes requests.
	Resolve func(ctx context.Context, repo slipway.Repository, ref string) (slipway.Commit, error)
	Logs    func(ctx context.Context, q slipway.LogQuery, w io.Writer) error
	Observe func(ctx context.Context, service, environment string) (slipway.Observed, error)
	Render  func(ctx context.Context, req slipway.RenderRequest) (slipway.Snapshot, error)
	// RunsWith is what a deployment into an environment runs with; nil is nothing.
	RunsWith func(environment string) slipway.Snapshot
	// OpenID is asked for providers; unless a test gives a real one, every issuer
	// is one and nobody signs in there.
	OpenID slipway.OpenID
	// Hold keeps promotions from ending until it is closed; nil doesn't.
	Hold chan struct{}

	mu      sync.Mutex
	secrets map[slipway.SecretRef]slipway.Secret
	running sync.WaitGroup
}

// Artifact is what every build makes.
const Artifact = slipway.Digest("sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")

// New starts a world. A ref says how its promotion goes: red fails at its
// tests, broken errors at its deploy, endless never leaves its build, undone never
// gets its deploy back, and what is missing does not exist.
func New(t testing.TB) *World {
	t.Helper()
	w := &World{Data: t.TempDir(), secrets: map[slipway.SecretRef]slipway.Secret{}}
	storage, err := platform.OpenStorage(context.Background(), platformtest.SQLiteAt(t, filepath.Join(w.Data, "slipway.db")))
	if err != nil {
		t.Fatal(err)
	}
	w.Resolve = resolve
	w.Observe = func(context.Context, string, string) (slipway.Observed, error) {
		return slipway.Observed{Deployment: "1", Release: 1, Artifact: Artifact, Instances: []slipway.Instance{{ID: "web-1", Process: "web", State: slipway.InstanceHealthy}}}, nil
	}
	w.Logs = func(_ context.Context, q slipway.LogQuery, out io.Writer) error {
		if q.Process == "worker" || q.Environment == "prod" { // which nothing is of
			return nil
		}
		_, err := io.WriteString(out, "web.1 | GET / 200 | 3 ms\n")
		return err
	}
	w.Render = func(_ context.Context, req slipway.RenderRequest) (slipway.Snapshot, error) {
		return slipway.Snapshot{Digest: Artifact, Env: req.Values, Files: []slipway.RenderedFile{{Path: "app.ini", Content: "[app]\n"}}}, nil
	}
	if err := os.WriteFile(filepath.Join(w.Data, "sbom.json"), []byte(`{"bomFormat":"CycloneDX"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	w.Ledger = platform.NewLedger(storage)
	w.Platform = platform.New(platform.Options{
		Storage: storage, Settings: identity.Settings{OpenID: openID{w}}, Temporal: engine{world: w}, Courier: courier{}, Renderer: renderer{w},
		Ports: catalog.Ports{
			Source: source{w}, Target: target{w}, Secrets: secrets{w}, Builder: builder{w},
			Interpreters: func(context.Context) ([]python.Interpreter, error) {
				return []python.Interpreter{{Version: "3.13.5", Path: "/usr/bin/python3"}}, nil
			},
			URL: func(service, environment string) string {
				return "http://" + service + "." + environment + ".localhost:7080/"
			},
		},
	})
	w.API = NewServer(t, api.Options{Platform: w.Platform, Version: "0.1.0-test"})
	w.Token = w.SignedUp("ada", true, nil)
	server := httptest.NewUnstartedServer(w.API)
	server.Config = w.API.HTTP()
	server.Start()
	w.URL = server.URL
	t.Cleanup(func() {
		server.Close()
		w.running.Wait()
		_ = storage.Close()
	})
	return w
}

// SignedUp makes an account with roles by team, and returns a token of it that
// nothing narrows. Teams are made as they are named.
func (w *World) SignedUp(name string, admin bool, roles map[string]slipway.Role) string {
	ctx := slipway.WithViewer(context.Background(), slipway.System("test"))
	must := func(err error) {
		if err != nil && slipway.CodeOf(err) != slipway.Conflict {
			panic(err) // a test's own mistake
		}
	}
	a, err := w.AddAccount(ctx, identity.AccountInput{Name: name, Admin: admin})
	must(err)
	v := slipway.Viewer{Kind: slipway.ViewerPerson, Account: a.ID, Name: name, Admin: admin, Roles: map[int]slipway.Role{}}
	for team, role := range roles {
		_, err := w.AddTeam(ctx, team, "")
		must(err)
		_, err = w.SetMember(ctx, team, name, role, nil)
		must(err)
	}
	_, text, err := w.AddToken(slipway.WithViewer(ctx, v), identity.TokenInput{Name: "test", Scopes: []slipway.Scope{slipway.ScopeAdmin}})
	must(err)
	return text.Reveal()
}

// InPerson makes an admin of the platform, signs it in, and returns the access
// token of its session: there are things that no token does.
func (w *World) InPerson(name string) string {
	ctx, password := context.Background(), slipway.NewSecret("in person, here and now")
	_, err := w.AddAccount(slipway.WithViewer(ctx, slipway.System("test")), identity.AccountInput{Name: name, Admin: true, Password: password})
	if err != nil {
		panic(err) // a test's own mistake
	}
	s, err := w.SignIn(ctx, name, password, identity.Caller{Via: "api", Address: "192.0.2.1"})
	if err != nil {
		panic(err)
	}
	return s.Access.Reveal()
}

func resolve(_ context.Context, _ slipway.Repository, ref string) (slipway.Commit, error) {
	switch ref {
	case "missing":
		return slipway.Commit{}, slipway.Errorf(slipway.Invalid, "the repository has no branch, tag or commit %q", ref).At("ref")
	case "down":
		return slipway.Commit{}, slipway.Errorf(slipway.Unavailable, "the repository does not answer; try again")
	case "defect":
		return slipway.Commit{}, fmt.Errorf("pq: password authentication failed for user slipway")
	}
	if ref == "" {
		ref = "main"
	}
	id := fmt.Sprintf("%040x", []byte(ref))
	return slipway.Commit{ID: id[len(id)-40:], Ref: ref, Author: "Ada", Subject: "Change " + ref, Time: time.Unix(1_790_000_000, 0).UTC()}, nil
}

// Steps of a promotion as the ledger would hear of them from the workflow.
func (w *World) play(id, service, environment string, commit slipway.Commit, release int, steps []slipway.PlannedStep) {
	ctx := context.Background()
	must := func(err error) {
		if err != nil {
			panic(err) // a test's own mistake
		}
	}
	must(w.Ledger.Promotion(ctx, slipway.PromotionEvent{Promotion: id, State: slipway.PromotionRunning}))
	ended := slipway.PromotionEvent{Promotion: id, State: slipway.PromotionSucceeded}
	for _, s := range steps {
		if s.State != slipway.StepPending || ended.State != slipway.PromotionSucceeded {
			continue
		}
		began := time.Now().UTC()
		must(w.Ledger.Step(ctx, slipway.StepEvent{Promotion: id, Step: s.Name, State: slipway.StepRunning, Attempt: 1, Until: began.Add(time.Hour)}))
		must(w.Ledger.Log(ctx, id, s.Name, 1, 0, "begin "+string(s.Name)+"\n"))
		switch {
		case s.Name == slipway.StepBuild && commit.Ref == "endless":
			return
		case s.Name == slipway.StepDeploy && commit.Ref == "undone":
			must(w.Ledger.Step(ctx, slipway.StepEvent{Promotion: id, Step: s.Name, State: slipway.StepFailed, Attempt: 1, Reason: "web.1 exited with code 1"}))
			must(w.Ledger.Promotion(ctx, slipway.PromotionEvent{Promotion: id, Undo: &slipway.Undoing{Since: began, Until: began.Add(15 * time.Minute)}}))
			return
		}
		if w.Hold != nil {
			<-w.Hold
		}
		must(w.Ledger.Log(ctx, id, s.Name, 1, 1, "end "+string(s.Name)+"\n"))
		end := slipway.StepEvent{Promotion: id, Step: s.Name, State: slipway.StepSucceeded, Attempt: 1}
		switch {
		case s.Name == slipway.StepBuild:
			number, err := w.Ledger.Release(ctx, slipway.BuiltRelease{Promotion: id, Service: service, Commit: commit, Artifact: slipway.Artifact{Digest: Artifact, Bytes: 7, Manifest: Manifest, BuiltUnder: []string{"user slipway", "Landlock 7"}}})
			must(err)
			release = number
		case s.Name == slipway.StepTest && commit.Ref == "red":
			must(w.Ledger.Tests(ctx, service, release, slipway.TestReport{Command: "pytest", Total: 2, Passed: 1, Failed: 1}.Judged(nil)))
			end.State, end.Reason = slipway.StepFailed, "1 of 2 tests failed"
			ended.State, ended.Step, ended.Reason = slipway.PromotionFailed, s.Name, end.Reason
		case s.Name == slipway.StepTest:
			must(w.Ledger.Tests(ctx, service, release, slipway.TestReport{Command: "pytest", Total: 2, Passed: 2}.Judged(nil)))
		case s.Name == slipway.StepDeploy && commit.Ref == "broken":
			end.State, end.Reason = slipway.StepErrored, "the node does not answer"
			ended.State, ended.Step, ended.Reason = slipway.PromotionErrored, s.Name, end.Reason
		case s.Name == slipway.StepDeploy:
			must(w.deployed(ctx, id, service, environment, release))
		}
		must(w.Ledger.Step(ctx, end))
	}
	must(w.Ledger.Promotion(ctx, ended))
}

func (w *World) deployed(ctx context.Context, id, service, environment string, release int) error {
	var s slipway.Snapshot
	if w.RunsWith != nil {
		s = w.RunsWith(environment)
	} else {
		values, err := w.Ledger.Config(ctx, service, environment, Manifest.Env)
		if err != nil {
			return err
		}
		s.Env = values
	}
	s.Digest = slipway.Digest(fmt.Sprintf("sha256:%064s", id))
	if err := w.Ledger.SaveSnapshot(ctx, s); err != nil {
		return err
	}
	d := slipway.Deployment{ID: id, Service: service, Environment: environment, Release: release, Artifact: Artifact, Manifest: Manifest, Config: s}
	if err := w.Ledger.Deployed(ctx, d, slipway.DeploymentServing); err != nil {
		return err
	}
	return w.Ledger.Deployed(ctx, d, slipway.DeploymentVerified)
}

// Manifest is that of every release.
var Manifest = slipway.Manifest{
	Python: "3.13.5", Framework: "flask", Processes: []slipway.Process{{Name: "web", Command: "gunicorn app:app", Instances: 1}},
	Health: slipway.Health{Path: "/healthz"}, Env: map[string]string{"MODE": "plain"},
}

type source struct{ w *World }

func (s source) Resolve(ctx context.Context, repo slipway.Repository, ref string) (slipway.Commit, error) {
	return s.w.Resolve(ctx, repo, ref)
}
func (source) Log(_ context.Context, _ slipway.Repository, from, to string, _ int) (slipway.CommitLog, error) {
	return slipway.CommitLog{Commits: []slipway.Commit{{ID: to, Author: "Ada", Subject: "Change"}}}, nil
}

func (source) History(context.Context, slipway.Repository, string, string, io.Writer) error {
	return slipway.Errorf(slipway.Unavailable, "no build here asks git")
}

// Export writes a project that nothing says how to start.
func (source) Export(_ context.Context, _ slipway.Repository, _, dir string, _ io.Writer) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "requirements.txt"), []byte("requests==2.32.0\n"), 0o600)
}

type target struct{ w *World }

func (target) Release(context.Context, slipway.Deployment, io.Writer) error { return nil }
func (target) Deploy(context.Context, slipway.Deployment, io.Writer) error  { return nil }
func (target) Revert(context.Context, slipway.Deployment, io.Writer) error  { return nil }
func (target) Traffic(context.Context, string, string, time.Time) (slipway.Traffic, error) {
	var a slipway.Answers
	a.Count(200, 3*time.Millisecond)
	at := time.Now().UTC().Truncate(10 * time.Second)
	return slipway.Traffic{Since: at, Deployments: map[string][]slipway.Slice{"1": {{At: at, Answers: a}}}}, nil
}
func (target) Remove(context.Context, string, string) error { return nil }
func (t target) Observe(ctx context.Context, service, environment string) (slipway.Observed, error) {
	return t.w.Observe(ctx, service, environment)
}
func (t target) Logs(ctx context.Context, q slipway.LogQuery, out io.Writer) error {
	return t.w.Logs(ctx, q, out)
}

type renderer struct{ w *World }

func (r renderer) Render(ctx context.Context, req slipway.RenderRequest, _ io.Writer) (slipway.Snapshot, error) {
	return r.w.Render(ctx, req)
}

type builder struct{ w *World }

func (builder) Build(context.Context, slipway.BuildRequest, io.Writer) (slipway.Artifact, error) {
	return slipway.Artifact{Digest: Artifact, Manifest: Manifest}, nil
}
func (builder) Test(context.Context, slipway.TestRequest, io.Writer) (slipway.TestReport, error) {
	return slipway.TestReport{}, nil
}
func (b builder) Open(_ context.Context, d slipway.Digest) (slipway.Artifact, error) {
	return slipway.Artifact{Digest: d, Path: b.w.Data, Manifest: Manifest}, nil
}
func (builder) Migrations(context.Context, slipway.Digest) (slipway.Migrations, error) {
	return slipway.Migrations{}, nil
}

func (builder) Dependencies(context.Context, slipway.Digest) ([]slipway.Dependency, error) {
	return []slipway.Dependency{{Name: "flask", Version: "3.1.2", Direct: true}}, nil
}
func (builder) Discard(context.Context, slipway.Digest) error { return nil }

type secrets struct{ w *World }

func (secrets) Scheme() string { return "sealed" }
func (s secrets) Set(_ context.Context, ref slipway.SecretRef, v slipway.Secret) error {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.w.secrets[ref] = v
	return nil
}
func (s secrets) Get(_ context.Context, ref slipway.SecretRef) (slipway.Secret, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	v, ok := s.w.secrets[ref]
	if !ok {
		return v, slipway.Errorf(slipway.NotFound, "%s holds nothing", ref)
	}
	return v, nil
}
func (s secrets) List(_ context.Context, prefix string) ([]slipway.SecretRef, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	var out []slipway.SecretRef
	for ref := range s.w.secrets {
		if strings.HasPrefix(string(ref), prefix) {
			out = append(out, ref)
		}
	}
	slices.Sort(out)
	return out, nil
}
func (s secrets) Delete(_ context.Context, ref slipway.SecretRef) error {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	delete(s.w.secrets, ref)
	return nil
}

// openID asks the test's own, or stands for providers that answer and let in nobody.
type openID struct{ w *World }

func (o openID) Discover(ctx context.Context, issuer string) error {
	if o.w.OpenID != nil {
		return o.w.OpenID.Discover(ctx, issuer)
	}
	return nil
}

func (o openID) Begin(ctx context.Context, c slipway.OpenIDClient, challenge slipway.SignInChallenge) (string, error) {
	if o.w.OpenID != nil {
		return o.w.OpenID.Begin(ctx, c, challenge)
	}
	return c.Issuer + "/authorize", nil
}

func (o openID) Redeem(ctx context.Context, c slipway.OpenIDClient, challenge slipway.SignInChallenge, code slipway.Secret) (slipway.Person, error) {
	if o.w.OpenID != nil {
		return o.w.OpenID.Redeem(ctx, c, challenge, code)
	}
	return slipway.Person{}, slipway.Errorf(slipway.Unauthenticated, "nobody signs in here")
}

func (o openID) Verify(ctx context.Context, issuer string, audiences []string, token slipway.Secret) (slipway.Job, error) {
	if o.w.OpenID != nil {
		return o.w.OpenID.Verify(ctx, issuer, audiences, token)
	}
	return slipway.Job{}, slipway.Errorf(slipway.Unauthenticated, "no job is known here")
}
