package python

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/python/lock"
	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/shell"
	"github.com/slipway-dev/slipway/python/tree"
)

// hostTools may be installed on the machine that runs the service, and then
// are another version on each.
var hostTools = map[string]bool{"docker": true, "docker-compose": true, "npm": true, "yarn": true, "supervisord": true, "nginx": true}

// foreignTools are programs that no release's environment has, with what a
// command gets in their place.
var foreignTools = map[string]string{
	"poetry": "write the command after \"poetry run\" alone", "pipenv": "write the command after \"pipenv run\" alone",
	"pdm": "write the command after \"pdm run\" alone", "uv": "write the command after \"uv run\" alone", "uvx": "add the tool to the dependencies",
	"rye": "write the command after \"rye run\" alone", "hatch": "write the command after \"hatch run\" alone", "pipx": "add the tool to the dependencies",
	"conda": "list the packages in requirements.txt or pyproject.toml", "pixi": "list the packages in requirements.txt or pyproject.toml",
	"docker": "name the program that the image starts", "docker-compose": "name the program that the image starts",
	"npm": "commit what it builds, and start the Python program alone", "yarn": "commit what it builds, and start the Python program alone",
	"supervisord": "state each of its programs as a process of its own", "nginx": "delete it: Slipway's edge stands before the service",
}

// checkTools says at detection what a command, or a script of the repository
// that it starts, calls and no environment has.
func (d *detection) checkTools(name string, c Command, at tree.Evidence) {
	if d.broken("command.") {
		return // it has been refused
	}
	d.checkFlask(name, c, at)
	d.callsTools(name, string(c), at, 0)
}

func (d *detection) callsTools(name, text string, at tree.Evidence, line int) {
	parts, _, ok := shell.Chain(text)
	if !ok {
		return
	}
	dir := ""
	for _, part := range parts {
		words := shell.Split(part)
		words = words[prefixed(words):]
		for len(words) > 1 && shell.Keywords[words[0]] && words[0] != "cd" && words[0] != "." && words[0] != "source" {
			words = words[1:]
		}
		if len(words) == 0 {
			continue
		}
		if words[0] == "cd" && len(words) > 1 {
			dir = path.Join(dir, shell.Bare(words[1]))
		}
		program := path.Base(shell.Bare(words[0]))
		remedy, missing := foreignTools[program]
		if missing && !d.installs(serverDistribution(program)) && !(program == "supervisord" && d.installs("supervisor")) {
			where := tree.Evidence{File: at.File, Line: at.Line}
			if line > 0 {
				where.Line = line
			}
			p := Problem{Code: "command.missing_tool", Message: where.Where() + ", " + name + ": it calls " + program + ", which is not in the service's environment",
				File: where.File, Line: where.Line, Remedy: remedy}
			if hostTools[program] {
				d.warn(p)
			} else {
				d.problem(p)
			}
			return
		}
		if line == 0 {
			d.scriptTools(name, dir, words)
		}
	}
}

// scriptTools reads the shell script that a command starts.
func (d *detection) scriptTools(name, dir string, words []string) {
	if len(words) > 1 && slices.Contains([]string{"sh", "bash", "dash", "ash"}, path.Base(words[0])) && !strings.HasPrefix(words[1], "-") {
		words = words[1:]
	}
	file := shell.Bare(words[0])
	if !path.IsAbs(file) {
		file = path.Join(dir, file)
	}
	if strings.HasPrefix(file, "/") || strings.HasPrefix(file, "..") || !strings.HasSuffix(file, ".sh") && !strings.HasPrefix(strings.Join(d.tree.Lines(file), "\n"), "#!/") || !d.tree.Exists(file) {
		return
	}
	if first := cmp.Or(append(d.tree.Lines(file), "")...); strings.HasPrefix(first, "#!") && !strings.HasSuffix(strings.TrimSpace(first), "sh") {
		return
	}
	for i, l := range d.tree.Lines(file) {
		if l = strings.TrimSpace(l); l == "" || strings.HasPrefix(l, "#") {
			continue
		}
		before := len(d.project.Problems) + len(d.project.Warnings)
		d.callsTools(name, l, tree.Evidence{File: file, Line: i + 1}, i+1)
		if len(d.project.Problems)+len(d.project.Warnings) > before {
			return
		}
	}
}

// olderFlask says that the project holds a Flask whose flask command has no
// --app: it came with 2.2.
func (d *detection) olderFlask() bool { return d.holdsOlder("flask", 2, 2) }

// holdsOlder says that the project holds a package to a version before a release.
func (d *detection) holdsOlder(name string, release ...int) bool {
	versions := lock.Versions(d.locked)[name]
	if dep, ok := d.deps.Get(name); ok && len(versions) == 0 {
		if v, pinned := dep.Pinned(); pinned {
			versions = []string{v}
		}
	}
	for _, text := range versions {
		v, ok := manifest.ParseVersion(text)
		return ok && v.Compare(manifest.Version{Release: release, Post: -1, Dev: -1}) < 0
	}
	return false
}

func (d *detection) checkFlask(name string, c Command, at tree.Evidence) {
	line, err := c.Parse()
	if words := line.Words(); err == nil && len(words) > 2 && path.Base(words[0]) == "flask" && (words[1] == "--app" || words[1] == "-A") && d.olderFlask() {
		d.problem(Problem{Code: "command.flask_app", Message: at.Where() + ", " + name + ": flask --app came with Flask 2.2, and the project has an older one",
			File: at.File, Line: at.Line, Remedy: "write FLASK_APP=" + words[2] + " flask " + strings.Join(words[3:], " ")})
	}
}
