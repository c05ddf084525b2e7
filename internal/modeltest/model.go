package modeltest

import (
	"fmt"
	"slices"
)

// Model is a service on its way through dev, which takes everything, and test, which
// asks for people's yes.
type Model struct {
	Dev, Test Past
	People    People
	Asked     *Asked // what waits in test; nil for nothing
}

// New is a model in which nothing has happened yet.
func New() *Model { return &Model{People: People{Yeses: 2}} }

// Events are what can happen, and what each is.
var Events = []struct {
	What byte
	Is   string
}{
	{'N', "a new release goes live in dev"},
	{'D', "dev's config is edited, and what runs there deployed with it"},
	{'B', "somebody goes back in dev"},
	{'A', "what was taken back in dev is promoted there again"},
	{'T', "somebody asks for what runs in dev to go to test"},
	{'R', "somebody goes back in test"},
	{'a', "Alan says yes"}, {'b', "Bob says yes"}, {'c', "Cleo says yes"},
	{'C', "test's config is edited"},
	{'U', "test's config is as it was before the last edit"},
	{'P', "the policy asks for another number of yeses"},
	{'Q', "the policy names the circle, or nobody"},
	{'1', "Alan is switched off, or on"},
	{'2', "Bob is made viewer, or maintainer"},
	{'3', "Cleo is taken out of the circle, or comes back"},
	{'4', "the circle is removed, or there again"},
	{'5', "the service is given to another team, or back"},
}

// Happens plays one event; false is that it is refused, or can't be.
func (m *Model) Happens(what byte) bool {
	ok := m.happens(what)
	if a := m.Asked; a != nil && ok {
		if a.plan != m.People.Changed { // what was said was said to another plan
			a.plan, a.Said = m.People.Changed, nil
		}
		if m.Waits() == "" {
			m.Test.Put(a.Release)
			m.Asked = nil
		}
	}
	return ok
}

func (m *Model) happens(what byte) bool {
	p := &m.People
	switch what {
	case 'N', 'B':
		return m.Dev.Happens(what)
	case 'D':
		return m.Dev.Happens('C')
	case 'A':
		return m.Dev.Happens('P')
	case 'T':
		release := m.Dev.Live().Release
		if m.Asked != nil || release == 0 || release < m.Test.Live().Release {
			return false
		}
		m.Asked = &Asked{Release: release, plan: p.Changed}
	case 'R':
		return m.Asked == nil && m.Test.Happens('B')
	case 'a', 'b', 'c':
		who := Names[what-'a']
		if m.Asked == nil || p.Why(who) != "" || slices.Contains(m.Asked.Said, who) {
			return false
		}
		m.Asked.Said = append(m.Asked.Said, who)
	case 'C':
		m.Test.Edits++
		p.Changed++
	case 'U':
		if m.Test.Edits == 0 {
			return false
		}
		m.Test.Edits--
		p.Changed++
	case 'P':
		p.Yeses = 3 - p.Yeses
		p.Changed++
	case 'Q':
		if p.NoTeam {
			return false
		}
		p.Circle = !p.Circle
		p.Changed++
	case '1':
		p.Off = !p.Off
	case '2':
		if p.Moved {
			return false
		}
		p.Viewer = !p.Viewer
	case '3':
		if p.NoTeam {
			return false
		}
		p.Out = !p.Out
	case '4':
		if p.Circle {
			return false
		}
		p.NoTeam = !p.NoTeam
	case '5':
		p.Moved = !p.Moved
		p.Changed++
	}
	return true
}

// Waits is what the promotion into test waits for, in words; "" for nothing.
func (m *Model) Waits() string {
	if m.Asked == nil {
		return ""
	}
	words := m.Asked.Words(m.People)
	if slices.Contains(m.Dev.Taken, m.Asked.Release) {
		if words != "" {
			words += "; "
		}
		words += fmt.Sprintf("rolled back in dev by ada: the totals are wrong; verify release %d there again, or let an admin of the service's team exempt this promotion, with a reason", m.Asked.Release)
	}
	return words
}

// String is what is to be believed: what has the traffic, where going back leads, what
// of the releases was taken back, and what waits for what.
func (m *Model) String() string {
	back := func(h *Past) int {
		if at := h.Back(); at >= 0 {
			return h.Stack[at].Release
		}
		return 0
	}
	taken := slices.Clone(m.Dev.Taken)
	slices.Sort(taken)
	text := fmt.Sprintf("dev %d back %d test %d back %d taken %v", m.Dev.Live().Release, back(&m.Dev), m.Test.Live().Release, back(&m.Test), taken)
	if m.Asked == nil {
		return text
	}
	return text + fmt.Sprintf("\n%d waits: %s\nsaid %v", m.Asked.Release, m.Waits(), m.Asked.Said)
}
