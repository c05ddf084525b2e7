package slipway

import (
	"regexp"
	"slices"
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
var absent = regexp.MustCompile(`\bKeyError\b|(?i:\b(?:required|missing|unset|undefined)\b|n['o]t (?:been )?(?:set|found|provided|given|defined|configured|specified)\b|must(?: not)? be (?:empty|set|provided|given|defined|configured|specified)\b|\b(?:need|have|has) to (?:be )?(?:set|provided?|given?|defined?)\b|(?:can(?:no|')t|may not) be (?:empty|blank|none)\b|Set the \w+ environment variable|(?:please|must) (?:set|provide|define|specify)\b)`)

// LastLine is the last line of what a service has printed, and not the platform.
func LastLine(printed string) (last string) {
	for line := range strings.Lines(printed) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "[slipway] ") {
			last = line
		}
	}
	return last
}

// Lacking are the variables that an exception names for having no value, as they are
// called in an environment: settings may leave out what stands before their names there.
// The first is the one that it names; the others are wanted in the same file, and have no
// value either.
func (d Deployment) Lacking(exception string) []string {
	if !absent.MatchString(exception) {
		return nil
	}
	words := strings.FieldsFunc(exception, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	named := ""
	for _, name := range d.Manifest.Required {
		if named == "" && slices.ContainsFunc(words, func(w string) bool {
			return w == name || len(w) > 3 && w == strings.ToUpper(w) && strings.HasSuffix(name, "_"+w)
		}) {
			named = name
		}
	}
	without := func(name string) bool { _, set := d.Config.Env[name]; return !set }
	for _, w := range words { // "either A or B" names the better one first
		if named == "" && without(w) && slices.ContainsFunc(d.Manifest.Asked, func(together []string) bool { return slices.Contains(together, w) }) {
			named = w
		}
	}
	if named == "" {
		return nil
	}
	names := []string{named}
	for _, together := range d.Manifest.Asked {
		for _, name := range together {
			if slices.Contains(together, named) && without(name) && !slices.Contains(names, name) && len(names) < mostLacking {
				names = append(names, name)
			}
		}
	}
	return names
}

// mostLacking bounds how many variables a sentence gives commands for.
const mostLacking = 6

// Give is the commands by which variables are given values in an environment: those whose
// names say so as secrets, whose values stand on no command line.
func Give(names []string) string {
	plain, commands := "", []string(nil)
	for _, name := range names {
		if LooksSecret(name) {
			commands = append(commands, "slipway secret set SERVICE "+name+" --env ENVIRONMENT")
			continue
		}
		plain += " " + name + "=..."
	}
	if plain != "" {
		commands = append(commands, "slipway config set SERVICE --env ENVIRONMENT"+plain)
	}
	return strings.Join(commands, "; ")
}

// Given says how the variables are given values that an exception names for having none,
// as the rest of a sentence; "" when it names none.
func (d Deployment) Given(exception string) string {
	names := d.Lacking(exception)
	if names == nil {
		return ""
	}
	what := "it"
	if len(names) > 1 {
		what = "what it asks for"
	}
	return "; give " + what + ": " + Give(names) + "; whatever it asks for is told by: slipway config check SERVICE --env ENVIRONMENT"
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
func (d Deployment) Cause(printed string) string {
	found := LastException(printed)
	if lines := unfound.FindAllString(printed, -1); found == "" && lines != nil {
		found = strings.TrimSpace(lines[len(lines)-1])
	}
	if last := LastLine(printed); found == "" && d.Lacking(last) != nil { // it has ended itself
		found = last
	}
	if found != "" {
		found = ": " + found + d.Given(found) + d.Manifest.untabled(found)
	}
	if says := Unanswered(printed, d.Manifest.Addresses); says != "" {
		found += "; " + says
	}
	return found
}
