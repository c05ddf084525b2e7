package stated

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/tree"
	"go.yaml.in/yaml/v3"
)

// TestSchemaAgrees compares the schema with Config, field by field.
func TestSchemaAgrees(t *testing.T) {
	var schema map[string]any
	if err := json.Unmarshal(Schema, &schema); err != nil {
		t.Fatal(err)
	}
	resolve := func(node map[string]any) map[string]any {
		for node["$ref"] != nil {
			node = manifest.Dig(schema, strings.Split(strings.TrimPrefix(node["$ref"].(string), "#/"), "/")...).(map[string]any)
		}
		return node
	}
	var compare func(at string, kind reflect.Type, node map[string]any)
	compare = func(at string, kind reflect.Type, node map[string]any) {
		node = resolve(node)
		if kind.Kind() == reflect.Pointer {
			kind = kind.Elem()
		}
		if kind == reflect.TypeFor[Process]() {
			if options, ok := node["oneOf"].([]any); ok {
				node = resolve(options[1].(map[string]any))
			}
		}
		types := func() []string {
			switch v := node["type"].(type) {
			case string:
				return []string{v}
			case []any:
				return manifest.StringsOf(v)
			}
			if node["enum"] != nil {
				return []string{"string"}
			}
			return nil
		}()
		var want string
		switch kind.Kind() {
		case reflect.String:
			want = "string"
		case reflect.Bool:
			want = "boolean"
		case reflect.Int:
			want = "integer"
		case reflect.Slice:
			want = "array"
			compare(at+"[]", kind.Elem(), node["items"].(map[string]any))
		case reflect.Map:
			want = "object"
			compare(at+".*", kind.Elem(), node["additionalProperties"].(map[string]any))
		case reflect.Struct:
			want = "object"
			properties := node["properties"].(map[string]any)
			names := map[string]bool{}
			for i := range kind.NumField() {
				field := kind.Field(i)
				name := field.Tag.Get("yaml")
				if name == "-" {
					continue
				}
				names[name] = true
				if property, ok := properties[name].(map[string]any); ok {
					compare(at+"."+name, field.Type, property)
				} else {
					t.Errorf("the schema lacks %s.%s", at, name)
				}
			}
			for _, name := range slices.Sorted(maps.Keys(properties)) {
				if !names[name] {
					t.Errorf("the schema has %s.%s, which ServiceConfig lacks", at, name)
				}
			}
			if node["additionalProperties"] != false {
				t.Errorf("the schema lets unknown keys pass in %q", at)
			}
		}
		if !slices.Contains(types, want) {
			t.Errorf("%s: the schema says %v, the struct %s", at, types, want)
		}
	}
	compare("", reflect.TypeFor[Config](), schema)
	for key, words := range map[string][]string{"manager": configManagers, "server": configServers, "framework": configFrameworks} {
		if got := manifest.DigStrings(schema, "properties", key, "enum"); !slices.Equal(got, words) {
			t.Errorf("%s: the schema lists %v, the code %v", key, got, words)
		}
	}
}

// TestDocumentation loads every example of docs/slipway-yaml.md, holds it to
// the schema, and wants each key to have one.
func TestDocumentation(t *testing.T) {
	text, err := os.ReadFile("../../docs/slipway-yaml.md")
	if err != nil {
		t.Fatal(err)
	}
	var raw any
	if err := json.Unmarshal(Schema, &raw); err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("slipway.schema.json", raw); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("slipway.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	examples := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	for _, e := range examples {
		config, problems := Load(fstest.MapFS{File: {Data: []byte(e[1])}}, File)
		if config == nil || len(problems) > 0 {
			t.Errorf("an example has problems %v:\n%s", problems, e[1])
		}
		var plain any
		if err := yaml.Unmarshal([]byte(e[1]), &plain); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(plain); err != nil {
			t.Errorf("an example breaks the schema: %v\n%s", err, e[1])
		}
		keys(plain, seen)
	}
	for _, kind := range []reflect.Type{
		reflect.TypeFor[Config](), reflect.TypeFor[Process](), reflect.TypeFor[TestConfig](), reflect.TypeFor[HealthConfig](),
		reflect.TypeFor[FileConfig](), reflect.TypeFor[CheckConfig](), reflect.TypeFor[BuildConfig](),
	} {
		for i := range kind.NumField() {
			if name := kind.Field(i).Tag.Get("yaml"); name != "-" && !seen[name] {
				t.Errorf("docs/slipway-yaml.md has no example of %s (%s)", name, kind.Name())
			}
		}
	}
}

func keys(v any, seen map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			seen[k] = true
			keys(e, seen)
		}
	case []any:
		for _, e := range v {
			keys(e, seen)
		}
	}
}

func TestLoadConfigBounds(t *testing.T) {
	load := func(text string) (*Config, []tree.Problem) {
		return Load(fstest.MapFS{"a/slipway.yaml": {Data: []byte(text)}}, "a/slipway.yaml")
	}
	if c, p := Load(fstest.MapFS{}, "slipway.yaml"); c != nil || p != nil {
		t.Errorf("no file: %v, %v", c, p)
	}
	if c, p := load(""); c == nil || len(p) > 0 {
		t.Errorf("an empty file: %v, %v", c, p)
	}
	if _, p := load("env:\n" + strings.Repeat("  A: b\n", manifest.MaxYAML)); len(p) != 1 || p[0].Code != "config.too_large" || p[0].File != "slipway.yaml" {
		t.Errorf("a huge file: %v", p)
	}
	bomb := "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nrequirements: [*b,*b]\n"
	if _, p := load(bomb); len(p) == 0 {
		t.Error("aliases pass")
	}
}
