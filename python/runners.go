package python

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/shell"
)

// runner is how a manager's "run" takes its options.
type runner struct {
	values  []string // options with a value
	scripts [][]string
}

type runOption struct{ name, value string }

// runners start a program in an environment that Slipway makes itself.
var runners = map[string]*runner{
	"poetry": {values: []string{"-C", "--directory", "-P", "--project"}},
	"pipenv": {values: []string{"--python", "--pypi-mirror"}, scripts: [][]string{{"scripts"}}},
	"uv": {values: []string{"--with", "--with-editable", "--with-requirements", "--extra", "--no-extra", "--group", "--no-group", "--only-group", "--env-file", "-p", "--python",
		"--project", "--directory", "--package", "--index", "--default-index", "-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--config-file", "--cache-dir", "--color",
		"--refresh-package", "-P", "--upgrade-package", "--no-editable-package", "--link-mode", "--resolution", "--prerelease", "--exclude-newer", "-C", "--config-setting"}},
	"pdm":   {values: []string{"-p", "--project", "-c", "--config", "--venv"}, scripts: [][]string{{"tool", "pdm", "scripts"}}},
	"rye":   {values: []string{"--pyproject"}, scripts: [][]string{{"tool", "rye", "scripts"}}},
	"hatch": {values: []string{"-e", "--env", "--config", "--data-dir", "--cache-dir"}, scripts: [][]string{{"tool", "hatch", "envs", "default", "scripts"}}},
}

// skip takes the options from the front of words.
func (o *runner) skip(words []string) (rest []string, options []runOption) {
	for len(words) > 0 && strings.HasPrefix(words[0], "-") {
		name, value, has := strings.Cut(shell.Bare(words[0]), "=")
		words = words[1:]
		if name == "--" {
			break
		}
		if !has && slices.Contains(o.values, name) && len(words) > 0 {
			value, words = shell.Bare(words[0]), words[1:]
		}
		options = append(options, runOption{name, value})
	}
	return words, options
}

var placeholder = regexp.MustCompile(`\{args(?::([^}]*))?\}|\{pdm\}`)

// withArguments gives the arguments of a call to a script's text, where it
// has a place for them or at its end.
func withArguments(script string, args []string) string {
	given := strings.Join(args, " ")
	if placeholder.MatchString(script) {
		return placeholder.ReplaceAllStringFunc(script, func(m string) string {
			if m == "{pdm}" {
				return "pdm"
			}
			return cmp.Or(given, placeholder.FindStringSubmatch(m)[1])
		})
	}
	return strings.TrimSpace(script + " " + given)
}

// managerScript is what a name stands for among a manager's own scripts.
func (d *detection) managerScript(program, name string) (string, bool) {
	data := d.pyproject.Data
	if program == "pipenv" {
		p, problem := manifest.ReadPyproject(d.tree, "Pipfile")
		if problem != nil {
			return "", false
		}
		data = p.Data
	}
	for _, table := range runners[program].scripts {
		if v := manifest.Dig(data, append(append([]string{}, table...), name)...); v != nil {
			return scriptText(program, v, manifest.DigTable(data, append(append([]string{}, table...), "_")...))
		}
	}
	if program == "hatch" { // ENVIRONMENT:SCRIPT
		if env, script, ok := strings.Cut(name, ":"); ok {
			return scriptText(program, manifest.Dig(data, "tool", "hatch", "envs", env, "scripts", script), nil)
		}
	}
	if !d.installable() { // then no console script is made for it
		for _, table := range [][]string{{"project", "scripts"}, {"tool", "poetry", "scripts"}} {
			if entry := manifest.DigString(data, append(append([]string{}, table...), name)...); entry != "" {
				return callText(entry)
			}
		}
	}
	return "", false
}

// scriptText writes out the forms in which PDM, Pipenv, Hatch and Rye state a
// script.
func scriptText(program string, v any, shared map[string]any) (string, bool) {
	chained := func(list []string) string {
		for i := range list {
			list[i] = program + " run " + list[i] // it may be the name of another
		}
		return strings.Join(list, " && ")
	}
	switch v := v.(type) {
	case string:
		return v, true
	case []any: // Hatch and Rye: one after the other, or words
		return chained(manifest.StringsOf(v)), len(v) > 0
	case map[string]any:
		text, ok := "", true
		switch {
		case v["cmd"] != nil:
			if list := manifest.StringsOf(v["cmd"]); list != nil {
				text = shell.Quote(list)
			} else {
				text = manifest.DigString(v, "cmd")
			}
		case v["shell"] != nil:
			text = manifest.DigString(v, "shell")
		case v["call"] != nil:
			text, ok = callText(manifest.DigString(v, "call"))
		case v["composite"] != nil:
			text = chained(manifest.StringsOf(v["composite"]))
		case v["chain"] != nil:
			text = chained(manifest.StringsOf(v["chain"]))
		}
		env := ""
		for _, table := range []map[string]any{manifest.DigTable(shared, "env"), manifest.DigTable(v, "env")} {
			for _, name := range slices.Sorted(maps.Keys(table)) {
				if value, isText := table[name].(string); isText && shell.Identifier(name) {
					env += name + "=" + shell.Quote([]string{value}) + " "
				}
			}
		}
		return env + text, ok && text != ""
	}
	return "", false
}

// callText calls a function as its console script would.
func callText(entry string) (string, bool) {
	module, object, ok := strings.Cut(strings.TrimSpace(entry), ":")
	call := "()"
	if name, arguments, called := strings.Cut(object, "("); called {
		object, call = name, "("+arguments
	}
	if !ok || !dottedName(module) || !dottedName(object) || strings.ContainsAny(call, "'\\") {
		return "", false
	}
	return "python -c 'import sys, " + module + "; sys.exit(" + module + "." + object + call + ")'", true
}
