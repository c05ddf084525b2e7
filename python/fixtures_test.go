package python

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/tools/txtar"
)

// fixtureOptions is options.json of a fixture; what it leaves out has a default.
type fixtureOptions struct {
	Path         string        `json:"path"`
	Interpreters []Interpreter `json:"interpreters"`
	Today        string        `json:"today"` // 2006-01-02
}

func defaultInterpreters() []Interpreter {
	var out []Interpreter
	for _, v := range []string{"3.9.18", "3.10.13", "3.11.7", "3.12.1", "3.13.0"} {
		out = append(out, Interpreter{Version: v, Path: "/pythons/" + v + "/bin/python"})
	}
	return out
}

// TestFixtures detects every testdata/*/*.txtar: want.json is the part of the
// Project's JSON that has to match, options.json overrides the Options, and
// every other file is the tree. In a file, the escapes \r, \0, \xNN and \uNNNN
// stand for those characters when its name in the archive ends in ".escaped".
func TestFixtures(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.ToSlash(strings.TrimPrefix(file, "testdata")), ".txtar"), func(t *testing.T) {
			runFixture(t, file)
		})
	}
}

func runFixture(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tree := fstest.MapFS{}
	var want map[string]any
	options := fixtureOptions{Interpreters: defaultInterpreters()}
	for _, f := range archive.Files {
		switch f.Name {
		case "want.json":
			err = json.Unmarshal(f.Data, &want)
		case "options.json":
			err = json.Unmarshal(f.Data, &options)
		default:
			name, escaped := strings.CutSuffix(f.Name, ".escaped")
			if escaped {
				f.Data = []byte(unescape(t, strings.TrimSuffix(string(f.Data), "\n")))
			}
			tree[name] = &fstest.MapFile{Data: f.Data}
		}
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
	}
	if want == nil {
		t.Fatal("the fixture has no want.json")
	}
	o := Options{Path: options.Path, Interpreters: options.Interpreters}
	if options.Today != "" {
		if o.Today, err = time.Parse(time.DateOnly, options.Today); err != nil {
			t.Fatal(err)
		}
	}
	project, err := Detect(tree, o)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.MarshalIndent(project, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	for _, difference := range differences("", want, got) {
		t.Error(difference)
	}
	if t.Failed() {
		t.Logf("%s: %s\ngot: %s", file, archive.Comment, text)
	}
}

// unescape reads the escapes that Go strings have.
func unescape(t *testing.T, s string) string {
	var out string
	quoted := `"` + strings.ReplaceAll(strings.ReplaceAll(s, `"`, `\"`), "\n", `\n`) + `"`
	if _, err := fmt.Sscanf(quoted, "%q", &out); err != nil {
		t.Fatalf("%s: %v", quoted, err)
	}
	return out
}

// listsOfRecords match when each wanted record is contained in some record
// that the project has. All other lists match whole.
var listsOfRecords = map[string]bool{"findings": true, "problems": true, "warnings": true, "system": true}

// differences says where got lacks something of want. A wanted list of
// problems or warnings that is empty means none at all.
func differences(at string, want, got any) []string {
	switch want := want.(type) {
	case map[string]any:
		got, ok := got.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("%s: want an object, got %v", at, got)}
		}
		var out []string
		keys := make([]string, 0, len(want))
		for k := range want {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		for _, k := range keys {
			out = append(out, differences(strings.TrimPrefix(at+"."+k, "."), want[k], got[k])...)
		}
		return out
	case []any:
		list, ok := got.([]any)
		if !ok {
			return []string{fmt.Sprintf("%s: want a list, got %v", at, got)}
		}
		if listsOfRecords[at] && len(want) > 0 {
			return missingRecords(at, want, list)
		}
		if len(want) != len(list) {
			return []string{fmt.Sprintf("%s: want %v, got %v", at, want, list)}
		}
		var out []string
		for i := range want {
			out = append(out, differences(fmt.Sprintf("%s[%d]", at, i), want[i], list[i])...)
		}
		return out
	case string:
		if pattern, ok := strings.CutPrefix(want, "~"); ok {
			if s, isText := got.(string); isText && strings.Contains(s, pattern) {
				return nil
			}
		}
	}
	if fmt.Sprint(want) != fmt.Sprint(got) {
		return []string{fmt.Sprintf("%s: want %v, got %v", at, want, got)}
	}
	return nil
}

func missingRecords(at string, want, list []any) []string {
	var out []string
	for _, w := range want {
		found := false
		for _, g := range list {
			found = found || len(differences("record", w, g)) == 0
		}
		if !found {
			out = append(out, fmt.Sprintf("%s: none is like %v", at, w))
		}
	}
	return out
}
