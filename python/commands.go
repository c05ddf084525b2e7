package python

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/shell"
	"github.com/slipway-dev/slipway/python/tree"
)

// runnable writes a command as it has to be in the release's own environment:
// what makes, finds or enters an environment is taken away, and the names of a
// manager's scripts are replaced by what they stand for. What can't be taken
// away without changing what runs is reported.
func (d *detection) runnable(c Command, at tree.Evidence) Command {
	text := strings.TrimSpace(string(c))
	r := &rewriter{d: d, at: at}
	out, ok := r.command(text, 0)
	if !ok || out == text || len(r.left) == 0 {
		return c
	}
	d.warn(Problem{Code: "command.runner", Message: strings.Join(manifest.SortedUnique(r.left), ", ") + ": the service's environment is active already, this runs: " + tree.Clip(out),
		File: at.File, Line: at.Line, Remedy: "write " + tree.Clip(out)})
	return Command(out)
}

// rewriter turns one command into what runs without its manager.
type rewriter struct {
	d    *detection
	at   tree.Evidence
	left []string // sentences about what was taken away
}

func (r *rewriter) leave(what string) { r.left = append(r.left, "\""+what+"\" is left out") }

// maxScripts bounds how deep scripts of a manager may name each other.
const maxScripts = 5

// command rewrites each part of a chain.
func (r *rewriter) command(text string, depth int) (string, bool) {
	parts, marks, ok := shell.Chain(text)
	if !ok || depth > maxScripts {
		return text, false
	}
	var out strings.Builder
	for i, part := range parts {
		rewritten, keep := r.simple(shell.Split(part), depth)
		if !keep && i < len(parts)-1 {
			continue // with the mark after it
		}
		out.WriteString(rewritten)
		if i < len(marks) {
			if marks[i] == "\n" || marks[i] == ";" {
				out.WriteString(marks[i] + " ")
			} else {
				out.WriteString(" " + marks[i] + " ")
			}
		}
	}
	if strings.TrimSpace(out.String()) == "" {
		return text, false
	}
	return strings.TrimSpace(out.String()), true
}

// simple rewrites one command without operators. keep is false when nothing
// is left of it.
func (r *rewriter) simple(words []string, depth int) (text string, keep bool) {
	for range 10 {
		n := prefixed(words)
		if n >= len(words) {
			break
		}
		next, again := r.step(words[:n:n], words[n:], depth)
		if words = next; !again {
			break
		}
	}
	return strings.Join(words, " "), len(words) > 0
}

// prefixed counts what stands before the program: exec and NAME=value.
func prefixed(words []string) int {
	n := 0
	for n < len(words) {
		name, _, assigns := strings.Cut(words[n], "=")
		if words[n] != "exec" && !(assigns && shell.Identifier(name)) {
			break
		}
		n++
	}
	return n
}

// step takes one wrapper away. again says that there may be another.
func (r *rewriter) step(prefix, words []string, depth int) (out []string, again bool) {
	head := shell.Bare(words[0])
	rest := words[1:]
	switch program := path.Base(head); {
	case (head == "source" || head == ".") && len(rest) == 1 && activates(shell.Bare(rest[0])):
		r.leave(strings.Join(words, " "))
		return prefix, false
	case inVenv(head):
		r.leave(path.Dir(head) + "/")
		return append(append(prefix, program), rest...), true
	case program == "bash" || program == "sh":
		inner, ok := shellCommand(rest)
		if !ok || len(prefix) > 0 {
			break
		}
		rewritten, fine := r.command(inner, depth+1)
		if !fine || strings.Contains(inner, "[[") {
			break
		}
		r.leave(program + " -c")
		return []string{rewritten}, false
	case program == "uvx" || program == "pipx" && len(rest) > 1 && shell.Bare(rest[0]) == "run" || program == "uv" && len(rest) > 1 && shell.Bare(rest[0]) == "tool" && shell.Bare(rest[1]) == "run":
		return r.toolRun(prefix, words, program)
	case runners[program] != nil:
		return r.managed(program, prefix, words, depth)
	}
	return append(prefix, words...), false
}

// toolRun is a tool that its runner would put in an environment of its own.
func (r *rewriter) toolRun(prefix, words []string, program string) ([]string, bool) {
	rest := words[1:]
	if program == "uv" {
		rest = rest[2:]
	} else if program == "pipx" {
		rest = rest[1:]
	}
	for len(rest) > 0 && strings.HasPrefix(rest[0], "-") {
		value := !strings.Contains(rest[0], "=") && (rest[0] == "--from" || rest[0] == "--with" || rest[0] == "--python" || rest[0] == "-p")
		rest = rest[1:]
		if value && len(rest) > 0 {
			rest = rest[1:]
		}
	}
	if len(rest) == 0 {
		return append(prefix, words...), false
	}
	tool, _, _ := strings.Cut(shell.Bare(rest[0]), "@")
	name := serverDistribution(tool)
	if serverPrograms[tool] == "" && !r.d.installs(name) {
		r.d.problem(Problem{Code: "command.tool", Message: r.at.Where() + " runs " + tool + " by " + program + ", which would install it while the service starts",
			File: r.at.File, Line: r.at.Line, Remedy: "add " + name + " to the dependencies in " + cmp.Or(r.d.firstManifest(), "requirements.txt") + " and write " + tool + " alone"})
		return append(prefix, words...), false
	}
	r.leave(strings.Join(words[:len(words)-len(rest)], " "))
	return append(append(prefix, tool), rest[1:]...), true
}

// serverDistribution is the package that has a program.
func serverDistribution(program string) string {
	if s := serverPrograms[program]; s != "" {
		return s
	}
	return manifest.Normalize(program)
}

// managed takes "poetry run" and its like away.
func (r *rewriter) managed(program string, prefix, words []string, depth int) ([]string, bool) {
	keep := append(append([]string{}, prefix...), words...)
	o := runners[program]
	rest, before := o.skip(words[1:])
	if len(rest) == 0 || shell.Bare(rest[0]) != "run" {
		return keep, false
	}
	rest, options := o.skip(rest[1:])
	if len(rest) == 0 {
		return keep, false
	}
	options = append(before, options...)
	module := false
	for _, opt := range options {
		if !r.option(program, opt, &module) {
			return keep, false
		}
	}
	r.leave(program + " run")
	if module {
		return append(append(prefix, "python", "-m"), rest...), false
	}
	name := shell.Bare(rest[0])
	if expanded, ok := r.d.managerScript(program, name); ok {
		r.left = append(r.left, program+"'s script "+name+" is written out")
		text, fine := r.command(withArguments(expanded, rest[1:]), depth+1)
		if fine {
			return append(prefix, text), false
		}
	}
	if strings.HasSuffix(name, ".py") && (program == "uv" || program == "pdm") {
		return append(append(prefix, "python"), rest...), false
	}
	return append(prefix, rest...), true
}

// option judges one option of "NAME run". It returns false when the command
// can't run without it.
func (r *rewriter) option(program string, opt runOption, module *bool) bool {
	d := r.d
	refuse := func(code, message, remedy string) bool {
		d.problem(Problem{Code: code, Message: r.at.Where() + " " + message, File: r.at.File, Line: r.at.Line, Remedy: remedy})
		return false
	}
	switch opt.name {
	case "-m", "--module":
		*module = true
	case "--with", "--with-editable", "--with-requirements":
		dep, _ := manifest.ParseRequirement(opt.value)
		if dep.Name != "" && d.installs(dep.Name) {
			return true
		}
		return refuse("command.with", "installs "+opt.value+" for one command ("+opt.name+"), which a release can't",
			"add "+opt.value+" to the dependencies in "+cmp.Or(d.firstManifest(), "pyproject.toml")+" and take "+opt.name+" away")
	case "--extra", "--group", "--only-group":
		d.needs(opt.name == "--extra", opt.value)
	case "--all-extras":
		for _, e := range slices.Sorted(maps.Keys(d.deps.Extras)) {
			d.needs(true, e)
		}
	case "--all-groups":
		for _, g := range slices.Sorted(maps.Keys(d.deps.Groups)) {
			d.needs(false, g)
		}
	case "--env-file":
		d.warn(Problem{Code: "command.env_file", Message: r.at.Where() + " reads variables from " + opt.value + ", which Slipway leaves to its configuration",
			File: r.at.File, Line: r.at.Line, Remedy: "set them with slipway config set, or under env: in " + d.configFile()})
	case "--directory", "-C", "--chdir":
		if path.Clean(opt.value) != "." {
			return refuse("command.directory", "runs in "+opt.value+" ("+opt.name+")", "write \"cd "+opt.value+" && exec ...\" in its place")
		}
	}
	return true
}

// needs adds a group or an extra that a stated command asks for to what
// production installs.
func (d *detection) needs(extra bool, name string) {
	list, known, what := &d.project.Install.Groups, d.deps.Groups, "group"
	if extra {
		list, known, what = &d.project.Install.Extras, d.deps.Extras, "extra"
	}
	deps, ok := known[manifest.Normalize(name)]
	if !ok || slices.Contains(*list, name) {
		return
	}
	*list = append(*list, name)
	d.deps.Production = append(d.deps.Production, deps...)
	d.find(Finding{What: what, Value: name, File: cmp.Or(d.firstManifest(), "."), Rule: "install." + what + ".command"})
}

func activates(file string) bool {
	return path.Base(file) == "activate" && path.Base(path.Dir(file)) == "bin"
}

// inVenv says that a program is named by its place in an environment that
// developers or images have.
func inVenv(program string) bool {
	dir := path.Dir(program)
	if path.Base(dir) != "bin" || dir == "bin" {
		return false
	}
	home := path.Base(path.Dir(dir))
	return strings.Contains(home, "venv") || home == "env" || home == "virtualenv" || home == "$VIRTUAL_ENV" || home == "${VIRTUAL_ENV}"
}

// shellCommand is CODE of "-c CODE", whatever options stand before it.
func shellCommand(words []string) (string, bool) {
	for i, w := range words {
		if !strings.HasPrefix(w, "-") {
			if i > 0 && words[i-1] == "-o" {
				continue
			}
			return "", false
		}
		if strings.HasSuffix(w, "c") && !strings.HasPrefix(w, "--") && i == len(words)-2 {
			inner := shell.Bare(words[i+1])
			return inner, !strings.ContainsAny(inner, "`") && inner != ""
		}
	}
	return "", false
}
