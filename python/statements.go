package python

import (
	"strings"

	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/stated"
	"github.com/slipway-dev/slipway/python/tree"
	"go.yaml.in/yaml/v3"
)

// loadConfig reads slipway.yaml over the overrides and carries over what they
// state as fact.
func (d *detection) loadConfig() {
	config, root, problems := stated.LoadNode(d.tree.Fsys, d.tree.Path(stated.File))
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

// underlay puts the overrides under slipway.yaml, whose root is file: it wins
// key by key, and what it makes void is told.
func (d *detection) underlay(file *yaml.Node) {
	if d.opts.Overrides == "" {
		return
	}
	over, _, err := manifest.ParseYAML(string(d.opts.Overrides))
	var problems []Problem
	if err == nil {
		_, problems = stated.OfNode(over, "")
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
	name := stated.File
	c := &stated.Config{}
	if d.config != nil {
		c.File, name = d.config.File, d.config.File
	}
	for _, key := range stated.Void(over, file) {
		d.warn(Problem{Code: "override.void", Key: key, Message: name + " says " + key + " too, so the override of it is void", File: name, Line: d.configLine(strings.Split(key, ".")[0]),
			Remedy: "delete one of the two"})
	}
	stated.Overlay(c, over, "")
	if file != nil {
		stated.Overlay(c, file, name)
	}
	d.config, d.over = c, over
}

// statedAt is where a value stands that somebody has stated.
type statedAt struct {
	tree.Evidence
	rule string // the end of the rule's id
}

// stated finds a key in the overrides, or in slipway.yaml.
func (d *detection) stated(key ...string) statedAt {
	if stated.States(d.over, key) {
		return statedAt{rule: "override"}
	}
	return statedAt{tree.Evidence{File: d.configFile(), Line: d.configLine(key[0])}, "config"}
}
