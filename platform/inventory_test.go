package platform_test

import (
	"context"
	"database/sql"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/internal/postgrestest"
)

// serves has the target run a deployment. w is locked.
func (w *world) serves(d slipway.Deployment) {
	w.asked[d.ID] = d
	w.running[d.Service+"/"+d.Environment] = slipway.Observed{Deployment: d.ID, Release: d.Release, Artifact: d.Artifact, Config: d.Config.Digest,
		Instances: []slipway.Instance{{ID: "web.1", State: slipway.InstanceHealthy}}}
}

func (t target) Running(ctx context.Context) (all []slipway.Running, err error) {
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	for _, at := range slices.Sorted(maps.Keys(t.w.running)) {
		service, environment, _ := strings.Cut(at, "/")
		seen := t.w.running[at]
		newest, _ := strconv.ParseInt(seen.Deployment, 10, 64)
		all = append(all, slipway.Running{Service: service, Environment: environment, Newest: newest, Observed: seen})
	}
	return all, nil
}

func (t target) Recall(_ context.Context, service, environment, id string) (slipway.Deployment, error) {
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	d, ok := t.w.asked[id]
	if !ok || d.Service != service || d.Environment != environment {
		return d, slipway.Errorf(slipway.NotFound, "deployment %s doesn't run", id)
	}
	return d, nil
}

func (t target) End(_ context.Context, e slipway.Ending, _ io.Writer) error {
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	if t.w.end != nil {
		if err := t.w.end(e); err != nil {
			return err
		}
	}
	if at := e.Service + "/" + e.Environment; t.w.running[at].Deployment == e.Deployment {
		t.w.running[at] = slipway.Observed{}
	}
	t.w.endings = append(t.w.endings, e)
	return nil
}

// backup copies the database as it is now; what it returns is a world on that copy,
// in which the same runs, and everything else is as it is then.
func (w *world) backup() (restored func() *world) {
	w.Helper()
	var address func() string
	if file, ok := strings.CutPrefix(w.address, "sqlite://"); ok {
		to := filepath.Join(w.TempDir(), "backup.db")
		db, err := sql.Open("sqlite", file)
		w.must(err)
		_, err = db.ExecContext(w.T.Context(), "VACUUM INTO ?", to)
		w.must(err)
		w.must(db.Close())
		address = func() string { return "sqlite://" + to }
	} else {
		address = postgrestest.Backup(w.T, w.address)
	}
	return func() *world {
		w.Helper()
		next := newWorld(w.T, address())
		next.Secrets = w.Secrets
		w.mu.Lock()
		defer w.mu.Unlock()
		next.commits, next.artifacts, next.running, next.asked = w.commits, w.artifacts, w.running, w.asked
		return next
	}
}
