package python

import (
	"regexp"
	"strings"
)

// settings is a command of a remedy that sets something of the service.
var settings = regexp.MustCompile(`slipway service set SERVICE((?: --set (?:'[^']*'|[^\s;]+))+)`)

// Refusal is why the project can't be deployed, as the first of its problems says it.
// Where others are mended by settings as it is, the command that it names sets all of
// them, so that they aren't met one after the other. It is "" for no problem.
func (p *Project) Refusal() string {
	if len(p.Problems) == 0 {
		return ""
	}
	first := p.Problems[0]
	own := settings.FindStringSubmatch(first.Remedy)
	if own == nil {
		return first.Sentence()
	}
	command, also := own[0], []string{}
	for _, other := range p.Problems[1:] {
		more := settings.FindStringSubmatch(other.Remedy)
		if more == nil || sets(command, more[1]) {
			continue
		}
		command += more[1]
		also = append(also, strings.TrimSpace(more[1])+" is for this: "+strings.TrimSuffix(other.Message, "."))
	}
	if len(also) == 0 {
		return first.Sentence()
	}
	first.Remedy = strings.Replace(first.Remedy, own[0], command, 1) + "; " + strings.Join(also, "; ")
	return first.Sentence()
}

// sets tells whether a command states a key already that more would state.
func sets(command, more string) bool {
	for _, setting := range strings.Split(more, " --set ")[1:] {
		key, _, _ := strings.Cut(strings.TrimPrefix(setting, "'"), "=")
		if strings.Contains(command, "--set "+key+"=") || strings.Contains(command, "--set '"+key+"=") {
			return true
		}
	}
	return false
}
