package slipway

import (
	"fmt"
	"slices"
	"strings"
)

// MaxAuthored is how many commits of a change are looked at to tell who wrote it.
const MaxAuthored = 200

// Authors is who wrote what a promotion brings: the authors and committers of the
// commits from that which runs to that which shall, as these say themselves.
type Authors struct {
	From     string   `json:"from,omitempty"`    // the commit that runs; "" for none, and then all are meant that lead to To
	To       string   `json:"to"`                //
	People   []string `json:"people"`            // "Name <address>", each once
	Accounts []string `json:"accounts"`          // who these are here
	Unknown  []string `json:"unknown"`           // of People, who is nobody that is known here
	More     bool     `json:"more,omitempty"`    // there are more commits than were looked at
	Why      string   `json:"why_not,omitempty"` // why it can't be told; "" when it can

	Config []ConfigAuthor `json:"config,omitempty"` // who changed settings and overrides that it brings
}

// ConfigAuthor is who changed settings, secrets or overrides, by name; of a program
// it is also who made its token.
type ConfigAuthor struct {
	Name    string   `json:"name"`
	Changed []string `json:"changed"` // KEY of a setting, overrides.KEY of an override
}

// Words say who changed what.
func (c ConfigAuthor) Words() string { return c.Name + " (changed " + c.What() + ")" }

// What names the first of what was changed.
func (c ConfigAuthor) What() string {
	if len(c.Changed) > 3 {
		return strings.Join(c.Changed[:3], ", ") + fmt.Sprintf(" and %d more", len(c.Changed)-3)
	}
	return strings.Join(c.Changed, ", ")
}

// Changed is what somebody changed of the config that a promotion brings; "" for
// nothing.
func (a *Authors) Changed(name string) string {
	if a == nil {
		return ""
	}
	for _, c := range a.Config {
		if c.Name == name {
			return c.What()
		}
	}
	return ""
}

// AuthorsOf collects the people of some commits. Which accounts they have is not
// asked here.
func AuthorsOf(from, to string, log CommitLog) Authors {
	a := Authors{From: from, To: to, People: []string{}, Accounts: []string{}, Unknown: []string{}, More: log.More}
	for _, c := range log.Commits {
		for _, who := range []string{c.Author, c.Committer} {
			if who = strings.TrimSpace(who); who != "" {
				a.People = append(a.People, who)
			}
		}
	}
	slices.Sort(a.People)
	a.People = slices.Compact(a.People)
	return a
}

// Between tells whether these are the authors of what lies between two commits.
func (a *Authors) Between(from, to string) bool {
	return a != nil && a.Why == "" && a.From == from && a.To == to
}

// Writer takes an author or committer apart: "Ada <ada@example.com>".
func Writer(person string) (name, address string) {
	i := strings.LastIndex(person, " <")
	if i < 0 {
		return strings.TrimSpace(person), ""
	}
	return strings.TrimSpace(person[:i]), strings.TrimSuffix(person[i+2:], ">")
}
