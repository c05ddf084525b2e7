package slipway_test

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
)

// TestLimitsOfAnEnvironmentWin: what is stated for an environment counts before what the
// service states, and that before what holds for all; each key is known everywhere.
func TestLimitsOfAnEnvironmentWin(t *testing.T) {
	fields := reflect.TypeFor[slipway.Limits]()
	if fields.NumField() != len(slipway.LimitKinds) {
		t.Fatalf("%d fields, %d kinds", fields.NumField(), len(slipway.LimitKinds))
	}
	for k, kind := range slipway.LimitKinds {
		key, _, _ := strings.Cut(fields.Field(k).Tag.Get("json"), ",")
		if key != kind.Key || fields.Field(k).Tag.Get("yaml") != key || kind.Default < kind.Least || kind.Default > kind.Most {
			t.Errorf("%s is no row for the field %s", kind.Key, key)
		}
		stated := func(n int) string { text, _ := json.Marshal(map[string]int{kind.Key: n}); return string(text) }
		text := `{"answer_seconds": 300, "limits": ` + stated(kind.Least) + `, "environment_limits": {"prod": ` + stated(kind.Most) + `, "odd": ` + stated(kind.Most+1) + `}}`
		var m slipway.Manifest
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			t.Fatal(err)
		}
		for environment, want := range map[string]int{"dev": kind.Least, "prod": kind.Most, "odd": kind.Most} {
			if got, stated := m.LimitsIn(environment).Limit(kind.Key); !stated || got != want {
				t.Errorf("%s in %s: %d, want %d", kind.Key, environment, got, want)
			}
		}
		if got, _ := (slipway.Manifest{AnswerSeconds: slipway.AnswerSeconds}).LimitsIn("dev").Limit(kind.Key); got != kind.Default {
			t.Errorf("%s: %d where nothing is stated, want %d", kind.Key, got, kind.Default)
		}
	}
	if got, _ := (slipway.Manifest{}).LimitsIn("dev").Limit("answer_seconds"); got != 0 {
		t.Errorf("a release made before there was a limit is held to %d s", got)
	}
}

// TestLimitsDocumented: the table for people is the one of the code.
func TestLimitsDocumented(t *testing.T) {
	text, err := os.ReadFile("docs/servers.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "| key below `limits` |")
	_, table, _ := strings.Cut(rest, "|---|---|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	rows := strings.Split(table, "\n")
	if len(rows) != len(slipway.LimitKinds) {
		t.Fatalf("%d rows for %d limits", len(rows), len(slipway.LimitKinds))
	}
	for k, kind := range slipway.LimitKinds {
		if want := fmt.Sprintf("| `%s` | %d | %d, %d | ", kind.Key, kind.Default, kind.Least, kind.Most); !strings.HasPrefix(rows[k], want) {
			t.Errorf("%s\nis not %s", rows[k], want)
		}
	}
}
