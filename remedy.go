package slipway

import "regexp"

// commandOf is a command of ours as remedies name it that don't know for which service
// they are.
var commandOf = regexp.MustCompile(`\bslipway [a-z]+ [a-z]+ SERVICE\b[^\n;]*`)

var placesOfCommand = regexp.MustCompile(`(?:\bSERVICE|--env ENVIRONMENT)\b`)

// Addressed puts a service and an environment where commands in a sentence leave room
// for them (slipway config set SERVICE --env ENVIRONMENT), so that each can be run as it
// stands.
func Addressed(sentence, service, environment string) string {
	if service == "" {
		return sentence
	}
	return commandOf.ReplaceAllStringFunc(sentence, func(command string) string {
		first := true
		return placesOfCommand.ReplaceAllStringFunc(command, func(place string) string {
			switch {
			case place == "SERVICE" && first:
				first = false
				return service
			case place != "SERVICE" && environment != "":
				return "--env " + environment
			}
			return place
		})
	})
}
