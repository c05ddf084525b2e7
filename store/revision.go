package store

import (
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway"
)

// Precondition is what a change is based on: the revisions of which the thing
// must have one. None asks for nothing.
type Precondition []string

// Revision writes the revisions that a thing is made of as one text.
func Revision(numbers ...int) string {
	parts := make([]string, len(numbers))
	for i, n := range numbers {
		parts[i] = strconv.Itoa(n)
	}
	return strings.Join(parts, ".")
}

// Holds refuses a change that is based on what is no longer so.
func (p Precondition) Holds(what string, numbers ...int) error {
	if len(p) == 0 || slices.Contains(p, Revision(numbers...)) {
		return nil
	}
	return ErrOutdated(what)
}

// ErrOutdated says that a change is based on what is no longer so.
func ErrOutdated(what string) error {
	return slipway.Errorf(slipway.Outdated, "%s was changed by somebody else in the meantime; look at it again, then decide", what)
}
