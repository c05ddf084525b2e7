package web

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/report"
)

func number(n int) string { return strconv.Itoa(n) }

// address is a page of the overview with the filter that is set.
func (o overview) address(cursor string) templ.SafeURL {
	return with("/", "q", o.Query.Search, "team", o.Query.Team, "after", cursor)
}

func (o overview) first() templ.SafeURL { return o.address("") }

func firstName(list []*ent.Environment) string {
	if len(list) == 0 {
		return "its first environment"
	}
	return list[0].Name
}

func teamName(s *ent.Service) string {
	if s.Edges.Team == nil {
		return ""
	}
	return s.Edges.Team.Name
}

func failedWords(q *ent.Promotion) string {
	return strings.TrimSpace(releaseOf(q)+" ") + " " + strings.ToLower(promotionState(q).Word)
}

// next is the address of a next page, "" when there is none.
func next(cursor string, address templ.SafeURL) templ.SafeURL {
	if cursor == "" {
		return ""
	}
	return address
}

// what is the release of a promotion, or its commit before it is built.
func what(q *ent.Promotion) string {
	if n := releaseOf(q); n != "" {
		return n
	}
	return short(q.Commit.ID)
}

// again is where the same is promoted once more.
func again(q *ent.Promotion) templ.SafeURL {
	pairs := []string{"to", q.Edges.Environment.Name, "release", releaseOf(q)}
	if releaseOf(q) == "" {
		pairs = append(pairs, "ref", q.Commit.ID)
	}
	return with(at("services", q.Edges.Service.Name, "promote"), pairs...)
}

func reasonOf(q *ent.Promotion) string {
	if q.Reason == "" {
		return promotionState(q).Word
	}
	return capital(q.Reason)
}

func refWords(q *ent.Promotion) string {
	switch s := q.Edges.Service; {
	case q.Commit.Ref != "" && !strings.HasPrefix(q.Commit.ID, q.Commit.Ref):
		return q.Commit.Ref
	case s.Branch != "":
		return s.Branch
	}
	return "the repository"
}

func endWords(v promotionView) string {
	for _, s := range v.Edges.Steps {
		if string(s.Name) == v.EndedAtStep {
			return strings.ToLower(stepState(s).Word) + " after " + took(s.StartedAt, s.EndedAt)
		}
	}
	return ""
}

// failures are the tests that made a promotion fail.
func failures(q *ent.Promotion) []slipway.TestFailure {
	if slipway.StepName(q.EndedAtStep) != slipway.StepTest || q.Edges.Release == nil || q.Edges.Release.Tests == nil {
		return nil
	}
	return q.Edges.Release.Tests.Failures
}

func place(file string, line int) string {
	if line > 0 {
		return file + ":" + strconv.Itoa(line)
	}
	return file
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func promotionWord(c report.Cell) string { return strings.ToLower(promotionState(c.Promotion).Word) }

func plannedTone(s slipway.PlannedStep) string {
	if s.State == slipway.StepReused {
		return "ok"
	}
	if s.State == slipway.StepPending {
		return ""
	}
	return "idle"
}

// plannedNotes say what each step is for, to who sees it for the first time.
var plannedNotes = map[slipway.StepName]string{
	slipway.StepFetch: "the exact commit", slipway.StepBuild: "an artifact that every environment runs", slipway.StepTest: "the project's own tests",
	slipway.StepRender: "config for this environment", slipway.StepMigrate: "the release command, once", slipway.StepDeploy: "new beside old, then the traffic moves",
	slipway.StepVerify: "seen serving, from outside", slipway.StepApprove: "a person's yes", slipway.StepRehearse: "with placeholders for secrets, without traffic",
	slipway.StepPreflight: "with the secrets, before anything is changed",
}

func plannedNote(s slipway.PlannedStep) string {
	if s.Reason != "" {
		return s.Reason
	}
	return plannedNotes[s.Name]
}

func planAction(v serviceView, w planView) templ.SafeURL {
	if w.Back {
		return at("services", v.Name, "rollback")
	}
	return at("services", v.Name, "promote")
}

func branchWords(v serviceView) string {
	if v.Branch != "" {
		return v.Branch
	}
	return "the default branch"
}

// clip shortens a text for where there is little room.
func clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n]) + "…"
}

func inEnvironment(name string) string {
	if name == "" {
		return "everywhere"
	}
	return "in " + name
}

func everywhere(name string) string {
	if name == "" {
		return "everywhere"
	}
	return name
}

// auditObject is what an entry of the audit log is about.
func auditObject(e *ent.AuditEntry) string {
	parts := []string{}
	for _, part := range []string{e.Service, e.Environment, e.Object} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if e.Team != "" {
		parts = append(parts, "team "+e.Team)
	}
	return strings.Join(parts, ", ")
}

// person is who wrote a commit, without the address.
func person(author string) string {
	name, _, _ := strings.Cut(author, " <")
	return name
}

func builtFrom(r *ent.Release) string {
	if strings.HasPrefix(r.Commit, r.Ref) {
		return "the commit itself"
	}
	return r.Ref
}

// builtUnder is what held the code of a release while it was built.
func builtUnder(r *ent.Release) string {
	if len(r.BuiltUnder) == 0 {
		return "not recorded"
	}
	return strings.Join(r.BuiltUnder, ", ")
}

func runsOn(r *ent.Release) string {
	if r.Framework == "" {
		return "Python " + r.Python
	}
	return capital(r.Framework) + ", Python " + r.Python
}

// program is what a browser or another program calls itself, in few words.
func program(agent string) string {
	switch {
	case agent == "":
		return "unknown"
	case strings.HasPrefix(agent, "slipway/"):
		return "the command line"
	case !strings.HasPrefix(agent, "Mozilla/"):
		return agent
	}
	first := func(pairs ...string) string {
		for i := 0; i < len(pairs); i += 2 {
			if strings.Contains(agent, pairs[i]) {
				return pairs[i+1]
			}
		}
		return ""
	}
	name := first("Edg/", "Edge", "OPR/", "Opera", "Firefox/", "Firefox", "Chrome/", "Chrome", "Safari/", "Safari")
	system := first("iPhone", "iOS", "iPad", "iOS", "Android", "Android", "Windows", "Windows", "Mac OS X", "macOS", "Linux", "Linux")
	if name == "" || system == "" {
		return agent
	}
	return name + " on " + system
}

func words(list []string) string { return strings.Join(list, " ") }

func providerTitle(i *ent.Identity) string {
	if i.Edges.Provider == nil {
		return ""
	}
	if i.Edges.Provider.DisplayName != "" {
		return i.Edges.Provider.DisplayName
	}
	return i.Edges.Provider.Name
}
