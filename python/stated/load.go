package stated

import (
	_ "embed"
	"io/fs"
	"path"
	"strings"

	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/tree"
	"go.yaml.in/yaml/v3"
)

// Schema is the JSON Schema of slipway.yaml, for editors.
//
//go:embed slipway.schema.json
var Schema []byte

// File is the name of the file in which a team states what it knows.
const File = "slipway.yaml"

const (
	maxConfigNodes = 5000
)

// Load reads a slipway.yaml. It returns nil and no problems when the
// file does not exist, and nil with the problem when it cannot be read at all;
// otherwise the config holds whatever could be understood. Problems name the
// file by its base name.
func Load(fsys fs.FS, name string) (*Config, []tree.Problem) {
	c, _, problems := LoadNode(fsys, name)
	return c, problems
}

// LoadNode also returns what was read, nil when nothing was.
func LoadNode(fsys fs.FS, name string) (*Config, *yaml.Node, []tree.Problem) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, nil, nil
	}
	base := path.Base(name)
	broken := func(code, message, remedy string, line int) (*Config, *yaml.Node, []tree.Problem) {
		return nil, nil, []tree.Problem{{Code: code, Message: message, File: base, Line: line, Remedy: remedy}}
	}
	if !info.Mode().IsRegular() || info.Size() > manifest.MaxYAML {
		return broken("config.too_large", base+" is not a regular file of at most 64 KiB", "shorten "+base, 0)
	}
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return broken("config.unreadable", base+" cannot be read", "correct "+base, 0)
	}
	root, line, err := manifest.ParseYAML(tree.Text(data))
	if err != nil {
		return broken("config.syntax", base+" is not valid YAML: "+err.Error(), "correct that line of "+base, line)
	}
	c, problems := OfNode(root, base)
	return c, root, problems
}

// OfNode reads and checks a text's root; file names it in problems.
func OfNode(root *yaml.Node, file string) (*Config, []tree.Problem) {
	c := &Config{File: file}
	r := configReader{file: file}
	if root != nil {
		r.read(root, c)
	}
	if len(r.problems) == 0 {
		r.check(c, root)
	}
	return c, r.problems
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
