package stated

import (
	"bytes"
	"encoding/json"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/tree"
)

// MaxOverrides bounds the text of a service's overrides: they travel with each
// promotion that builds.
const MaxOverrides = 16 << 10

// ParseOverrides reads what a service's owners state, as YAML or JSON with the
// keys of slipway.yaml and its rules. Equal overrides come out as equal texts;
// those that say nothing as "". Problems name the key at fault.
//
// The name is not among the keys: a service has one already.
func ParseOverrides(text string) (slipway.Overrides, []tree.Problem) {
	broken := func(code, message, remedy string) (slipway.Overrides, []tree.Problem) {
		return "", []tree.Problem{{Code: code, Message: message, Remedy: remedy}}
	}
	tooLarge := func() (slipway.Overrides, []tree.Problem) {
		return broken("config.too_large", fmt.Sprintf("overrides have at most %d KiB", MaxOverrides>>10), "shorten them, or put them into slipway.yaml")
	}
	if len(text) > MaxOverrides {
		return tooLarge()
	}
	root, line, err := parseOverrides(text)
	if err != nil {
		message := "overrides have the form of slipway.yaml, and this is not valid YAML: " + err.Error()
		if line > 0 {
			message += fmt.Sprintf(" (line %d)", line)
		}
		return broken("config.syntax", message, "correct that line")
	}
	c, problems := OfNode(root, "")
	if c.Name != "" && len(problems) == 0 {
		problems = append(problems, tree.Problem{Code: "config.value", Key: "name", Message: "name can't be overridden: the service has a name", Remedy: "leave it out"})
	}
	if len(problems) > 0 {
		return "", problems
	}
	out, err := canonical(c)
	if err != nil {
		return broken("config.unreadable", "the overrides can't be written as JSON", "use plain text only")
	}
	if len(out) > MaxOverrides {
		return tooLarge()
	}
	return out, nil
}

// parseOverrides reads YAML or JSON. JSON's own way of writing characters beyond
// 16 bits is not YAML's.
func parseOverrides(text string) (root *yaml.Node, line int, err error) {
	if raw := []byte(text); json.Valid(raw) {
		var v any
		if key := keyTwice(raw); key != "" {
			return nil, 0, fmt.Errorf("an object has %q twice; delete one of them", key)
		}
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		if err := d.Decode(&v); err != nil {
			return nil, 0, err
		}
		if text, err = manifest.JSON(v); err != nil {
			return nil, 0, err
		}
	}
	return manifest.ParseYAML(tree.Text([]byte(text)))
}

// keyTwice is a key that an object of valid JSON has twice, "" for none: reading it
// would keep the last without a word.
func keyTwice(raw []byte) string {
	_, err := jsontext.NewDecoder(bytes.NewReader(raw), jsontext.AllowInvalidUTF8(true)).ReadValue()
	var found *jsontext.SyntacticError
	if !errors.As(err, &found) || !errors.Is(found, jsontext.ErrDuplicateName) {
		return ""
	}
	return found.JSONPointer.LastToken()
}

// canonical leaves out what says nothing; JSON sorts the names in it.
func canonical(c *Config) (slipway.Overrides, error) {
	test, err := manifest.JSON(c.Test)
	if test == "{}" {
		c.Test = nil
	}
	health, also := manifest.JSON(c.Health)
	if health == "{}" {
		c.Health = nil
	}
	build, too := manifest.JSON(c.Build)
	if build == "{}" {
		c.Build = nil
	}
	if c.Limits != nil && *c.Limits == (slipway.Limits{}) {
		c.Limits = nil
	}
	maps.DeleteFunc(c.Environments, func(_ string, e EnvironmentConfig) bool { return e.Limits == nil || *e.Limits == (slipway.Limits{}) })
	text, last := manifest.JSON(c)
	if text == "{}" {
		text = ""
	}
	return slipway.Overrides(text), errors.Join(err, also, too, last)
}

// Void takes the keys out of over that file states, and lists them.
func Void(over, file *yaml.Node) []string {
	var void []string
	var prune func(n *yaml.Node, at []string) bool
	prune = func(n *yaml.Node, at []string) (gone bool) {
		if n.Kind != yaml.MappingNode {
			if gone = statesAny(file, at); gone {
				void = append(void, strings.Join(at, "."))
			}
			return gone
		}
		var kept []*yaml.Node
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !prune(n.Content[i+1], append(slices.Clone(at), n.Content[i].Value)) {
				kept = append(kept, n.Content[i], n.Content[i+1])
			}
		}
		n.Content = kept
		return len(kept) == 0 && len(at) > 0
	}
	prune(over, nil)
	return void
}

// rivalKeys answer the same question: who states one has answered for the other.
var rivalKeys = [][2][]string{
	{{"test", "skip"}, {"test", "command"}},
	{{"application"}, {"processes", "web", "command"}},
	{{"answer_seconds"}, {"limits", "answer_seconds"}},
}

// statesAny tells whether a file states a key or its rival.
func statesAny(file *yaml.Node, key []string) bool {
	for _, pair := range rivalKeys {
		if slices.Equal(key, pair[0]) && States(file, pair[1]) || slices.Equal(key, pair[1]) && States(file, pair[0]) {
			return true
		}
	}
	return States(file, key)
}

// States tells whether a key stands below root. A process that is a bare string
// states its command.
func States(root *yaml.Node, key []string) bool {
	if manifest.Find(root, key...) != nil {
		return true
	}
	if len(key) == 3 && key[0] == "processes" && key[2] == "command" {
		p := manifest.Find(root, key[:2]...)
		return p != nil && p.Kind == yaml.ScalarNode
	}
	return false
}
