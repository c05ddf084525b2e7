// Package parts is what pages are made of: signs, moments, notes and buttons, figures,
// lines of a log, what differs between releases. It knows no request.
package parts

import (
	"github.com/slipway-dev/slipway/web/words"
)

// Verdict is whether a viewer may do something, and if not, why.
type Verdict struct {
	May bool
	Why string
}

// NoteRole is how a note is read out: what is bad at once, all else when there is time.
func NoteRole(kind words.Tone) string {
	if kind == "bad" {
		return "alert"
	}
	return "status"
}
