package service

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/python"
	"github.com/slipway-dev/slipway/python/stated"
	"github.com/slipway-dev/slipway/store"
	"github.com/slipway-dev/slipway/web/shell"
	"github.com/slipway-dev/slipway/web/words"
)

// answered are the questions that the form always asks, found or not, by the
// key of slipway.yaml that answers them.
var answered = []string{"manager", "python", "framework", "application", "server", "processes.web.command", "release_command", "test.command", "health.path"}

// needed are the keys that solve a problem of detection, by its code.
var needed = map[string]string{
	"web.none": "processes.web.command", "app.ambiguous": "application", "app.missing": "application", "app.interface": "server",
	"server.interface": "server", "release.ambiguous": "release_command", "root.ambiguous": "root", "root.missing": "root",
	"python.not_installed": "python", "python.unreadable": "python", "python.end_of_life": "python",
}

// overridesView is what was found, as a form in which each finding can be changed.
type overridesView struct {
	Overrides slipway.Overrides // that the findings are of
	Found     *catalog.Detection
	Typed     map[string]string // by key, where it was refused
	Rest      string            // what no field asks for, as YAML
	Errs      map[string]string // by key; "" for what belongs to no field
	Process   [2]string         // the name and the command of one more
	May       bool              // change them
}

// overrideRow is one question of the form.
type overrideRow struct {
	Key     string // "" for what can't be changed here
	Name    string
	Value   string
	Found   string // what was detected; the same text typed is no override
	Finding *python.Finding
	Fixed   bool   // slipway.yaml says it
	Needed  bool   // a problem asks for it
	Hint    string // what to type
	Err     string
}

// readOverrides reads the form that overridesView becomes. A field that holds
// what was found says nothing.
func readOverrides(c *shell.Call) (slipway.Overrides, overridesView, error) {
	v := overridesView{Typed: map[string]string{}, Errs: map[string]string{}, Rest: c.R.PostForm.Get("overrides"), Process: [2]string{c.Form("process_name"), c.Form("process_command")}, May: true}
	set := map[string]string{}
	for name := range c.R.PostForm {
		key, ok := strings.CutPrefix(name, "set.")
		if !ok {
			continue
		}
		value := c.Form(name)
		v.Typed[key] = value
		if value != "" && value != c.Form("found."+key) {
			set[key] = value
		}
	}
	switch name, command := v.Process[0], v.Process[1]; {
	case name != "" && command != "":
		set["processes."+name+".command"] = command
	case name+command != "":
		v.Errs["process"] = "Give both: what it is called, and how it starts."
		return "", v, slipway.Errorf(slipway.Invalid, "one more process takes a name and a command").At("overrides")
	}
	o, err := stated.ReadOverrides(v.Rest, set)
	if err == nil {
		return o, overridesView{Overrides: o, May: true}, nil
	}
	v.refused(err)
	return "", v, err
}

// refused takes over what is wrong with which key.
func (v *overridesView) refused(err error) {
	var e *slipway.Error
	if !errors.As(err, &e) {
		return
	}
	for _, e := range append([]*slipway.Error{e}, e.More...) {
		key, _ := strings.CutPrefix(strings.TrimPrefix(e.Field, "overrides"), "/")
		key = strings.NewReplacer("~1", "/", "~0", "~", "/", ".").Replace(key)
		for _, row := range v.rows() {
			if row.Key != "" && strings.HasPrefix(row.Key, key+".") && v.Typed[row.Key] != "" {
				key = row.Key // processes.web is asked for as its command
			}
		}
		if _, ok := v.Typed[key]; !ok {
			key = ""
		}
		v.Errs[key] = strings.TrimSpace(v.Errs[key] + " " + shell.Sentence(e))
	}
}

// rest is what no field asks for, as YAML.
func (v overridesView) rest() string {
	if v.Rest != "" || len(v.Errs) > 0 {
		return v.Rest
	}
	var keys []string
	for _, row := range v.rows() {
		if row.Key != "" && !row.Fixed {
			keys = append(keys, row.Key)
		}
	}
	text, err := stated.OverridesYAML(v.Overrides, keys...)
	if err != nil {
		return string(v.Overrides)
	}
	return text
}

// looked tells whether there is something to say of the answers: the repository
// was looked at, or one of them is at fault.
func (v overridesView) looked() bool { return v.Found != nil || len(v.Errs) > 0 }

// rows are the questions: those of every service, its processes, and what else
// was found.
func (v overridesView) rows() []overrideRow {
	values := stated.OverrideValues(v.Overrides)
	var found []python.Finding
	keys := slices.Clone(answered)
	if v.Found != nil {
		found = v.Found.Project.Findings
		for _, p := range v.Found.Project.Problems {
			keys = asked(keys, needed[p.Code])
		}
	}
	for _, f := range found {
		keys = asked(keys, f.Key())
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if strings.HasPrefix(key, "processes.") && strings.HasSuffix(key, ".command") {
			keys = asked(keys, key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(v.Typed)) {
		keys = asked(keys, key)
	}
	var rows []overrideRow
	for _, key := range keys {
		rows = append(rows, v.row(key, values[key], found))
	}
	for i, f := range found {
		if f.Key() == "" {
			rows = append(rows, overrideRow{Name: findingWord(f.What), Value: f.Value, Finding: &found[i]})
		}
	}
	return rows
}

func asked(keys []string, key string) []string {
	if key == "" || slices.Contains(keys, key) {
		return keys
	}
	if i := slices.Index(keys, "processes.web.command"); strings.HasPrefix(key, "processes.") && i >= 0 {
		return slices.Insert(keys, i+1, key)
	}
	return append(keys, key)
}

func (v overridesView) row(key, value string, found []python.Finding) overrideRow {
	row := overrideRow{Key: key, Name: keyWord(key), Value: value, Hint: hints[key], Err: v.Errs[key]}
	if i := slices.IndexFunc(found, func(f python.Finding) bool { return f.Key() == key }); i >= 0 {
		f := found[i]
		row.Finding, row.Fixed = &found[i], strings.Contains(f.Rule, ".config")
		switch {
		case row.Fixed:
			row.Value = f.Value
		case f.Overridden():
		case f.What == "test" && f.Value == "none", f.What == "health" && f.Value == "tcp":
		default:
			row.Value, row.Found = f.Value, f.Value
		}
	}
	if typed, ok := v.Typed[key]; ok && !row.Fixed {
		row.Value = typed
	}
	if v.Found != nil {
		row.Needed = slices.ContainsFunc(v.Found.Project.Problems, func(p python.Problem) bool { return needed[p.Code] == key })
	}
	return row
}

// hints are what a value looks like, by key.
var hints = map[string]string{
	"python": "3.13", "application": "module:object",
	"processes.web.command": "gunicorn app:app", "release_command": "python manage.py migrate", "test.command": "python -m pytest", "health.path": "/healthz", "root": "the service's directory",
}

// choices are the values that an answer may have, with the one that it has; nil
// when it is free text.
func (row overrideRow) choices() []string {
	list := stated.Choices(row.Key)
	if list != nil && row.Value != "" && !slices.Contains(list, row.Value) {
		list = append(list, row.Value)
	}
	return list
}

// keyWord is the name of a key's question.
func keyWord(key string) string {
	what, process := strings.CutPrefix(key, "processes.")
	switch what = strings.TrimSuffix(what, ".command"); {
	case process && what != "web":
		return "Runs " + what
	case key == "release_command", key == "test.command", key == "health.path":
		what, _, _ = strings.Cut(strings.TrimSuffix(key, "_command"), ".")
	}
	return findingWord(what)
}

// why says where a finding comes from, if no file does.
func why(row overrideRow) string {
	switch f := row.Finding; {
	case f == nil && row.Needed:
		return "nothing says so, and it takes an answer"
	case f == nil:
		return "nothing says so"
	case f.Overridden():
		return "set by the service's owners"
	case f.What == "health" && f.Value == "tcp":
		return "no route was found: a connection is enough"
	case f.What == "test" && f.Value == "none":
		return "there are none"
	default:
		return ruleWords(f.Rule)
	}
}

// sure says how sure the answer to a question is.
func sure(row overrideRow) words.State {
	switch {
	case row.Err != "":
		return words.Toned("bad", "refused")
	case row.Needed:
		return words.Toned("bad", "needed")
	case row.Finding == nil:
		return words.Toned("idle", "nothing found")
	case row.Finding.Overridden():
		return words.Toned("ok", "stated")
	}
	return confidence(*row.Finding)
}

// showOverrides is the settings page after the form of the overrides was sent.
func (p *pages) showOverrides(c *shell.Call, v serviceView, w overridesView, status int, problem string) error {
	if c.Fragment() == "overrides" {
		return c.Show(status, overridesPart(c.Frame("", ""), v, w, problem))
	}
	return p.settingsOf(c, v, status, settingsView{Overrides: w, OverridesErr: problem})
}

// detectOverrides shows what a service's next release would be with the
// overrides in the form, and keeps nothing.
func (p *pages) detectOverrides(c *shell.Call) error {
	v, err := p.serviceOf(c, "settings")
	if err != nil {
		return err
	}
	o, w, refused := readOverrides(c)
	tried := &o
	if refused != nil {
		tried = nil // those that it has
	}
	found, err := p.DetectService(c.Ctx, v.Name, tried)
	if err != nil {
		if code := slipway.CodeOf(err); code == slipway.Internal || code == slipway.Denied || code == slipway.NotFound {
			return err
		}
		refused = errors.Join(refused, err)
	}
	w.Found = found
	status := http.StatusOK
	if refused != nil && c.Fragment() == "" {
		status = http.StatusBadRequest
	}
	return p.showOverrides(c, v, w, status, shell.Sentence(err))
}

// changeOverrides keeps them; they count for the next release that is built.
func (p *pages) changeOverrides(c *shell.Call) error {
	v, err := p.serviceOf(c, "settings")
	if err != nil {
		return err
	}
	o, w, err := readOverrides(c)
	problem := ""
	if err == nil {
		_, err = p.UpdateService(c.Ctx, v.Name, catalog.ServiceChange{Overrides: &o, If: store.Precondition{c.Form("revision")}})
		problem = shell.Sentence(err)
	}
	if err != nil {
		if code := slipway.CodeOf(err); code == slipway.Internal || code == slipway.Denied || code == slipway.NotFound {
			return err
		}
		return p.showOverrides(c, v, w, shell.StatusOf(err), problem)
	}
	return c.To(string(words.Path("services", v.Name, "settings")), "The overrides are saved. The next release is built with them.")
}
