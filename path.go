package slipway

import "slices"

// Stop is an environment on a path.
type Stop struct {
	Name  string
	Skips bool // it takes releases that were verified in none of those before
}

// StopOf is an environment with the policy that holds there.
func StopOf(name string, policy Policy) Stop {
	return Stop{Name: name, Skips: policy.SkipsAllowed && policy.Soak == 0}
}

// Shortcut is a way of releases into an environment that spares them another one.
type Shortcut struct{ Into, Without string }

// String says it in a sentence's part.
func (s Shortcut) String() string { return "into " + s.Into + " without " + s.Without }

// Shortcuts are the ways that a path opens which the path before did not, in the
// order of the path. all is the platform's path: it says what an environment is
// behind that was not on the path before.
func Shortcuts(was, is, all []Stop) []Shortcut {
	before, after, common := through(was), through(is), through(all)
	var out []Shortcut
	for _, stop := range is {
		need, there := before[stop.Name]
		if !there {
			need = common[stop.Name]
		}
		for _, name := range common[stop.Name] {
			// Added now, and maybe seen earlier: behind where the platform has it, it
			// would vouch for what it was in front of.
			if _, known := before[name]; !known && on(is, name) && !slices.Contains(need, name) {
				need = append(slices.Clone(need), name)
			}
		}
		for _, name := range need {
			if !slices.Contains(after[stop.Name], name) {
				out = append(out, Shortcut{stop.Name, name})
			}
		}
	}
	return out
}

// through tells what a release was verified in, for each environment of a path,
// before that one takes it: each vouches for those before it.
func through(path []Stop) map[string][]string {
	out := map[string][]string{}
	for i, stop := range path {
		out[stop.Name] = nil
		if i > 0 && !stop.Skips {
			out[stop.Name] = append(slices.Clone(out[path[i-1].Name]), path[i-1].Name)
		}
	}
	return out
}

func on(path []Stop, name string) bool {
	return slices.ContainsFunc(path, func(s Stop) bool { return s.Name == name })
}
