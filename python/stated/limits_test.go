package stated

import (
	"encoding/json"
	"testing"
	"testing/fstest"

	"github.com/slipway-dev/slipway"
)

// TestLimitsInTheSchema: editors are told the bounds that are held.
func TestLimitsInTheSchema(t *testing.T) {
	var schema struct {
		Defs map[string]struct {
			Properties map[string]struct{ Minimum, Maximum, Default int }
		} `json:"$defs"`
	}
	if err := json.Unmarshal(Schema, &schema); err != nil {
		t.Fatal(err)
	}
	said := schema.Defs["limits"].Properties
	if len(said) != len(slipway.LimitKinds) {
		t.Errorf("the schema has %d limits", len(said))
	}
	for _, kind := range slipway.LimitKinds {
		if s := said[kind.Key]; s.Minimum != kind.Least || s.Maximum != kind.Most || s.Default != kind.Default {
			t.Errorf("%s: the schema says %+v", kind.Key, s)
		}
	}
}

// TestLimitsAreRead: a value that can't hold is named by its key, wherever it is stated.
func TestLimitsAreRead(t *testing.T) {
	for text, key := range map[string]string{
		"limits: {body_megabytes: 10, header_kilobytes: 1}":      "",
		"environments: {prod: {limits: {answer_seconds: 0}}}":    "",
		"limits: {header_kilobytes: 0}":                          "limits.header_kilobytes",
		"limits: {body_megabytes: -1}":                           "limits.body_megabytes",
		"limits: {body_megabyte: 1}":                             "limits.body_megabyte",
		"limits: {body_megabytes: many}":                         "limits.body_megabytes",
		"environments: {prod: {limits: {waiting_seconds: 301}}}": "environments.prod.limits.waiting_seconds",
		"environments: {Prod: {limits: {waiting_seconds: 30}}}":  "environments.Prod",
		"answer_seconds: 3\nlimits: {answer_seconds: 4}":         "limits.answer_seconds",
	} {
		_, problems := Load(fstest.MapFS{"slipway.yaml": {Data: []byte(text)}}, "slipway.yaml")
		got := ""
		if len(problems) > 0 {
			got = problems[0].Key
		}
		if got != key || len(problems) > 1 {
			t.Errorf("%q: %+v", text, problems)
		}
	}
	for text, want := range map[string]string{
		"limits: {}\nenvironments: {prod: {limits: {}}}":      "",
		"environments: {prod: {limits: {body_megabytes: 2}}}": `{"environments":{"prod":{"limits":{"body_megabytes":2}}}}`,
	} {
		if o, problems := ParseOverrides(text); string(o) != want || len(problems) > 0 {
			t.Errorf("%q is written as %s %v", text, o, problems)
		}
	}
	o, problems := EditOverrides("", map[string]string{"environments.prod.limits.body_megabytes": "5", "limits.answer_seconds": "9"})
	if string(o) != `{"limits":{"answer_seconds":9},"environments":{"prod":{"limits":{"body_megabytes":5}}}}` || len(problems) > 0 {
		t.Errorf("%s %v", o, problems)
	}
}
