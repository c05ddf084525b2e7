package modeltest

import (
	"fmt"
	"slices"
)

// Names are the people of the model. All of them are maintainers of the service's team
// to begin with, and developers in the circle, a team that a policy may name.
var Names = []string{"alan", "bob", "cleo"}

// People are who may say yes.
type People struct {
	Off     bool // Alan's account is switched off
	Viewer  bool // Bob is a viewer in the service's team
	Out     bool // Cleo is out of the circle
	NoTeam  bool // the circle is removed
	Moved   bool // the service belongs to another team, with Alan as maintainer, Cleo as viewer and without Bob
	Circle  bool // the policy names the circle
	Yeses   int  // that the policy asks for
	Changed int  // how often what people say yes to became another plan
}

// Role is somebody's in the service's team; "" for none.
func (p People) Role(who string) string {
	switch {
	case p.Moved:
		return map[string]string{"alan": "maintainer", "cleo": "viewer"}[who]
	case p.Viewer && who == "bob":
		return "viewer"
	}
	return "maintainer"
}

// Why says why somebody may not say yes now; "" when he or she may.
func (p People) Why(who string) string {
	switch {
	case p.Off && who == "alan":
		return "the account is not active"
	case p.Role(who) == "":
		return "the account is no longer in the service's team"
	case p.Circle && (p.NoTeam || p.Out && who == "cleo"):
		return "the account is no longer among those who approve in test"
	case !p.Circle && p.Role(who) != "maintainer":
		return "the account is no longer a maintainer of the service's team"
	}
	return ""
}

// Asked is a promotion that waits for people.
type Asked struct {
	Release int
	Said    []string // who has said yes to the plan of now, in that order
	plan    int
}

// Count is how many yeses count.
func (a Asked) Count(p People) (n int) {
	for _, who := range a.Said {
		if p.Why(who) == "" {
			n++
		}
	}
	return n
}

// Words is what a promotion waits for at the gate of approvals; "" when that is open.
func (a Asked) Words(p People) string {
	if a.Count(p) >= p.Yeses {
		return ""
	}
	words, left := fmt.Sprintf("%d of %d approvals", a.Count(p), p.Yeses), 0
	for _, who := range a.Said {
		if why := p.Why(who); why != "" {
			words += "; " + who + "'s doesn't count now: " + why
		}
	}
	for _, who := range Names {
		if p.Why(who) == "" && !slices.Contains(a.Said, who) {
			left++
		}
	}
	if left == 0 {
		words += "; nobody else may approve, so name approvers for test or ask an admin to break the glass"
	}
	return words
}
