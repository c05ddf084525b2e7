package python

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway"
)

// Names of the trials of a rehearsal.
const (
	trialImport     = "import"
	trialDjango     = "django check"
	trialMigrations = "migrations"
)

// planTrials settles what a rehearsal runs: nothing that changes anything.
func (d *detection) planTrials() {
	app := d.project.Application
	if code, args, ok := d.project.ImportCheck(); ok {
		args[len(args)-1] = d.gunicornSettings()
		d.trial(trialImport, app.Dir, true, append([]string{"python", "-c", code}, args...)...)
	}
	root := slipway.SourcePath(d.tree.Dir)
	if f := d.django(); f.manage != "" {
		manage, root := []string{"python", "manage.py"}, slipway.SourcePath(path.Join(d.tree.Dir, path.Dir(f.manage)))
		if f.manageConfig != f.settings && f.settings != "" && !d.statedSettings() {
			manage = append([]string{"env", "DJANGO_SETTINGS_MODULE=" + f.settings}, manage...)
		}
		d.trial(trialDjango, root, false, append(manage, "check", "--deploy", "--no-color")...)
		if strings.Contains(string(d.project.ReleaseCommand), "migrate") {
			d.trial(trialMigrations, root, false, append(manage, "showmigrations", "--plan", "--no-color")...)
		}
		return
	}
	line, err := d.project.ReleaseCommand.Parse()
	if err != nil {
		return
	}
	words, given := line.Words(), []string(nil)
	if line.Script { // the migration may stand at its end
		words = strings.Fields(string(d.project.ReleaseCommand))
	} else if len(line.Env) > 0 {
		given = []string{"env"}
		for _, w := range line.Env {
			given = append(given, w.String())
		}
	}
	if line.Dir != "" && !path.IsAbs(line.Dir) {
		root = slipway.SourcePath(path.Join(d.tree.Dir, line.Dir))
	}
	for i := 0; i+1 < len(words); i++ {
		switch {
		case words[i] == "alembic" && words[len(words)-2] == "upgrade":
			d.trial(trialMigrations, root, false, slices.Concat(given, words[i:len(words)-2], pendingRevisions)...)
			return
		case words[i] == "flask" && words[len(words)-2] == "db" && words[len(words)-1] == "upgrade":
			d.trial(trialMigrations, root, false, slices.Concat(given, words[i:len(words)-1], pendingRevisions)...)
			return
		}
	}
}

// pendingRevisions has alembic list what is from the revision that the schema is at to
// the newest, and mark that one. Where none is applied it lists all and marks none.
var pendingRevisions = []string{"history", "--rev-range", "current:", "--indicate-current"}

// gunicornSettings is the file of settings that gunicorn reads where the web process
// starts it, as it is named from the application's directory; "" for none, and for one
// that is read with variables, or from a directory, that its trial wouldn't have.
func (d *detection) gunicornSettings() string {
	line, err := d.project.Processes["web"].Parse()
	if err != nil || line.Script || len(line.Env) > 0 || line.Dir != "" && path.Join(d.tree.Dir, line.Dir) != string(d.project.Application.Dir) {
		return ""
	}
	words := line.Words()
	sets := func(w string) bool { return w == "-e" || strings.HasPrefix(w, "--env") }
	if len(words) == 0 || path.Base(words[0]) != "gunicorn" || slices.ContainsFunc(words, sets) {
		return ""
	}
	file := path.Join(line.Dir, d.settingsOf(words))
	if !d.tree.Exists(file) || !strings.HasSuffix(file, ".py") {
		return ""
	}
	return below(d.tree.Below(d.project.Application.Dir), file)
}

func (d *detection) trial(name string, dir slipway.SourcePath, answers bool, args ...string) {
	d.project.Trials = append(d.project.Trials, slipway.Trial{Name: name, Dir: dir, Args: args, Answers: answers})
}

// Harmless tells whether a trial can be run with placeholders for secrets: it only
// reads settings. The others ask a database, or judge the secrets.
func Harmless(t slipway.Trial) bool { return t.Name == trialImport }

// JudgeTrial says what a trial's end means.
func JudgeTrial(r slipway.TrialResult) slipway.Rehearsed {
	said := slipway.Rehearsed{Check: r.Name, State: slipway.Ready}
	if r.TimedOut {
		said.State, said.Text = slipway.Unready, fmt.Sprintf("did not end within %s", r.Took.Round(1e9))
		if r.Name != trialImport {
			said.State = slipway.Unsure
		}
		return said
	}
	switch r.Name {
	case trialImport:
		judgeImport(&said, r)
	case trialDjango:
		judgeDjango(&said, r)
	case trialMigrations:
		judgeMigrations(&said, r)
	default:
		if r.Exit != 0 {
			said.State, said.Text = slipway.Unready, lastLine(r.Output)
		}
	}
	return said
}

func judgeImport(said *slipway.Rehearsed, r slipway.TrialResult) {
	told, err := ReadImportResult([]byte(r.Answer))
	switch {
	case err != nil:
		said.State, said.Text = slipway.Unready, "importing the application ended the process: "+lastLine(r.Output)
	case told.OK:
		said.Text = fmt.Sprintf("the application was imported with this config, in %.1f s", r.Took.Seconds())
	default:
		said.State, said.Text = slipway.Unready, strings.TrimSpace(told.ErrorType+": "+told.Error)
		if told.Line != "" {
			said.Text = told.Line + ": " + said.Text
		}
		if variables := told.traced(slipway.Give); variables != "" {
			said.Text += "; " + variables
		}
	}
}

// djangoIssue is a line such as "?: (security.W004) You have not set a value ...", and
// the hint below it. Applications have checks of their own, under dotted names.
var djangoIssue = regexp.MustCompile(`(?m)^\S.*: \(([\w.-]+\.([EWCI])\d+)\) (.*)$(?:\n\s+HINT: (.*))?`)

// redirectAdvice asks for SECURE_SSL_REDIRECT. Who follows it has every request
// answered with a redirect to https, which the edge doesn't serve.
const redirectAdvice = "security.W008"

func judgeDjango(said *slipway.Rehearsed, r slipway.TrialResult) {
	var lines, faults []string
	for _, m := range djangoIssue.FindAllStringSubmatch(r.Output, 20) {
		if m[1] == redirectAdvice {
			continue
		}
		if m[2] == "E" || m[2] == "C" {
			fault := m[1] + ": " + firstSentence(m[3])
			if m[4] != "" {
				fault += " (" + m[4] + ")"
			}
			faults = append(faults, fault)
		}
		lines = append(lines, m[1]+": "+firstSentence(m[3]))
	}
	if r.Exit != 0 && len(faults) > 0 { // what it ends by; the rest is advice
		lines = faults
	}
	switch {
	case r.Exit != 0 && len(lines) == 0:
		lines = []string{lastLine(r.Output)}
		fallthrough
	case r.Exit != 0:
		said.State = slipway.Unready
	case len(lines) > 0:
		said.State = slipway.Unsure
	default:
		lines = []string{"manage.py check --deploy has nothing to say"}
	}
	said.Text = strings.Join(lines, "\n")
}

// alembicRevision is a line such as "1a2b -> 3c4d (head) (current), add a price".
var alembicRevision = regexp.MustCompile(`^(?:<base>|[\w, ]+) -> (\w+)((?: \([^)]*\))*),(.*)$`)

func judgeMigrations(said *slipway.Rehearsed, r slipway.TrialResult) {
	if r.Exit != 0 {
		said.State, said.Text = slipway.Unsure, "the schema could not be asked: "+lastLine(r.Output)
		return
	}
	var open []string
	django, alembic := false, false
	for line := range strings.Lines(r.Output) {
		line = strings.TrimSpace(line)
		django = django || strings.HasPrefix(line, "[")
		if name, pending := strings.CutPrefix(line, "[ ]"); pending {
			open = append(open, strings.TrimSpace(name))
		}
		if m := alembicRevision.FindStringSubmatch(line); m != nil {
			alembic = true
			if !strings.Contains(m[2], "(current)") { // the newest stands first
				open = slices.Insert(open, 0, strings.TrimSpace(m[1]+" "+strings.TrimSpace(m[3])))
			}
		}
	}
	switch {
	case len(open) > 0:
		said.Text = fmt.Sprintf("%d to apply: %s", len(open), strings.Join(open[:min(len(open), 20)], ", "))
	case django, alembic:
		said.Text = "the schema has all of them"
	case strings.TrimSpace(r.Output) == "":
		said.Text = "none is applied yet"
	default:
		said.Text = "the schema is at " + lastLine(r.Output)
	}
}

// lastLine is the last line with something in it, which is where tools say why.
func lastLine(output string) string {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	line := strings.TrimSpace(lines[len(lines)-1])
	if line == "" {
		return "it printed nothing"
	}
	if len(line) > 300 {
		line = strings.ToValidUTF8(line[:300], "") + " ..."
	}
	return line
}

func firstSentence(text string) string {
	if i := strings.Index(text, ". "); i > 0 {
		return text[:i+1]
	}
	return text
}
