package stated

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/tree"
)

// EditOverrides reads overrides as ParseOverrides does, after setting some keys,
// such as health.path, in them; "" takes a key back. A value is the text that
// the key holds; lists and mappings are written as YAML.
func EditOverrides(text string, set map[string]string) (slipway.Overrides, []tree.Problem) {
	if len(set) == 0 || len(text) > MaxOverrides {
		return ParseOverrides(text)
	}
	root, _, err := parseOverrides(text)
	if err != nil || root != nil && root.Kind != yaml.MappingNode {
		return ParseOverrides(text) // which says what is wrong with it
	}
	if root == nil {
		root = &yaml.Node{Kind: yaml.MappingNode}
	}
	for _, key := range slices.Sorted(maps.Keys(set)) {
		if set[key] == "" {
			remove(root, strings.Split(key, "."))
		} else if problem := put(root, key, set[key]); problem != nil {
			return "", []tree.Problem{*problem}
		}
	}
	out, err := yaml.Marshal(root)
	if err != nil {
		return "", []tree.Problem{{Code: "config.unreadable", Message: "the overrides can't be written as YAML", Remedy: "use plain text only"}}
	}
	return ParseOverrides(string(out))
}

// put sets a key below root.
func put(root *yaml.Node, key, value string) *tree.Problem {
	path := strings.Split(key, ".")
	node := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}
	if t := typeAt(reflect.TypeFor[Config](), path); t != nil && t.Kind() != reflect.String && t != reflect.TypeFor[Process]() {
		parsed, _, err := manifest.ParseYAML(value)
		if err != nil || parsed == nil {
			return &tree.Problem{Code: "config.syntax", Key: key, Message: key + ": " + tree.Clip(value) + " is not valid YAML", Remedy: "write a list as [a, b]"}
		}
		node = parsed
	}
	at := root
	for i, name := range path {
		next := manifest.Find(at, name)
		switch {
		case i == len(path)-1 && next != nil:
			*next = *node
		case i == len(path)-1:
			at.Content = append(at.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name}, node)
		case next == nil:
			next = &yaml.Node{Kind: yaml.MappingNode}
			at.Content = append(at.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name}, next)
		case next.Kind == yaml.ScalarNode && i == 1 && path[0] == "processes": // a bare string is the command
			bare := *next
			*next = yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Tag: "!!str", Value: "command"}, &bare}}
		case next.Kind != yaml.MappingNode:
			parent := strings.Join(path[:i+1], ".")
			return &tree.Problem{Code: "config.type", Key: parent, Message: parent + " holds a value and no keys, so there is no " + key, Remedy: "set " + parent + " itself"}
		}
		at = next
	}
	return nil
}

// typeAt is the type of a key, nil for one that does not exist.
func typeAt(t reflect.Type, path []string) reflect.Type {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if len(path) == 0 {
		return t
	}
	switch t.Kind() {
	case reflect.Map:
		return typeAt(t.Elem(), path[1:])
	case reflect.Struct:
		for i := range t.NumField() {
			if t.Field(i).Tag.Get("yaml") == path[0] {
				return typeAt(t.Field(i).Type, path[1:])
			}
		}
	}
	return nil
}

// remove takes a key away, and the mappings that are empty without it.
func remove(n *yaml.Node, path []string) (empty bool) {
	if n.Kind != yaml.MappingNode {
		return false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == path[0] && (len(path) == 1 || remove(n.Content[i+1], path[1:])) {
			n.Content = slices.Delete(n.Content, i, i+2)
			break
		}
	}
	return len(n.Content) == 0
}

// OverridesYAML writes overrides as slipway.yaml would, without the given keys;
// "" when nothing is left.
func OverridesYAML(o slipway.Overrides, without ...string) (string, error) {
	root, _, err := manifest.ParseYAML(string(o))
	if err != nil || root == nil {
		return "", err
	}
	for _, key := range without {
		if remove(root, strings.Split(key, ".")) {
			return "", nil
		}
	}
	plain(root)
	var out strings.Builder
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(root); err != nil {
		return "", err
	}
	return out.String(), e.Close()
}

// plain takes JSON's style away, and from a process that is only a command the
// mapping around it.
func plain(n *yaml.Node) {
	n.Style = 0
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 1 && n.Content[i-1].Value == "processes" {
			for j := 1; j < len(c.Content); j += 2 {
				if p := c.Content[j]; len(p.Content) == 2 && p.Content[0].Value == "command" {
					c.Content[j] = p.Content[1]
				}
			}
		}
		plain(c)
	}
}

// OverrideValues lists what overrides say by key, such as health.path; lists as
// YAML. What can't be read says nothing.
func OverrideValues(o slipway.Overrides) map[string]string {
	values := map[string]string{}
	root, _, err := manifest.ParseYAML(string(o))
	if err != nil || root == nil {
		return values
	}
	var walk func(at string, n *yaml.Node)
	walk = func(at string, n *yaml.Node) {
		switch n.Kind {
		case yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				walk(join(at, n.Content[i].Value), n.Content[i+1])
			}
		case yaml.ScalarNode:
			values[at] = n.Value
		default:
			plain(n)
			n.Style = yaml.FlowStyle
			text, _ := yaml.Marshal(n) // it was read a moment ago
			values[at] = strings.TrimSpace(string(text))
		}
	}
	walk("", root)
	return values
}
