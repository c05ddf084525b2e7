package python

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/shell"
	"github.com/slipway-dev/slipway/python/tree"
	"go.yaml.in/yaml/v3"
)

// suggestion is what another platform's file says. It never decides alone: it
// is shown beside our own answer, and breaks a tie between equal candidates.
type suggestion struct {
	what  string // web, worker, release, health
	value string
	tree.Evidence
}

func (s suggestion) String() string {
	return s.value + " (" + s.File + ":" + strconv.Itoa(s.Line) + ")"
}

// suggestions reads the files of other platforms. Files that cannot be parsed
// are passed over: they are not ours to check.
func (d *detection) suggestions() []suggestion {
	var out []suggestion
	add := func(what, value, file string) {
		value = strings.TrimSpace(value)
		if value == "" || len(value) > shell.MaxCommand {
			return
		}
		first, _, _ := strings.Cut(value, "\n")
		out = append(out, suggestion{what, value, tree.Evidence{File: file, Line: d.lineOf(file, first), Text: value}})
	}
	for _, f := range []string{"render.yaml", "render.yml"} {
		root := d.yaml(f)
		for _, s := range items(manifest.Find(root, "services")) {
			kind := textOf(s, "type")
			if kind == "pserv" || kind == "cron" {
				continue
			}
			what := "web"
			if kind == "worker" {
				what = "worker"
			}
			add(what, textOf(s, "startCommand"), f)
			add("release", textOf(s, "preDeployCommand"), f)
			add("health", textOf(s, "healthCheckPath"), f)
		}
	}
	if root := d.yaml(".do/app.yaml"); root != nil {
		for _, s := range items(manifest.Find(root, "services")) {
			add("web", textOf(s, "run_command"), ".do/app.yaml")
			add("health", textOf(manifest.Find(s, "health_check"), "http_path"), ".do/app.yaml")
		}
		for _, s := range items(manifest.Find(root, "workers")) {
			add("worker", textOf(s, "run_command"), ".do/app.yaml")
		}
	}
	add("web", textOf(d.yaml("app.yaml"), "entrypoint"), "app.yaml")
	heroku := manifest.Find(d.yaml("heroku.yml"), "run")
	add("web", cmp.Or(textOf(heroku, "web"), textOf(manifest.Find(heroku, "web"), "command")), "heroku.yml")
	add("worker", textOf(heroku, "worker"), "heroku.yml")
	for _, f := range []string{"railway.json", "railpack.json"} {
		deploy := manifest.DigTable(d.json(f), "deploy")
		add("web", manifest.DigString(deploy, "startCommand"), f)
		add("health", manifest.DigString(deploy, "healthcheckPath"), f)
	}
	add("web", cmp.Or(manifest.DigString(d.json("zbpack.json"), "start_command"), manifest.DigString(d.json("zbpack.json"), "startCommand")), "zbpack.json")
	for _, f := range []string{"railway.toml", "nixpacks.toml", "fly.toml"} {
		text, ok := d.tree.Read(f)
		if !ok {
			continue
		}
		data, _, err := manifest.ParseTOML(text)
		if err != nil {
			continue
		}
		add("web", cmp.Or(manifest.DigString(data, "deploy", "startCommand"), manifest.DigString(data, "start", "cmd"), manifest.DigString(data, "processes", "app"), manifest.DigString(data, "processes", "web")), f)
		add("release", manifest.DigString(data, "deploy", "release_command"), f)
		add("health", manifest.DigString(data, "deploy", "healthcheckPath"), f)
		for _, c := range manifest.DigList(data, "http_service", "checks") {
			add("health", manifest.DigString(c, "path"), f)
		}
	}
	out = d.throughScripts(append(out, d.dockerSuggestions()...))
	for _, c := range manifest.DigList(d.json("app.json"), "healthchecks", "web") {
		add("health", manifest.DigString(c, "path"), "app.json")
	}
	return out
}

// lineOf is the first line of file that holds text, 1 when none does.
func (d *detection) lineOf(file, text string) int {
	for i, l := range d.tree.Lines(file) {
		if strings.Contains(l, text) {
			return i + 1
		}
	}
	return 1
}

func (d *detection) yaml(file string) *yaml.Node {
	text, ok := d.tree.Read(file)
	if !ok || len(text) > manifest.MaxYAML {
		return nil
	}
	root, _, err := manifest.ParseYAML(text)
	if err != nil {
		return nil
	}
	return root
}

func (d *detection) json(file string) map[string]any {
	text, ok := d.tree.Read(file)
	if !ok {
		return nil
	}
	var out map[string]any
	if json.Unmarshal([]byte(text), &out) != nil {
		return nil
	}
	return out
}

func items(n *yaml.Node) []*yaml.Node {
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	return n.Content
}

func textOf(n *yaml.Node, key string) string {
	if v := manifest.Find(n, key); v != nil && v.Kind == yaml.ScalarNode && v.Tag != "!!null" {
		return v.Value
	}
	return ""
}
