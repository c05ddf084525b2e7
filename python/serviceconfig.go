package python

import (
	"cmp"
	_ "embed"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Schema is the JSON Schema of slipway.yaml, for editors.
//
//go:embed slipway.schema.json
var Schema []byte

// ConfigFile is the name of the file in which a team states what it knows.
const ConfigFile = "slipway.yaml"

const (
	maxConfig      = 64 << 10
	maxConfigNodes = 5000
)

// LoadConfig reads a slipway.yaml. It returns nil and no problems when the
// file does not exist, and nil with the problem when it cannot be read at all;
// otherwise the config holds whatever could be understood. Problems name the
// file by its base name.
func LoadConfig(fsys fs.FS, name string) (*ServiceConfig, []Problem) {
	c, _, problems := readConfig(fsys, name)
	return c, problems
}

// readConfig also returns what was read, nil when nothing was.
func readConfig(fsys fs.FS, name string) (*ServiceConfig, *yaml.Node, []Problem) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, nil, nil
	}
	base := path.Base(name)
	broken := func(code, message, remedy string, line int) (*ServiceConfig, *yaml.Node, []Problem) {
		return nil, nil, []Problem{{Code: code, Message: message, File: base, Line: line, Remedy: remedy}}
	}
	if !info.Mode().IsRegular() || info.Size() > maxConfig {
		return broken("config.too_large", base+" is not a regular file of at most 64 KiB", "shorten "+base, 0)
	}
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return broken("config.unreadable", base+" cannot be read", "correct "+base, 0)
	}
	root, line, err := parseYAML(plainText(data))
	if err != nil {
		return broken("config.syntax", base+" is not valid YAML: "+err.Error(), "correct that line of "+base, line)
	}
	c, problems := configOf(root, base)
	return c, root, problems
}

// configOf reads and checks a text's root; file names it in problems.
func configOf(root *yaml.Node, file string) (*ServiceConfig, []Problem) {
	c := &ServiceConfig{File: file}
	r := configReader{file: file}
	if root != nil {
		r.read(root, c)
	}
	if len(r.problems) == 0 {
		r.check(c, root)
	}
	return c, r.problems
}

// parseYAML returns the first document's root, nil for an empty one.
func parseYAML(text string) (root *yaml.Node, line int, err error) {
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

// loadConfig reads slipway.yaml over the overrides and carries over what they
// state as fact.
func (d *detection) loadConfig() {
	config, root, problems := readConfig(d.tree.fsys, d.tree.path(ConfigFile))
	d.config = config
	for _, p := range problems {
		d.problem(p)
	}
	if len(problems) == 0 {
		d.underlay(root)
	}
	if d.config != nil {
		d.project.Name = d.config.Name
	}
}

// nearest is the known word closest to a misspelt one, "" when none is close.
func nearest(word string, known []string) string {
	best, distance := "", 1+len(word)/2
	if distance > 4 {
		distance = 4
	}
	for _, k := range known {
		if n := editDistance(strings.ToLower(word), k); n < distance || n == distance && best == "" && n < 3 {
			best, distance = k, n
		}
	}
	return best
}

func editDistance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
