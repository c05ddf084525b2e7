package python

import (
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/python/shell"
	"github.com/slipway-dev/slipway/python/tree"
)

var dockerHealthPath = regexp.MustCompile(`https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0)(?::[^/\s"']+)?(/[^\s"'|&;)\\]*)`)

// dockerSuggestions reads the last CMD, ENTRYPOINT and HEALTHCHECK of a Dockerfile.
func (d *detection) dockerSuggestions() []suggestion {
	var cmd, entry, health suggestion
	logical, start := "", 0
	for i, l := range d.tree.Lines("Dockerfile") {
		if logical == "" {
			start = i + 1
		}
		trimmed := strings.TrimSpace(l)
		if strings.HasPrefix(trimmed, "#") {
			continue
		}
		if body, more := strings.CutSuffix(trimmed, "\\"); more {
			logical += body + " "
			continue
		}
		logical += trimmed
		word, rest, _ := strings.Cut(logical, " ")
		rest = strings.TrimSpace(rest)
		switch strings.ToUpper(word) {
		case "FROM":
			cmd, entry, health = suggestion{}, suggestion{}, suggestion{}
		case "CMD":
			cmd = suggestion{"web", dockerCommand(rest), tree.Evidence{File: "Dockerfile", Line: start, Text: logical}}
		case "ENTRYPOINT":
			entry = suggestion{"web", dockerCommand(rest), tree.Evidence{File: "Dockerfile", Line: start, Text: logical}}
		case "HEALTHCHECK":
			if m := dockerHealthPath.FindStringSubmatch(rest); m != nil {
				health = suggestion{"health", m[1], tree.Evidence{File: "Dockerfile", Line: start, Text: logical}}
			}
		}
		logical = ""
	}
	cmd = started(entry, cmd)
	var out []suggestion
	for _, s := range []suggestion{cmd, health} {
		if s.value != "" {
			out = append(out, s)
		}
	}
	return out
}

// started is what an image starts: ENTRYPOINT with CMD as its arguments, or CMD alone
// after an init that only prepares.
func started(entry, cmd suggestion) suggestion {
	line, err := Command(entry.value).Parse()
	if entry.value == "" || err != nil || len(line.Args) == 0 {
		return firstSuggestion(cmd, entry)
	}
	words := shell.Split(entry.value)
	for len(words) > 0 && slices.Contains([]string{"tini", "dumb-init", "catatonit", "env", "--", "-g"}, path.Base(shell.Bare(words[0]))) {
		words = words[1:]
	}
	if len(words) == 0 {
		return cmd
	}
	entry.value = strings.Join(words, " ")
	if cmd.value == "" || !strings.HasPrefix(strings.TrimSpace(strings.TrimPrefix(entry.Text, "ENTRYPOINT")), "[") && !strings.HasSuffix(shell.Bare(words[0]), ".sh") {
		return entry // the shell form takes no arguments
	}
	entry.value += " " + cmd.value
	return entry
}

func firstSuggestion(a, b suggestion) suggestion {
	if a.value != "" {
		return a
	}
	return b
}

// dockerCommand turns the JSON form of CMD into a command line.
func dockerCommand(s string) string {
	var words []string
	if json.Unmarshal([]byte(s), &words) != nil {
		return s
	}
	if len(words) == 3 && (words[0] == "sh" || words[0] == "/bin/sh" || words[0] == "bash") && words[1] == "-c" {
		return words[2]
	}
	for i, w := range words {
		if strings.ContainsAny(w, " \t'\"()|&;<>*?[]#$`\\") {
			words[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}

// throughScripts replaces what other platforms' files start by what is started in the end: a
// chain, and a script of the repository, by the last server's command in it, with what
// migrates before that as the release command. What has no server that is known stays
// as it is.
func (d *detection) throughScripts(list []suggestion) []suggestion {
	var out []suggestion
	for _, s := range list {
		if s.what != "web" {
			out = append(out, s)
			continue
		}
		r := shellReader{d: d, values: map[string]string{}}
		r.read(s.value, s.Evidence, "", 0)
		web, migrate := r.outcome()
		if web.value == "" {
			out = append(out, s)
			continue
		}
		if out = append(out, web); migrate.value != "" {
			out = append(out, migrate)
		}
	}
	return out
}

// unreadImage says in a sentence that what an image starts was not understood, where
// nobody has said what web runs: it may do more than that.
func (d *detection) unreadImage() {
	at := d.evidenceOf("web")
	if at.File == "" || strings.HasPrefix(at.File, "Procfile") || d.config != nil && d.config.Processes["web"].Command != "" {
		return
	}
	for _, s := range d.suggestions() {
		words := shell.Split(s.value)
		if s.what != "web" || s.File != "Dockerfile" || len(words) == 0 {
			continue
		}
		file, script := d.startedScript(words, "")
		const besides = "; what it does besides serving is not done here"
		web := tree.Clip(string(d.project.Processes["web"]))
		remedy := "if that is not what it serves by, " + d.stating("processes.web", "...") + ", and what has to run before it with release_command"
		switch {
		case script:
			d.warn(Problem{Code: "image.script", Message: "the image starts " + file + ", in which Slipway sees no server that it knows, and web is taken from the code: " + web + besides, File: file, Line: 1, Remedy: remedy})
		case file != "":
			d.warn(Problem{Code: "image.script", Message: "the image starts " + file + ", which isn't in the repository, and web is taken from the code: " + web + besides, File: s.File, Line: s.Line, Remedy: remedy})
		case foreignTools[path.Base(shell.Bare(words[0]))] != "" && developmentTool(s.value) == "":
			d.warn(Problem{Code: "image.script", Message: "the image starts " + path.Base(shell.Bare(words[0])) + ", whose programs Slipway doesn't read, and web is taken from the code: " + web, File: s.File, Line: s.Line,
				Remedy: "state each other program of it as a process of its own: " + d.stating("processes.worker", "...")})
		}
	}
}
