package python

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/shell"
	"github.com/slipway-dev/slipway/python/tree"
)

// maxShell bounds how deep scripts start each other and variables hold each other,
// mostStatements how much of scripts is read, and mostWords what variables make of a
// statement: a script may have been written to keep its reader busy.
const maxShell, mostStatements, mostWords = 4, 500, 1000

// shellReader finds in shell scripts which commands serve and which migrate. It does not
// run them: of conditions all branches count, and of a function its body where it stands.
type shellReader struct {
	d      *detection
	dir    string            // where the script has gone to, below the service's directory
	values map[string]string // of variables that are written out
	seen   int

	server, development, program, worker suggestion
	migrations                           []suggestion
}

var (
	// shellPrepares are words before the command that is run in the end.
	shellPrepares = map[string]int{"exec": 0, "then": 0, "else": 0, "do": 0, "if": 0, "elif": 0, "while": 0, "until": 0, "!": 0, "time": 0, "{": 0, "command": 0, "nohup": 0, "eval": 0,
		"tini": 0, "dumb-init": 0, "catatonit": 0, "--": 0, "gosu": 1, "su-exec": 1, "env": 0, "sudo": 0, "exec_as_user": 0}
	ownPort     = regexp.MustCompile(`\$\{\w*PORT(?::?-[^{}]*)?\}|\$\w*PORT\b`)
	redirection = regexp.MustCompile(`^\d*(?:>>?|<)(?:&\d)?`)
	// migrating are commands that bring a database up to date.
	migrating = regexp.MustCompile(`\bmanage(?:\.py)? (?:-\S+ )*migrate\b|\bdjango-admin (?:-\S+ )*migrate\b|\bflask (?:\S+ )*db upgrade\b|\balembic (?:\S+ )*upgrade\b|\baerich (?:\S+ )*upgrade\b`)
)

// read looks at each command of a text, which takes the arguments for "$@". Where at has
// no line, the text is a file of its own.
func (r *shellReader) read(text string, at tree.Evidence, arguments string, depth int) {
	if depth > maxShell {
		return
	}
	for _, st := range shell.Statements(text) {
		if r.seen++; r.seen > mostStatements {
			return
		}
		where := at
		if at.Line == 0 {
			where.Line = st.Line
		}
		where.Text = st.Text
		r.statement(st.Text, where, arguments, depth)
	}
}

func (r *shellReader) statement(text string, at tree.Evidence, arguments string, depth int) {
	words := shell.Split(text)
	for len(words) > 0 {
		n, prepares := shellPrepares[path.Base(shell.Bare(words[0]))]
		if !prepares {
			break
		}
		if words = words[min(1+n, len(words)):]; len(words) > 0 && shell.Bare(words[0]) == "-u" { // sudo -u NAME
			words = words[min(2, len(words)):]
		}
	}
	if len(words) > 0 && (words[0] == "export" || words[0] == "readonly" || words[0] == "local") {
		words = words[1:]
	}
	n := prefixed(words)
	if n == len(words) { // assignments alone
		for _, w := range words {
			name, value, _ := strings.Cut(w, "=")
			if value = shell.Bare(value); !strings.ContainsAny(value, "`(") && r.values[name] == "" {
				r.values[name] = value
			}
		}
		return
	}
	program := words[n]
	words = r.given(words, arguments, 0)
	if n = prefixed(words); n >= len(words) {
		return
	}
	if words[n] != program && strings.HasPrefix(strings.Trim(program, `"`), "$") { // eval "$command", exec "$@"
		r.read(strings.Join(words, " "), at, "", depth+1)
		return
	}
	words = r.plain(words)
	if n = prefixed(words); n >= len(words) {
		return
	}
	if words[n] == "cd" {
		if len(words) > n+1 {
			r.cd(shell.Bare(words[n+1]))
		}
		return
	}
	if inner, ok := shellCommand(words[n+1:]); ok && slices.Contains([]string{"sh", "bash", "dash", "ash", "su"}, path.Base(shell.Bare(words[n]))) {
		r.read(inner, at, "", depth+1)
		return
	}
	if file, ok := r.d.startedScript(words[n:], r.dir); ok {
		from := n + 1
		if path.Base(file) != path.Base(shell.Bare(words[n])) {
			from++
		}
		content, _ := r.d.tree.Read(file)
		r.read(content, tree.Evidence{File: file}, strings.Join(words[min(from, len(words)):], " "), depth+1)
		return
	}
	r.command(words, at)
}

// given puts arguments and variables that are written out in their places. PORT and
// HOST stay, and what else is called a port is the one that is given.
func (r *shellReader) given(words []string, arguments string, depth int) []string {
	var out []string
	for _, w := range words {
		if len(out) > mostWords {
			return out
		}
		switch plain := strings.Trim(w, `"`); {
		case plain == "$@" || plain == "$*" || plain == "${@}":
			out = append(out, shell.Split(arguments)...)
		case depth < maxShell && strings.HasPrefix(plain, "$") && r.values[strings.Trim(plain, "${}")] != "" && strings.Trim(plain, "${}") != "PORT":
			out = append(out, r.given(shell.Split(r.values[strings.Trim(plain, "${}")]), arguments, depth+1)...)
		default:
			out = append(out, ownPort.ReplaceAllString(w, "$$PORT"))
		}
	}
	return out
}

// plain is a command without its redirections, and what runs it in an environment.
func (r *shellReader) plain(words []string) []string {
	var out []string
	for i := 0; i < len(words); i++ {
		if m := redirection.FindString(words[i]); m != "" {
			if m == words[i] && !strings.Contains(m, "&") {
				i++ // the file is the next word
			}
			continue
		}
		out = append(out, words[i])
	}
	n := prefixed(out)
	if n < len(out) {
		program := path.Base(shell.Bare(out[n]))
		if o := runners[program]; o != nil {
			if rest, _ := o.skip(out[n+1:]); len(rest) > 1 && shell.Bare(rest[0]) == "run" {
				if rest, options := o.skip(rest[1:]); len(rest) > 0 {
					for _, option := range options {
						if option.name == "-m" || option.name == "--module" {
							rest = append([]string{"python", "-m"}, rest...)
						}
					}
					if text, ok := r.d.managerScript(program, shell.Bare(rest[0])); ok {
						rest = shell.Split(withArguments(text, rest[1:]))
					}
					out = append(slices.Clone(out[:n]), rest...)
				}
			}
		}
	}
	if n < len(out) && path.IsAbs(shell.Bare(out[n])) && strings.HasSuffix(path.Dir(shell.Bare(out[n])), "/bin") {
		out[n] = path.Base(shell.Bare(out[n]))
	}
	return out
}

// command files a command under what it is for.
func (r *shellReader) command(words []string, at tree.Evidence) {
	n := prefixed(words)
	text := strings.Join(words, " ")
	s := suggestion{"web", string(within(r.dir, text)), at}
	bared := make([]string, len(words)-n)
	for i, w := range words[n:] {
		bared[i] = shell.Bare(w)
	}
	_, _, _, listens := listenerOf(words)
	switch {
	case migrating.MatchString(text):
		s.what = "release"
		r.migrations = append(r.migrations, s)
	case listens || serverPrograms[path.Base(bared[0])] != "":
		if developmentServer(bared, text) != "" {
			r.development = s
		} else {
			r.server = s
		}
	case strings.HasPrefix(path.Base(bared[0]), "python") && r.ownProgram(bared[1:]) || r.ownScript(bared[0]):
		r.program = s
	}
}

// ownProgram tells whether Python runs a file or a module of the project.
func (r *shellReader) ownProgram(words []string) bool {
	for len(words) > 0 && strings.HasPrefix(words[0], "-") {
		if strings.HasSuffix(words[0], "m") && len(words) > 1 {
			_, rest, ok := r.d.locateIn(path.Join(".", r.dir), words[1])
			return ok && rest == ""
		}
		words = words[1:]
	}
	return len(words) > 0 && strings.HasSuffix(words[0], ".py") && path.Base(words[0]) != "manage.py" && r.d.inTree(words[0]) != "" && len(words[0]) > 0
}

// ownScript tells whether a program is a command that installing the project makes.
func (r *shellReader) ownScript(program string) bool {
	for _, table := range [][]string{{"project", "scripts"}, {"tool", "poetry", "scripts"}} {
		if manifest.DigString(r.d.pyproject.Data, append(slices.Clone(table), program)...) != "" {
			return true
		}
	}
	return false
}

// cd follows to a directory of the tree, by the name that it has in an image.
func (r *shellReader) cd(dir string) {
	switch {
	case strings.Contains(dir, "$") || dir == "-":
	case path.IsAbs(dir):
		r.dir = ""
		for rest := strings.TrimPrefix(path.Clean(dir), "/"); rest != ""; {
			if r.d.tree.IsDir(rest) {
				r.dir = rest
				return
			}
			_, rest, _ = strings.Cut(rest, "/")
		}
	default:
		if next := path.Join(r.dir, dir); !strings.HasPrefix(next, "..") && r.d.tree.IsDir(next) {
			r.dir = strings.TrimPrefix(next, ".")
		}
	}
}

// outcome is what serves in the end, and what migrates.
func (r *shellReader) outcome() (web, migrate suggestion) {
	for _, s := range []suggestion{r.server, r.program, r.development} {
		if web.value == "" {
			web = s
		}
	}
	for _, m := range r.migrations {
		if migrate.value == "" {
			migrate = m
		} else if !strings.Contains(" && "+migrate.value+" && ", " && "+m.value+" && ") {
			migrate.value += " && " + m.value
		}
	}
	return web, migrate
}

// startedScript is the script that words start, as it lies in the tree; ok is false where
// none of that name is there, and file is "" where they start no script.
func (d *detection) startedScript(words []string, dir string) (file string, ok bool) {
	if len(words) > 1 && slices.Contains([]string{"sh", "bash", "dash", "ash", ".", "source"}, path.Base(shell.Bare(words[0]))) {
		for words = words[1:]; len(words) > 1 && strings.HasPrefix(words[0], "-"); {
			words = words[1:]
		}
		if strings.HasPrefix(words[0], "-") || activates(shell.Bare(words[0])) {
			return "", false
		}
	} else if name := shell.Bare(words[0]); !strings.Contains(name, "/") && path.Ext(name) != ".sh" && path.Ext(name) != ".bash" {
		return "", false
	}
	name := shell.Bare(words[0])
	if dir != "" && !path.IsAbs(name) && d.tree.Exists(path.Join(dir, name)) {
		name = path.Join(dir, name)
	} else if found := d.inTree(name); found != "" {
		name = found
	} else if found := d.copiedAs(name); found != "" {
		name = found
	} else if path.Ext(name) == ".sh" || path.Ext(name) == ".bash" {
		return name, false
	} else {
		return "", false
	}
	first := cmp.Or(append(d.tree.Lines(name), "")...)
	if strings.HasPrefix(first, "#!") && strings.HasSuffix(strings.Fields(first + " x")[0], "sh") || strings.HasPrefix(first, "#!") && strings.Contains(first, "env") && strings.Contains(first, "sh") ||
		!strings.HasPrefix(first, "#!") && (path.Ext(name) == ".sh" || path.Ext(name) == ".bash") {
		return name, true
	}
	return "", false
}

// copiedAs is the file of the tree that a Dockerfile copies under a name.
func (d *detection) copiedAs(name string) string {
	for _, l := range d.tree.Lines("Dockerfile") {
		words := strings.Fields(l)
		if len(words) < 3 || !strings.EqualFold(words[0], "COPY") && !strings.EqualFold(words[0], "ADD") {
			continue
		}
		sources, to := words[1:len(words)-1], words[len(words)-1]
		for _, source := range sources {
			source = strings.Trim(source, `"[],`)
			at := strings.Trim(to, `"[],`)
			if strings.HasSuffix(at, "/") || at == "." {
				at = path.Join(at, path.Base(source))
			}
			if path.Base(at) == path.Base(name) && d.tree.Exists(path.Clean(source)) && !d.tree.IsDir(path.Clean(source)) {
				return path.Clean(source)
			}
		}
	}
	return ""
}
