package python

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"
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
		name, value, has := strings.Cut(bare(words[0]), "=")
		words = words[1:]
		if name == "--" {
			break
		}
		if !has && slices.Contains(o.values, name) && len(words) > 0 {
			value, words = bare(words[0]), words[1:]
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
	data := d.pyproject.data
	if program == "pipenv" {
		p, problem := readPyproject(d.tree, "Pipfile")
		if problem != nil {
			return "", false
		}
		data = p.data
	}
	for _, table := range runners[program].scripts {
		if v := dig(data, append(append([]string{}, table...), name)...); v != nil {
			return scriptText(program, v, digTable(data, append(append([]string{}, table...), "_")...))
		}
	}
	if program == "hatch" { // ENVIRONMENT:SCRIPT
		if env, script, ok := strings.Cut(name, ":"); ok {
			return scriptText(program, dig(data, "tool", "hatch", "envs", env, "scripts", script), nil)
		}
	}
	if !d.installable() { // then no console script is made for it
		for _, table := range [][]string{{"project", "scripts"}, {"tool", "poetry", "scripts"}} {
			if entry := digString(data, append(append([]string{}, table...), name)...); entry != "" {
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
		return chained(stringsOf(v)), len(v) > 0
	case map[string]any:
		text, ok := "", true
		switch {
		case v["cmd"] != nil:
			if list := stringsOf(v["cmd"]); list != nil {
				text = quoteWords(list)
			} else {
				text = digString(v, "cmd")
			}
		case v["shell"] != nil:
			text = digString(v, "shell")
		case v["call"] != nil:
			text, ok = callText(digString(v, "call"))
		case v["composite"] != nil:
			text = chained(stringsOf(v["composite"]))
		case v["chain"] != nil:
			text = chained(stringsOf(v["chain"]))
		}
		env := ""
		for _, table := range []map[string]any{digTable(shared, "env"), digTable(v, "env")} {
			for _, name := range slices.Sorted(maps.Keys(table)) {
				if value, isText := table[name].(string); isText && identifier(name) {
					env += name + "=" + quoteWords([]string{value}) + " "
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

func quoteWords(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = w
		if w == "" || strings.ContainsAny(w, " \t'\"()|&;<>*?[]#$`\\") {
			out[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(out, " ")
}

// rawWords splits at white space outside quotes and keeps the quotes.
func rawWords(text string) []string {
	var out []string
	var now strings.Builder
	quote := byte(0)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quote == 0 && (c == ' ' || c == '\t'):
			if now.Len() > 0 {
				out = append(out, now.String())
			}
			now.Reset()
			continue
		case c == '\\' && quote != '\'' && i+1 < len(text):
			now.WriteByte(c)
			i++
			c = text[i]
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case c == quote:
			quote = 0
		}
		now.WriteByte(c)
	}
	if now.Len() > 0 {
		out = append(out, now.String())
	}
	return out
}

// bare is a word without its quotes.
func bare(word string) string {
	if n := len(word); n > 1 && (word[0] == '\'' || word[0] == '"') && word[n-1] == word[0] {
		if word[0] == '"' {
			return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(word[1 : n-1])
		}
		return word[1 : n-1]
	}
	return word
}

// chain splits a line at &&, ||, ;, |, & and line ends outside quotes. ok is
// false for what only a shell can read.
func chain(text string) (parts, marks []string, ok bool) {
	quote, start := byte(0), 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && quote != '\'':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '`' || c == '(' || c == ')' || c == '{' && !strings.HasPrefix(text[max(i-1, 0):], "$"):
			return nil, nil, false
		case c == '&' && (i > 0 && (text[i-1] == '>' || text[i-1] == '<') || i+1 < len(text) && text[i+1] == '>'):
		case c == '&' || c == '|' || c == ';' || c == '\n':
			n := 1
			if i+1 < len(text) && text[i+1] == c && c != '\n' {
				n = 2
			}
			parts, marks = append(parts, text[start:i]), append(marks, text[i:i+n])
			i += n - 1
			start = i + 1
		}
	}
	return append(parts, text[start:]), marks, quote == 0
}
