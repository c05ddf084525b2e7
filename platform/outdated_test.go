package platform_test

import (
	"testing"

	"github.com/slipway-dev/slipway/platform"
)

// What another version of Slipway made of a commit, and what has served nowhere, is made
// anew, once: what is understood since needs no new commit.
func TestAReleaseThatNeverServedIsMadeAnew(t *testing.T) {
	live(t, func(w *world, name string) {
		in := platform.PromoteInput{Service: name}
		at := func(version string) *platform.Platform {
			options := w.Options
			options.Version = version
			return platform.New(options)
		}
		promoted := func(version string, red bool, want string) {
			w.Helper()
			w.mu.Lock()
			w.red, w.version = red, version
			w.mu.Unlock()
			w.Platform = at(version)
			w.promote(in, want)
		}
		uses := func(version string) bool {
			w.Helper()
			plan, err := at(version).Plan(w.Context(), in)
			w.must(err)
			return plan.Release != nil
		}
		promoted("v1.0.0", true, "failed")
		if !uses("v1.0.0") {
			t.Error("the same version makes it again")
		}
		if uses("v2.0.0") {
			t.Error("another version takes what has served nowhere")
		}
		promoted("v2.0.0", true, "failed")
		if r, err := w.Release(w.Context(), name, 1); err != nil || r.BuiltBy != "v2.0.0" {
			t.Fatalf("the same artifact is of another release, or of %q: %v", r.BuiltBy, err)
		}
		if !uses("v2.0.0") {
			t.Error("what came out the same is made again, for ever")
		}
		promoted("v2.0.0", false, "succeeded")
		if !uses("v3.0.0") {
			t.Error("what has served is made anew")
		}
	})
}
