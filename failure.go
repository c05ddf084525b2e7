package slipway

import (
	"regexp"
	"strings"
	"unicode"
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

// absent are the ways of saying that something has no value.
var absent = regexp.MustCompile(`\bKeyError\b|(?i:\b(?:is |are )?(?:required|missing|unset|not set|undefined|not found|must not be empty)\b|Set the \w+ environment variable)`)

// lacking is the variable that an exception names for having no value, as it is called
// in an environment: its settings may leave out what stands before their names there.
func (m Manifest) lacking(exception string) string {
	if !absent.MatchString(exception) {
		return ""
	}
	words := strings.FieldsFunc(exception, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for _, name := range m.Required {
		for _, w := range words {
			if w == name || len(w) > 3 && w == strings.ToUpper(w) && strings.HasSuffix(name, "_"+w) {
				return name
			}
		}
	}
	return ""
}

// Given says how the variable is given a value that an exception names for having none,
// as the rest of a sentence; "" when it names none.
func (m Manifest) Given(exception string) string {
	name := m.lacking(exception)
	if name == "" {
		return ""
	}
	return "; give it: slipway config set SERVICE --env ENVIRONMENT " + name + "=..., or slipway secret set; what else it asks for is told by: slipway config check SERVICE --env ENVIRONMENT"
}

// Cause is what a program of a release has printed of the reason of its failure, as the
// rest of a sentence: the last exception, and what doesn't answer.
func (m Manifest) Cause(printed string) string {
	found := LastException(printed)
	if found != "" {
		found = ": " + found + m.Given(found)
	}
	if says := Unanswered(printed, m.Addresses); says != "" {
		found += "; " + says
	}
	return found
}
