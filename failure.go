package slipway

import (
	"regexp"
	"strings"
)

// exception is the last line of a traceback: a class, and what it says.
var exception = regexp.MustCompile(`^(?:[A-Za-z_][\w.]*\.)?[A-Z]?\w*(?:Error|Exception|Warning|Exit|DoesNotExist|Configured|NotFound|Refused|Timeout|Interrupt|Denied|Failed|Invalid\w*|Missing\w*|Disallowed\w*)(?:: .*)?$`)

// LastException is the last line of the last traceback in what a program has printed,
// "" when there is none.
func LastException(printed string) string {
	found := ""
	for line := range strings.Lines(printed) {
		if line = strings.TrimRight(line, "\r\n"); exception.MatchString(line) {
			found = line
		}
	}
	if len(found) > 300 {
		found = strings.ToValidUTF8(found[:300], "") + " ..."
	}
	return found
}

// Cause is what a program of a release has printed of the reason of its failure, as the
// rest of a sentence: the last exception, and what doesn't answer.
func (m Manifest) Cause(printed string) string {
	found := LastException(printed)
	if found != "" {
		found = ": " + found
	}
	if says := Unanswered(printed, m.Addresses); says != "" {
		found += "; " + says
	}
	return found
}
