package web_test

import (
	"context"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent/release"
	"github.com/slipway-dev/slipway/platform"
)

// TestReleaseSaysWhatHeldItsBuild shows the layers on the release's page, and of a
// release of before that they were not recorded.
func TestReleaseSaysWhatHeldItsBuild(t *testing.T) {
	s := newSite(t)
	s.service("payments", "billing", "main")
	s.promote(platform.PromoteInput{Service: "payments"})
	b := s.person("alice", true, nil)
	page := func() string { return b.get("/services/payments/releases/1").body }
	if !strings.Contains(page(), "<dt>Built under</dt><dd>user slipway, Landlock 7</dd>") {
		t.Error("the page of a release doesn't say what held its build")
	}
	if err := s.Storage.Client.Release.Update().ClearBuiltUnder().Exec(as()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(page(), "<dt>Built under</dt><dd>not recorded</dd>") {
		t.Error("the page of an earlier release doesn't say that it isn't recorded")
	}
}

// TestComparing shows commits, packages, migrations and config, of two releases
// and of two environments; without a script all of it can be reached.
func TestComparing(t *testing.T) {
	s := newSite(t)
	s.RunsWith = func(environment string) slipway.Snapshot {
		return slipway.Snapshot{Env: map[string]slipway.ConfigValue{"WHERE": {Value: "in-" + environment}}}
	}
	s.Render = func(_ context.Context, req slipway.RenderRequest) (slipway.Snapshot, error) {
		return slipway.Snapshot{Digest: "sha256:1", Files: []slipway.RenderedFile{{Path: "app.ini", Content: strings.Repeat("x", req.Release) + " " + req.Environment + "\n"}}}, nil
	}
	s.service("payments", "billing", "main")
	s.promote(platform.PromoteInput{Service: "payments", Environment: "test", Release: 1})
	s.promote(platform.PromoteInput{Service: "payments", Ref: "two"})
	for number, version := range map[int]string{1: "2.3.1", 2: "3.1.2"} {
		m := &slipway.Migrations{Tool: "alembic"}
		if number == 2 {
			m.List = []slipway.Migration{{ID: "0002_drop", Class: slipway.MigrationDestructive, Reason: "drops a column"}}
		}
		if err := s.Storage.Client.Release.Update().Where(release.Number(number)).SetDependencies([]slipway.Dependency{{Name: "flask", Version: version}}).SetMigrations(m).Exec(as()); err != nil {
			t.Fatal(err)
		}
	}
	b := s.person("alice", true, nil)
	has := func(path string, texts ...string) {
		t.Helper()
		body := b.get(path).body
		for _, text := range texts {
			if !strings.Contains(body, text) {
				t.Errorf("%s doesn't show %q", path, text)
			}
		}
	}
	both := []string{"<code>2.3.1</code>", "<code>3.1.2</code>", "0002_drop", "Destructive", "drops a column"}
	compare := "/services/payments/compare?from=1&to=2"
	has(compare, append(both, "Commits in 2, not in 1", "view=config")...)
	has(compare+"&view=config&env=test", `<div class="d">x test</div>`, `<div class="a">xx test</div>`)
	has("/services/payments/between?from=dev&to=test", append(both, "WHERE=in-dev", "WHERE=in-test", "In dev, not in test")...)

	s.Render = func(context.Context, slipway.RenderRequest) (slipway.Snapshot, error) {
		return slipway.Snapshot{}, slipway.Errorf(slipway.Refused, "app.ini.j2:1: 'X' is undefined")
	}
	has(compare+"&view=config", "app.ini.j2:1: &#39;X&#39; is undefined")
}
