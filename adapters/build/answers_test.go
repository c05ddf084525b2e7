package build

import (
	"testing"
	"testing/fstest"

	slipway "github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python"
	"github.com/slipway-dev/slipway/python/stated"
)

// TestReleasesStateTheirLimit: what is missing in a manifest was not known when it was
// made, so a new one always says it; a service may say that it has none.
func TestReleasesStateTheirLimit(t *testing.T) {
	for text, want := range map[string]int{"": slipway.AnswerSeconds, "answer_seconds: 20": 20, "answer_seconds: 0": 0} {
		config, problems := stated.Load(fstest.MapFS{"slipway.yaml": {Data: []byte(text)}}, "slipway.yaml")
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		m := manifest(slipway.BuildRequest{Service: "shop"}, &python.Project{Config: config}, t.TempDir(), environment{})
		if m.AnswerSeconds != want {
			t.Errorf("%q states %d", text, m.AnswerSeconds)
		}
	}
	config, problems := stated.Load(fstest.MapFS{"slipway.yaml": {Data: []byte("limits: {answer_seconds: 7, body_megabytes: 3}\nenvironments: {prod: {limits: {body_megabytes: 2}}}")}}, "slipway.yaml")
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	m := manifest(slipway.BuildRequest{Service: "shop"}, &python.Project{Config: config}, t.TempDir(), environment{})
	for environment, want := range map[string][2]int{"dev": {7, 3}, "prod": {7, 2}} {
		answer, _ := m.LimitsIn(environment).Limit("answer_seconds")
		body, _ := m.LimitsIn(environment).Limit("body_megabytes")
		if want != [2]int{answer, body} {
			t.Errorf("%s: %d s, %d MiB", environment, answer, body)
		}
	}
	if m := manifest(slipway.BuildRequest{Service: "shop"}, &python.Project{}, t.TempDir(), environment{}); m.AnswerSeconds != slipway.AnswerSeconds {
		t.Errorf("without a slipway.yaml it states %d", m.AnswerSeconds)
	}
}
