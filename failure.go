package slipway

import (
	"regexp"
	"strings"
	"unicode"
)

// exception is the last line of a traceback: a class, and what it says.
var exception = regexp.MustCompile(`^(?:[A-Za-z_][\w.]*\.)?[A-Z]?\w*(?:Error|Exception|Warning|Exit|DoesNotExist|Configured|NotFound|Refused|Timeout|Interrupt|Denied|Failed|Invalid\w*|Missing\w*|Disallowed\w*|Undefined(?:Table|Column|Object|Function))(?:: .*)?$`)

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

// unfound are the lines by which servers say that what they are to serve isn't there, and
// end without a traceback (gunicorn, uvicorn, hypercorn, granian, uWSGI).
var unfound = regexp.MustCompile(`(?m)(?:Failed to (?:find attribute|parse) '[^'\n]*' (?:in|as) .*|Error loading ASGI app\. .*|Attribute "[^"\n]*" not found in module .*|Cannot load application from .*|unable to (?:find|load) (?:"application" callable|app \d+).*)$`)

// noTable are the ways of databases to say that a table isn't there.
var noTable = regexp.MustCompile(`\bno such table\b|\brelation "[^"]*" does not exist|\bUndefinedTable\b|\bTable '[^']*' doesn't exist`)

// untabled says which command of the project's makes a table that an exception misses, as
// the rest of a sentence; "" when it misses none, or none is known.
func (m Manifest) untabled(exception string) string {
	switch t := m.Tables; {
	case t == nil || !noTable.MatchString(exception):
		return ""
	case t.Once != "": // the database may be anywhere that a variable names, and be kept there
		kept := ""
		if len(m.Data) == 0 && strings.Contains(exception, "no such table") {
			kept = ", when its database is kept (data: in slipway.yaml, or its place in SLIPWAY_DATA)"
		}
		return "; its own \"" + t.Command + "\" makes the tables, and may empty those that are there, so have it run once" + kept + ": " + t.Once
	default:
		return "; its own \"" + t.Command + "\" makes the tables, so have it run at each deploy: " + t.State
	}
}

// Cause is what a program of a release has printed of the reason of its failure, as the
// rest of a sentence: the last exception, and what doesn't answer.
func (m Manifest) Cause(printed string) string {
	found := LastException(printed)
	if lines := unfound.FindAllString(printed, -1); found == "" && lines != nil {
		found = strings.TrimSpace(lines[len(lines)-1])
	}
	if found != "" {
		found = ": " + found + m.Given(found) + m.untabled(found)
	}
	if says := Unanswered(printed, m.Addresses); says != "" {
		found += "; " + says
	}
	return found
}
