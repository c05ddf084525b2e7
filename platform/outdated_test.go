package platform_test

import (
	"testing"

	"github.com/slipway-dev/slipway/platform"
)

// What another version of Slipway made of a commit, and what has served nowhere, is made
// anew: what is understood since needs no new commit.
func TestAReleaseThatNeverServedIsMadeAnew(t *testing.T) {
	live(t, func(w *world, name string) {
		tests := func(red bool) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.red = red
		}
		in := platform.PromoteInput{Service: name}
		newer := platform.New(platform.Options{Storage: w.Storage, Secrets: w.Secrets, Target: w.Target, Source: w.Source, Builder: w.Builder, Renderer: w.Renderer, Version: "v2.0.0"})
		uses := func(p *platform.Platform) bool {
			w.Helper()
			plan, err := p.Plan(w.Context(), in)
			w.must(err)
			return plan.Release != nil
		}
		tests(true)
		w.promote(in, "failed")
		if !uses(w.Platform) {
			t.Error("the same version makes it again")
		}
		if uses(newer) {
			t.Error("another version takes what has served nowhere")
		}
		tests(false)
		w.promote(in, "succeeded")
		if !uses(newer) {
			t.Error("what has served is made anew")
		}
	})
}
