package manifest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// MaxYAML is how many bytes of YAML that people write are read.
const MaxYAML = 64 << 10

// ParseYAML returns the first document's root, nil for an empty one.
func ParseYAML(text string) (root *yaml.Node, line int, err error) {
	defer func() {
		if r := recover(); r != nil { // a parser's bug must not take detection down
			root, err = nil, fmt.Errorf("it cannot be read")
		}
	}()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		message := strings.TrimPrefix(err.Error(), "yaml: ")
		if rest, ok := strings.CutPrefix(message, "line "); ok {
			number, what, _ := strings.Cut(rest, ": ")
			line, _ = strconv.Atoi(number)
			message = cmp.Or(what, message)
		}
		return nil, line, fmt.Errorf("%s", message)
	}
	if len(doc.Content) == 0 {
		return nil, 0, nil
	}
	return doc.Content[0], 0, nil
}

// Find returns the node of a dotted key, for its line.
func Find(n *yaml.Node, keys ...string) *yaml.Node {
	for _, k := range keys {
		if n == nil {
			return nil
		}
		var next *yaml.Node
		switch n.Kind {
		case yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				if n.Content[i].Value == k {
					next = n.Content[i+1]
				}
			}
		case yaml.SequenceNode:
			if i, err := strconv.Atoi(k); err == nil && i < len(n.Content) {
				next = n.Content[i]
			}
		}
		n = next
	}
	return n
}

// JSON writes a value on one line, with < > and & as they are.
func JSON(v any) (string, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return strings.TrimSpace(out.String()), err
}
