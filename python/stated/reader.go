package stated

import (
	"cmp"
	"fmt"
	"reflect"
	"sort"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/python/tree"
	"go.yaml.in/yaml/v3"
)

// configReader turns YAML nodes into a Config. It reads by the struct's
// own tags, so that a field added there needs nothing here, and reports every
// mistake with its line rather than the first. What the config holds already
// stays where the nodes say nothing else, so that one text is read over another.
type configReader struct {
	file     string
	problems []tree.Problem
	nodes    int
}

// fault reports what is wrong with a key, "" for the whole.
func (r *configReader) fault(code, key string, n *yaml.Node, message, remedy string) {
	p := tree.Problem{Code: code, Key: key, Message: message, Remedy: remedy}
	if r.file != "" { // overrides have no lines that anybody could look up
		p.File, p.Message = r.file, r.file+": "+message
		if n != nil {
			p.Line = n.Line
		}
	}
	r.problems = append(r.problems, p)
}

func (r *configReader) read(root *yaml.Node, c *Config) {
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return
	}
	r.value("", root, reflect.ValueOf(c).Elem())
}

// Overlay puts what a text's root states over c, key by key. It reports nothing: the
// text was checked before. file is the text's name, "" for none.
func Overlay(c *Config, root *yaml.Node, file string) {
	(&configReader{file: file}).read(root, c)
}

func join(at, key string) string {
	if at == "" {
		return key
	}
	return at + "." + key
}

func (r *configReader) value(at string, n *yaml.Node, v reflect.Value) {
	r.nodes++
	if r.nodes > maxConfigNodes {
		if r.nodes == maxConfigNodes+1 {
			r.fault("config.too_large", "", n, "it holds too many entries", "shorten it")
		}
		return
	}
	if n.Kind == yaml.AliasNode {
		r.fault("config.alias", at, n, at+" uses a YAML alias, which is not read here", "write the value out")
		return
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		r.fault("config.empty", at, n, at+" has no value", "give "+at+" a value or delete the line")
		return
	}
	if v.Type() == reflect.TypeFor[Process]() && n.Kind == yaml.ScalarNode {
		v = v.FieldByName("Command") // a bare string is the command
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		r.value(at, n, v.Elem())
	case reflect.Struct:
		r.structure(at, n, v)
	case reflect.Map:
		r.mapping(at, n, v)
	case reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			r.wrongType(at, n, "a list, such as [a, b]")
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 0, len(n.Content))) // an empty list says something
		for i, e := range n.Content {
			item := reflect.New(v.Type().Elem()).Elem()
			r.value(fmt.Sprintf("%s[%d]", at, i), e, item)
			v.Set(reflect.Append(v, item))
		}
	default:
		r.scalar(at, n, v)
	}
}

func (r *configReader) wrongType(at string, n *yaml.Node, want string) {
	got := map[yaml.Kind]string{yaml.MappingNode: "a mapping", yaml.SequenceNode: "a list", yaml.ScalarNode: "a single value"}[n.Kind]
	r.fault("config.type", at, n, fmt.Sprintf("%s has to be %s, not %s", cmp.Or(at, "the whole"), want, got), "correct "+cmp.Or(at, "it"))
}

func (r *configReader) pairs(at string, n *yaml.Node, each func(key, value *yaml.Node)) {
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		switch {
		case key.Kind != yaml.ScalarNode || key.Tag == "!!merge":
			r.fault("config.alias", at, key, cmp.Or(at, "the whole")+" holds a key that is not plain text", "write the keys out")
		case seen[key.Value]:
			r.fault("config.duplicate", join(at, key.Value), key, join(at, key.Value)+" is given twice", "delete one of them")
		default:
			seen[key.Value] = true
			each(key, n.Content[i+1])
		}
	}
}

func (r *configReader) structure(at string, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		r.wrongType(at, n, "a mapping of keys to values")
		return
	}
	fields := map[string]int{}
	for i := range v.NumField() {
		if name := v.Type().Field(i).Tag.Get("yaml"); name != "" && name != "-" {
			fields[name] = i
		}
	}
	r.pairs(at, n, func(key, value *yaml.Node) {
		i, ok := fields[key.Value]
		if !ok {
			known := make([]string, 0, len(fields))
			for k := range fields {
				known = append(known, k)
			}
			sort.Strings(known)
			remedy := "use one of " + strings.Join(known, ", ")
			if near := nearest(key.Value, known); near != "" {
				remedy = "did you mean " + join(at, near) + "?"
			}
			r.fault("config.unknown_key", join(at, key.Value), key, "there is no key "+join(at, key.Value), remedy)
			return
		}
		r.value(join(at, key.Value), value, v.Field(i))
	})
}

func (r *configReader) mapping(at string, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		r.wrongType(at, n, "a mapping of names to values")
		return
	}
	if v.IsNil() {
		v.Set(reflect.MakeMap(v.Type()))
	}
	r.pairs(at, n, func(key, value *yaml.Node) {
		item := reflect.New(v.Type().Elem()).Elem()
		if was := v.MapIndex(reflect.ValueOf(key.Value)); was.IsValid() {
			item.Set(was)
		}
		r.value(join(at, key.Value), value, item)
		v.SetMapIndex(reflect.ValueOf(key.Value), item)
	})
}

func (r *configReader) scalar(at string, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.ScalarNode {
		r.wrongType(at, n, "a single value")
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(n.Value) // 3.10 keeps its zero, and true in env is "true"
	case reflect.Bool:
		if n.Tag != "!!bool" {
			r.fault("config.type", at, n, fmt.Sprintf("%s has to be true or false, not %q", at, tree.Clip(n.Value)), "write "+at+": true or "+at+": false")
			return
		}
		b, err := strconv.ParseBool(strings.ToLower(n.Value))
		if err != nil {
			b = n.Value == "yes" || n.Value == "on"
		}
		v.SetBool(b)
	case reflect.Int:
		i, err := strconv.Atoi(n.Value)
		if err != nil {
			r.fault("config.type", at, n, fmt.Sprintf("%s has to be a whole number, not %q", at, tree.Clip(n.Value)), "write a number, such as "+at+": 2")
			return
		}
		v.SetInt(int64(i))
	}
}
