package tree

import "cmp"

// Evidence is where something is written.
type Evidence struct {
	File string // relative to the service's directory
	Line int
	Text string // the line, or the requirement in it
}

// Where says in a sentence where it stands. Only what the service's owners said
// stands in no file.
func (e Evidence) Where() string { return cmp.Or(e.File, anOverride) }

// anOverride is what sentences call one.
const anOverride = "an override"
