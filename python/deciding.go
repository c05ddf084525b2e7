package python

import (
	"fmt"
	"strings"
)

// mostCandidates bounds between how many objects importing decides.
const mostCandidates = 6

// Candidate is one of several objects that could be the application.
type Candidate struct {
	Application
	Name string `json:"name"` // as people are told of it, with where it stands
	// Say is what states it.
	Say string `json:"-"`
}

// Key tells an object from others of one project.
func (a Application) Key() string {
	return fmt.Sprintf("%s:%s:%s(%s)", a.Dir, a.Module, a.Object, a.Arguments)
}

// imported leaves it to the build which of several objects is served, or takes the one
// that the build has chosen; false where importing can't tell.
func (d *detection) imported(list, equal []candidate) bool {
	all := append([]candidate{list[0]}, equal...)
	if len(all) > mostCandidates {
		return false
	}
	var candidates []Candidate
	for i, c := range all {
		if c.iface != WSGI && c.iface != ASGI || asidePart(c.file) != "" { // examples work, each
			return false
		}
		app := d.applicationOf(c)
		if d.opts.Chosen == app.Key() {
			c.rule = "app.imported"
			d.inferWeb(c, Medium, list)
			return true
		}
		others := append(append([]candidate{}, all[:i]...), all[i+1:]...)
		candidates = append(candidates, Candidate{Application: app, Name: c.String(), Say: d.saying(c, others)})
	}
	d.inferWeb(list[0], Medium, list)
	if d.project.Application == nil { // what is in the way is said
		return true
	}
	d.project.Candidates = candidates
	d.warn(Problem{Code: "app.several", Message: "several objects could be the application, and the build takes the only one that can be imported and has routes: " + inList(list[0], equal),
		File: list[0].file, Line: list[0].line, Remedy: "say which one: " + candidates[0].Say})
	return true
}

func inList(one candidate, others []candidate) string {
	names := []string{one.String()}
	for _, c := range others {
		names = append(names, c.String())
	}
	return strings.Join(names, ", ")
}

// Works tells whether a candidate can be served as it was imported.
func (r ImportResult) Works() bool { return r.OK && !r.Bare }

// Decide is which of the candidates is served, by what importing each has told; chosen is
// nil where none works, and where several do, which is the problem.
func (p *Project) Decide(told []ImportResult) (chosen *Application, problem *Problem) {
	var work []Candidate
	for i, c := range p.Candidates {
		if told[i].Works() {
			work = append(work, c)
		}
	}
	switch len(work) {
	case 0:
		return nil, nil
	case 1:
		return &work[0].Application, nil
	}
	var names []string
	for _, c := range work {
		names = append(names, c.Name)
	}
	return nil, &Problem{Code: "app.ambiguous", File: string(p.Root), Message: "several objects could be the application, and each of these works once it is imported: " + strings.Join(names, ", "),
		Remedy: "say which one: " + work[0].Say}
}
