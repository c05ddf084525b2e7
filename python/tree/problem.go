package tree

import (
	"fmt"
	"strings"
)

// Problem is something that stops a deploy or ought to be known, with the way out.
type Problem struct {
	Code    string `json:"code"` // stable id, such as lock.stale
	Message string `json:"message"`
	File    string `json:"file"` // the file to change
	Line    int    `json:"line,omitempty"`
	Key     string `json:"key,omitempty"` // the key of slipway.yaml or of the overrides at fault, such as health.path
	Remedy  string `json:"remedy"`        // what to do, in one sentence or one command
}

// Sentence is a problem in one line: where, what, and the way out.
func (p Problem) Sentence() string {
	text := strings.TrimSuffix(p.Message, ".")
	if p.File != "" && p.Line > 0 {
		text = fmt.Sprintf("%s:%d: %s", p.File, p.Line, strings.TrimPrefix(text, p.File+": "))
	}
	if p.Remedy != "" {
		text += "; " + p.Remedy
	}
	return text
}

// Clip cuts what a sentence quotes of a file: people write lines of any length.
func Clip(s string) string {
	if r := []rune(s); len(r) > 80 {
		return string(r[:80]) + "..."
	}
	return s
}

// ClipList joins a list for a sentence, of which the first five are told.
func ClipList(list []string) string {
	if len(list) > 5 {
		return strings.Join(list[:5], ", ") + fmt.Sprintf(" and %d more", len(list)-5)
	}
	return strings.Join(list, ", ")
}
