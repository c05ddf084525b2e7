package slipway_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
)

// states writes a plan as name=state.
func states(steps []slipway.PlannedStep) string {
	var parts []string
	for _, s := range steps {
		parts = append(parts, string(s.Name)+"="+string(s.State))
	}
	return strings.Join(parts, " ")
}

func TestPlanSteps(t *testing.T) {
	cases := []struct {
		request slipway.PlanRequest
		want    string
	}{
		{slipway.PlanRequest{}, "fetch=pending build=pending test=pending render=pending rehearse=pending approve=pending preflight=pending migrate=pending deploy=pending verify=pending"},
		{slipway.PlanRequest{Release: 3, Built: true}, "fetch=reused build=reused test=pending render=pending rehearse=pending approve=pending preflight=pending migrate=pending deploy=pending verify=pending"},
		{slipway.PlanRequest{Release: 3, Built: true, Tests: slipway.TestsPassed}, "fetch=reused build=reused test=reused render=pending rehearse=pending approve=pending preflight=pending migrate=pending deploy=pending verify=pending"},
		{slipway.PlanRequest{Release: 3, Built: true, Tests: slipway.TestsPassed, Rollback: true}, "fetch=reused build=reused test=reused render=pending rehearse=skipped approve=pending preflight=skipped migrate=skipped deploy=pending verify=pending"},
		{slipway.PlanRequest{Release: 3, Tests: slipway.TestsPassed}, "fetch=pending build=pending test=pending render=pending rehearse=pending approve=pending preflight=pending migrate=pending deploy=pending verify=pending"},
	}
	for _, c := range cases {
		if got := states(slipway.PlanSteps(c.request)); got != c.want {
			t.Errorf("%+v:\n got %s\nwant %s", c.request, got, c.want)
		}
	}
	for verdict, want := range map[slipway.TestVerdict]string{
		slipway.TestsPassed: "cached", slipway.TestsNone: "the release has no tests", slipway.TestsSkipped: slipway.SkippedByOwner,
	} {
		if got := slipway.PlanSteps(slipway.PlanRequest{Release: 3, Built: true, Tests: verdict})[2]; got.Reason != want || got.State != slipway.StepReused {
			t.Errorf("%s: %+v", verdict, got)
		}
	}
}

// FuzzPlanEnds: whatever the steps answer, a promotion ends, takes its steps in
// order, and runs none after one that ended badly.
func FuzzPlanEnds(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{0, 1})
	ends := []slipway.StepState{slipway.StepSucceeded, slipway.StepFailed, slipway.StepErrored, slipway.StepCancelled, slipway.StepSkipped}
	f.Fuzz(func(t *testing.T, answers []byte) {
		steps := slipway.PlanSteps(slipway.PlanRequest{})
		order, bad := 0, false
		for n := 0; ; n++ {
			name, ok := slipway.NextStep(steps)
			if !ok {
				break
			}
			if bad || n > len(steps) || steps[order].Name != name {
				t.Fatalf("step %s follows %s", name, states(steps))
			}
			state := slipway.StepSucceeded
			if n < len(answers) {
				state = ends[int(answers[n])%len(ends)]
			}
			bad = state == slipway.StepFailed || state == slipway.StepErrored || state == slipway.StepCancelled
			steps = slipway.MarkStep(steps, name, state)
			order++
		}
		if end := slipway.EndState(steps); !end.Over() || bad == (end == slipway.PromotionSucceeded) {
			t.Fatalf("%s ends as %s", states(steps), end)
		}
	})
}

func TestOutcomes(t *testing.T) {
	cases := []struct {
		err     error
		outcome slipway.Outcome
		again   bool
	}{
		{nil, slipway.Succeeded, false},
		{slipway.Errorf(slipway.Refused, "red"), slipway.Failed, false},
		{slipway.Errorf(slipway.Invalid, "wrong"), slipway.Failed, false},
		{slipway.Errorf(slipway.Unavailable, "away"), slipway.Errored, true},
		{errors.New("a defect"), slipway.Errored, true},
		{fmt.Errorf("wrapped: %w", slipway.Errorf(slipway.Refused, "red")), slipway.Failed, false},
	}
	for _, c := range cases {
		if got := slipway.OutcomeOf(c.err); got != c.outcome || slipway.Retryable(c.err) != c.again {
			t.Errorf("%v: %s, again %v", c.err, got, slipway.Retryable(c.err))
		}
	}
	cause := errors.New("cause")
	if err := slipway.Wrap(slipway.Unavailable, cause, "sentence"); !errors.Is(err, cause) || strings.Contains(err.Error(), "cause") {
		t.Errorf("%v", err)
	}
}

func TestNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"payments": true, "a": true, "a-1": true, "": false, "-a": false, "a-": false, "A": false, "1a": false,
		"../x": false, "a b": false, "a;b": false, "a\n": false, strings.Repeat("a", 40): true, strings.Repeat("a", 41): false,
	} {
		if err := slipway.CheckName("name", name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
	for url, want := range map[string]string{
		"https://git.example.com/Team/Payments.git": "payments", "git@host:team/my_app.git": "my-app", "file:///srv/2024-shop/": "shop",
	} {
		if got := slipway.NameFromRepository(slipway.Repository{URL: url}); got != want {
			t.Errorf("%s: %q", url, got)
		}
	}
}

func TestRepositories(t *testing.T) {
	for url, ok := range map[string]bool{
		"https://host/a.git": true, "ssh://git@host/a": true, "git@host:a/b": true, "file:///srv/a": true, "/srv/a": true,
		"": false, "--upload-pack=x": false, "ext::sh -c x": false, "https://u:p@host/a": false, "ftp://host/a": false,
		"https:///a": false, "a b": false, "https://-oProxyCommand=x/a": false, "relative/path": false,
	} {
		if err := (slipway.Repository{URL: url}).Validate(); (err == nil) != ok {
			t.Errorf("%q: %v", url, err)
		}
	}
	for path, ok := range map[string]bool{"": true, "backend": true, "a/../b": true, "..": false, "../x": false, "/etc": false, "a/../../b": false} {
		if err := (slipway.Repository{URL: "/srv/a", Path: path}).Validate(); (err == nil) != ok {
			t.Errorf("path %q: %v", path, err)
		}
	}
	for ref, ok := range map[string]bool{
		"main": true, "release/1.2": true, "v1.0": true, "-x": false, "a..b": false, "a b": false, "a^": false, "a.lock": false, "@{u}": false, "": false,
	} {
		if err := slipway.CheckRef("ref", ref); (err == nil) != ok {
			t.Errorf("ref %q: %v", ref, err)
		}
	}
}

func TestMergeConfig(t *testing.T) {
	v := func(s string) slipway.ConfigValue { return slipway.ConfigValue{Value: s} }
	values, from := slipway.MergeConfig(map[slipway.ConfigLayer]map[string]slipway.ConfigValue{
		slipway.LayerDefaults: {"A": v("1"), "B": v("1"), "C": v("1"), "D": v("1")}, slipway.LayerService: {"B": v("2"), "C": v("2"), "D": v("2")},
		slipway.LayerEnvironment: {"C": v("3"), "D": v("3")}, slipway.LayerBoth: {"D": v("4")},
	})
	for key, want := range map[string]string{"A": "1", "B": "2", "C": "3", "D": "4"} {
		if values[key].Value != want {
			t.Errorf("%s is %s from %s", key, values[key].Value, from[key])
		}
	}
	if from["D"] != slipway.LayerBoth || from["A"] != slipway.LayerDefaults {
		t.Error(from)
	}
}

// TestSecretsDontPrint tries every way in which a value could slip out.
func TestSecretsDontPrint(t *testing.T) {
	s := slipway.NewSecret("hunter2-hunter2")
	text, err := json.Marshal(struct {
		S slipway.Secret
		P *slipway.Secret
		M map[string]slipway.Secret
	}{s, &s, map[string]slipway.Secret{"k": s}})
	if err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprint(s, &s, string(text)) + fmt.Sprintf("%v %+v %#v %s %q %x %d", s, s, s, s, s, s, s) + fmt.Sprint(struct{ S slipway.Secret }{s})
	if strings.Contains(all, "hunter2") || strings.Contains(all, fmt.Sprintf("%x", "hunter2")) {
		t.Error(all)
	}
	if got := slipway.Scrub("a hunter2-hunter2 b", []slipway.Secret{s, slipway.NewSecret("a")}); got != "a [secret] b" {
		t.Error(got)
	}
}
