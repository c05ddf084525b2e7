package python

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/python/lock"
	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/tree"
)

// houseDefaults are the minor versions to use when a project leaves the
// choice open: recent, and with wheels for nearly everything.
var houseDefaults = []string{"3.13", "3.12"}

// endOfLife is the last day of each version, from
// https://devguide.python.org/versions/ (a month stands for its last day).
var endOfLife = map[string]string{
	"2.7": "2020-01-01", "3.0": "2009-06-27", "3.1": "2012-04-09", "3.2": "2016-02-20", "3.3": "2017-09-29",
	"3.4": "2019-03-18", "3.5": "2020-09-30", "3.6": "2021-12-23", "3.7": "2023-06-27", "3.8": "2024-10-07",
	"3.9": "2025-10-31", "3.10": "2026-10-31", "3.11": "2027-10-31", "3.12": "2028-10-31",
	"3.13": "2029-10-31", "3.14": "2030-10-31", "3.15": "2031-10-31",
}

// pastEnd returns the day on which support of minor ended, if it has.
func pastEnd(minor string, today time.Time) (string, bool) {
	day, known := endOfLife[minor]
	end, err := time.Parse(time.DateOnly, day)
	if !known || err != nil || today.IsZero() {
		return "", false
	}
	return day, today.After(end.AddDate(0, 0, 1))
}

// installed is an interpreter of the machine with its version parsed.
type installed struct {
	Interpreter
	version manifest.Version
}

// interpreters are what the machine has, the newest first.
func (d *detection) interpreters() []installed {
	var out []installed
	for _, i := range d.opts.Interpreters {
		if v, ok := manifest.ParseVersion(i.Version); ok {
			out = append(out, installed{i, v})
		}
	}
	sort.SliceStable(out, func(a, b int) bool { return out[a].version.Compare(out[b].version) > 0 })
	return out
}

func (d *detection) installedList() string {
	var names []string
	for _, i := range d.interpreters() {
		names = append(names, i.Version)
	}
	return cmp.Or(strings.Join(names, ", "), "none")
}

// detectInterpreter settles which Python runs the project.
func (d *detection) detectInterpreter() {
	if d.project.Manager == "" && len(d.project.Problems) > 0 {
		return
	}
	d.misspeltVersionFiles()
	wish, stated := d.pythonWish()
	if wish.broken {
		return
	}
	required := d.requiredPython()
	for _, r := range required {
		if r.err != nil {
			d.problem(Problem{Code: "python.unreadable", Message: fmt.Sprintf("%s asks for Python %q, which is not a version specifier", r.File, r.Text),
				File: r.File, Line: r.Line, Remedy: "write it like \">=3.12\""})
			return
		}
	}
	switch {
	case stated:
		d.pinnedPython(wish, required)
	case len(required) > 0:
		d.askPins()
		d.rangedPython(required)
	default:
		d.askPins()
		d.openPython()
	}
}

// pinnedPython follows one stated version.
func (d *detection) pinnedPython(w pythonWish, required []pythonRange) {
	at := w.Evidence
	d.project.Python.Wanted, d.project.Python.Source = w.text, d.source(at)
	for _, r := range required {
		if !w.satisfies(r.set) {
			d.problem(Problem{Code: "python.conflict", Message: fmt.Sprintf("%s asks for Python %s and %s for %s", at.Where(), w.text, r.File, r.Text),
				File: at.File, Line: at.Line, Remedy: "make " + at.Where() + " and " + r.File + " agree"})
			return
		}
	}
	var chosen *installed
	list := d.interpreters()
	for i, have := range list {
		if have.version.Minor() != w.version.Minor() {
			continue
		}
		if chosen == nil || w.exact() && have.version.Compare(w.version) == 0 {
			chosen = &list[i]
		}
	}
	strict := d.config != nil && d.config.Strict
	other := chosen != nil && w.exact() && chosen.version.Compare(w.version) != 0
	if (chosen == nil || other && strict) && d.fetch(w.version.String(), at) {
		return
	}
	if chosen == nil || other && strict {
		message := fmt.Sprintf("%s asks for Python %s, which is not installed; installed here: %s", at.Where(), w.text, d.installedList())
		d.problem(Problem{Code: "python.not_installed", Message: message, File: at.File, Line: at.Line,
			Remedy: d.installedRemedy(required) + "have Python " + w.version.String() + " installed, which slipway up --fetch-python does by itself"})
		return
	}
	for _, r := range required {
		if other && !r.set.Contains(chosen.version) && d.fetch(w.version.String(), at) {
			return
		}
		if other && !r.set.Contains(chosen.version) {
			d.problem(Problem{Code: "python.not_installed", Message: fmt.Sprintf("%s asks for Python %s, which is not installed; %s, which is, does not do for %s in %s", at.Where(), w.text, chosen.Version, r.Text, r.File),
				File: at.File, Line: at.Line, Remedy: "have Python " + w.version.String() + " installed on this machine"})
			return
		}
	}
	if other {
		d.warn(Problem{Code: "python.other_patch", Message: fmt.Sprintf("%s asks for Python %s; this machine has %s, which is used", at.Where(), w.text, chosen.Version),
			File: at.File, Line: at.Line, Remedy: "write " + w.version.Minor() + " to accept any patch release, or set strict: true in slipway.yaml to refuse"})
	}
	for _, r := range required {
		if !r.set.Contains(chosen.version) {
			d.problem(Problem{Code: "python.conflict", Message: fmt.Sprintf("%s asks for Python %s, which is %s here, and %s for %s", at.Where(), w.text, chosen.Version, r.File, r.Text),
				File: at.File, Line: at.Line, Remedy: "make " + at.Where() + " and " + r.File + " agree"})
			return
		}
	}
	d.pastLife(*chosen, at)
	if limit, ok := strictest(d.pythonLimits()); ok && chosen.version.At(1) > limit.newest {
		d.tooNew(limit, at.Where()+" asks for Python "+w.text)
	}
	d.use(*chosen, Finding{File: at.File, Line: at.Line, Rule: w.rule, Rivals: w.rivals})
}

// installedRemedy is how an installed Python is taken in place of the one that is stated,
// "" when nothing that is installed will do for the project's ranges.
func (d *detection) installedRemedy(required []pythonRange) string {
	fits := slices.DeleteFunc(slices.Clone(d.living(d.interpreters())), func(i installed) bool {
		return slices.ContainsFunc(required, func(r pythonRange) bool { return !r.set.Contains(i.version) })
	})
	if len(fits) == 0 {
		return ""
	}
	best := slices.MaxFunc(fits, func(a, b installed) int { return a.version.Compare(b.version) })
	return "take one that is: slipway service set SERVICE --set python=" + best.version.Minor() + "; or "
}

func (d *detection) use(i installed, f Finding) {
	d.project.Python.Interpreter, d.project.Python.Version = i.Path, i.Version
	f.What, f.Value = "python", i.Version
	d.find(f)
}

func (d *detection) source(at tree.Evidence) string {
	if at.File == "" {
		return "override"
	}
	return fmt.Sprintf("%s:%d", d.tree.Path(at.File), at.Line)
}

// rangedPython chooses within requires-python and its kin.
func (d *detection) rangedPython(required []pythonRange) {
	first := required[0]
	d.project.Python.Wanted, d.project.Python.Source = first.Text, d.source(first.Evidence)
	var fit []installed
	for _, i := range d.interpreters() {
		ok := true
		for _, r := range required {
			ok = ok && r.set.Contains(i.version)
		}
		if ok {
			fit = append(fit, i)
		}
	}
	if len(fit) == 0 && d.fetchWithin(required) {
		return
	}
	if len(fit) == 0 {
		d.problem(Problem{Code: "python.not_installed", Message: fmt.Sprintf("%s asks for Python %s; installed here: %s", first.File, first.Text, d.installedList()),
			File: first.File, Line: first.Line, Remedy: "have such a Python installed, which slipway up --fetch-python does by itself, or widen it in " + first.File})
		return
	}
	living := d.living(fit)
	if len(living) == 0 {
		living = fit[:1]
	}
	living, limit, limited := d.within(d.withOlder(living, fit))
	chosen, by := d.prefer(living)
	rule := "python.range"
	if by == "wheels" {
		rule = "python.range.wheels"
	}
	f := Finding{File: first.File, Line: first.Line, Rule: rule}
	if limited {
		f.Rule, f.Rivals = "python.range.pins", append(f.Rivals, limit.why)
	}
	d.pastLife(chosen, first.Evidence)
	for _, i := range living {
		if i.Version != chosen.Version {
			f.Rivals = append(f.Rivals, i.Version)
		}
	}
	d.use(chosen, f)
}

// openPython chooses when nothing says.
func (d *detection) openPython() {
	living := d.living(d.interpreters())
	if len(living) == 0 {
		for _, i := range d.interpreters() {
			if i.version.At(0) == 3 && len(living) == 0 {
				living = append(living, i)
			}
		}
	}
	if len(living) == 0 {
		d.problem(Problem{Code: "python.not_installed", Message: "no supported Python is installed; installed here: " + d.installedList(),
			File: ".python-version", Remedy: "have Python " + houseDefaults[0] + " installed on this machine"})
		return
	}
	living, limit, limited := d.within(d.withOlder(living, d.interpreters()))
	chosen, by := d.prefer(living)
	d.project.Python.Source = by
	f := Finding{Rule: "python." + by, Confidence: Medium, Rivals: d.dockerEvidence()}
	if limited {
		d.project.Python.Source = d.source(limit.Evidence)
		f.Rule, f.File, f.Line, f.Rivals = "python.pins", limit.File, limit.Line, append(f.Rivals, limit.why)
	}
	d.pastLife(chosen, tree.Evidence{File: ".python-version"})
	if by == "wheels" && d.project.Lock != nil {
		f.File, f.Line = d.tree.Relative(d.project.Lock.File), 1
	}
	d.use(chosen, f)
}

func (d *detection) living(list []installed) []installed {
	var out []installed
	for _, i := range list {
		if _, over := pastEnd(i.version.Minor(), d.opts.Today); !over && i.version.At(0) == 3 {
			out = append(out, i)
		}
	}
	return out
}

// prefer takes a house default that has a wheel for every locked package,
// else the newest that has, else a house default although it must compile.
// by is "default" or "wheels".
func (d *detection) prefer(list []installed) (chosen installed, by string) {
	var order []installed
	for _, minor := range houseDefaults {
		for _, i := range list {
			if i.version.Minor() == minor {
				order = append(order, i)
			}
		}
	}
	preferred := len(order)
	order = append(order, list...)
	for n, i := range order {
		if len(lock.WithoutWheel(d.locked, i.version.At(1))) == 0 {
			if n == 0 || n == preferred && preferred == 0 || i.version.Minor() == order[0].version.Minor() {
				return i, "default"
			}
			return i, "wheels"
		}
	}
	missing := lock.WithoutWheel(d.locked, order[0].version.At(1))
	lock := ""
	if d.project.Lock != nil {
		lock = d.tree.Relative(d.project.Lock.File)
	}
	d.warn(Problem{Code: "python.no_wheels", Message: fmt.Sprintf("no installed Python has wheels for everything that is locked; on %s these are compiled: %s", order[0].Version, tree.ClipList(missing)),
		File: lock, Remedy: "lock newer versions of " + missing[0]})
	return order[0], "default"
}

// dockerEvidence names what a Dockerfile uses, which decides nothing.
func (d *detection) dockerEvidence() []string {
	out := []string{}
	for i, l := range d.tree.Lines("Dockerfile") {
		if m := dockerFrom.FindStringSubmatch(l); m != nil {
			out = append(out, fmt.Sprintf("%s at %s:%d", m[1], d.tree.Path("Dockerfile"), i+1))
		}
	}
	return out
}

// misspeltVersionFiles reports names that were meant to state the version.
func (d *detection) misspeltVersionFiles() {
	if d.tree.Exists(".python-version") || d.tree.Exists("runtime.txt") {
		return
	}
	for _, n := range d.tree.List(".") {
		right, wrong := misspeltVersionNames[n]
		if !wrong || !d.tree.Exists(n) {
			continue
		}
		d.problem(Problem{Code: "python.misspelt", Message: n + " is not read by anything: the file's name is " + right,
			File: n, Remedy: "git mv " + n + " " + path.Join(path.Dir(n), right)})
		return
	}
}

var misspeltVersionNames = map[string]string{
	".python_version": ".python-version", ".pythonversion": ".python-version", "python-version": ".python-version",
	".python-versions": ".python-version", "python_version": ".python-version", ".python-version.txt": ".python-version",
	".pyhton-version": ".python-version", ".pyton-version": ".python-version", ".py-version": ".python-version",
	"python.version": ".python-version", "python-version.txt": ".python-version", ".Python-version": ".python-version",
	".python.version": ".python-version", ".phyton-version": ".python-version", ".python-verison": ".python-version",
	"pythonversion": ".python-version", ".python-ver": ".python-version", "python_version.txt": ".python-version",
	"runtime.text": ".python-version", "runtimes.txt": ".python-version", "Runtime.txt": ".python-version",
	"runtime.tx": ".python-version", ".runtime.txt": ".python-version", "runtime.txt.txt": ".python-version",
	"runtime": ".python-version", "run_time.txt": ".python-version", "runtine.txt": ".python-version",
}
