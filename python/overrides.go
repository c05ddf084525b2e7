package python

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
)

// MaxOverrides bounds the text of a service's overrides: they travel with each
// promotion that builds.
const MaxOverrides = 16 << 10

// anOverride is what sentences call one.
const anOverride = "an override"

// ParseOverrides reads what a service's owners state, as YAML or JSON with the
// keys of slipway.yaml and its rules. Equal overrides come out as equal texts;
// those that say nothing as "". Problems name the key at fault.
//
// The name is not among the keys: a service has one already.
func ParseOverrides(text string) (slipway.Overrides, []Problem) {
	broken := func(code, message, remedy string) (slipway.Overrides, []Problem) {
		return "", []Problem{{Code: code, Message: message, Remedy: remedy}}
	}
	tooLarge := func() (slipway.Overrides, []Problem) {
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
	c, problems := configOf(root, "")
	if c.Name != "" && len(problems) == 0 {
		problems = append(problems, Problem{Code: "config.value", Key: "name", Message: "name can't be overridden: the service has a name", Remedy: "leave it out"})
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
		if text, err = jsonOf(v); err != nil {
			return nil, 0, err
		}
	}
	return parseYAML(plainText([]byte(text)))
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
func canonical(c *ServiceConfig) (slipway.Overrides, error) {
	test, err := jsonOf(c.Test)
	if test == "{}" {
		c.Test = nil
	}
	health, also := jsonOf(c.Health)
	if health == "{}" {
		c.Health = nil
	}
	build, too := jsonOf(c.Build)
	if build == "{}" {
		c.Build = nil
	}
	if c.Limits != nil && *c.Limits == (slipway.Limits{}) {
		c.Limits = nil
	}
	maps.DeleteFunc(c.Environments, func(_ string, e EnvironmentConfig) bool { return e.Limits == nil || *e.Limits == (slipway.Limits{}) })
	text, last := jsonOf(c)
	if text == "{}" {
		text = ""
	}
	return slipway.Overrides(text), errors.Join(err, also, too, last)
}

func jsonOf(v any) (string, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return strings.TrimSpace(out.String()), err
}

// underlay puts the overrides under slipway.yaml, whose root is file: it wins
// key by key, and what it makes void is told.
func (d *detection) underlay(file *yaml.Node) {
	if d.opts.Overrides == "" {
		return
	}
	over, _, err := parseYAML(string(d.opts.Overrides))
	var problems []Problem
	if err == nil {
		_, problems = configOf(over, "")
	} else {
		problems = []Problem{{Code: "config.syntax", Message: err.Error(), Remedy: "set the service's overrides again"}}
	}
	if len(problems) > 0 { // an older version took them
		for _, p := range problems {
			p.Message = "the service's overrides: " + p.Message
			d.problem(p)
		}
		return
	}
	name := ConfigFile
	c := &ServiceConfig{}
	if d.config != nil {
		c.File, name = d.config.File, d.config.File
	}
	for _, key := range d.void(over, file) {
		d.warn(Problem{Code: "override.void", Key: key, Message: name + " says " + key + " too, so the override of it is void", File: name, Line: d.configLine(strings.Split(key, ".")[0]),
			Remedy: "delete one of the two"})
	}
	(&configReader{}).read(over, c)
	if file != nil {
		(&configReader{file: name}).read(file, c)
	}
	d.config, d.over = c, over
}

// void takes the keys out of over that file states, and lists them.
func (d *detection) void(over, file *yaml.Node) []string {
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
		if slices.Equal(key, pair[0]) && states(file, pair[1]) || slices.Equal(key, pair[1]) && states(file, pair[0]) {
			return true
		}
	}
	return states(file, key)
}

// states tells whether a key stands below root. A process that is a bare string
// states its command.
func states(root *yaml.Node, key []string) bool {
	if find(root, key...) != nil {
		return true
	}
	if len(key) == 3 && key[0] == "processes" && key[2] == "command" {
		p := find(root, key[:2]...)
		return p != nil && p.Kind == yaml.ScalarNode
	}
	return false
}

// stated is where a value stands that somebody has stated.
type stated struct {
	Evidence
	rule string // the end of the rule's id
}

// stated finds a key in the overrides, or in slipway.yaml.
func (d *detection) stated(key ...string) stated {
	if states(d.over, key) {
		return stated{rule: "override"}
	}
	return stated{Evidence{File: d.configFile(), Line: d.configLine(key[0])}, "config"}
}

// Overridden says that the service's owners have said it.
func (f Finding) Overridden() bool { return strings.Contains(f.Rule, ".override") }

// Key is the key of slipway.yaml, and of overrides, that says something else
// than the finding; "" when none does.
func (f Finding) Key() string {
	switch f.What {
	case "packages":
		return "packages_as_of"
	case "manager", "python", "framework", "application", "server", "root":
		return f.What
	case "release":
		return "release_command"
	case "test":
		return "test.command"
	case "health":
		return "health.path"
	case "derived", "settings", "health.host", "test.before", "server.worker":
		return ""
	}
	if processName.MatchString(f.What) {
		return "processes." + f.What + ".command"
	}
	return ""
}
