package parts

import (
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/web/words"
)

// CommitCount says how many commits a change brings.
func CommitCount(l slipway.CommitLog) string {
	if l.More {
		return fmt.Sprintf("more than %d", len(l.Commits))
	}
	return words.Number(len(l.Commits))
}

// authorName is an author without the address.
func authorName(author string) string {
	name, _, _ := strings.Cut(author, " <")
	return name
}

// noCommits says why no commits are listed.
func noCommits(c *slipway.Change) string {
	switch {
	case c.CommitsWhy != "":
		return "They can't be told: " + c.CommitsWhy
	case c.From == 0:
		return "Nothing ran there before to compare with."
	}
	return "The same commit runs now."
}

func noDependencies(c *slipway.Change) string {
	switch {
	case c.To == 0:
		return "They are known after the build."
	case c.From == 0:
		return "Nothing ran there before to compare with."
	}
	return "All " + words.Number(c.Unchanged) + " are the same."
}

func pythonWords(c *slipway.Change) string {
	switch {
	case c.Python[1] == "":
		return ""
	case c.Python[0] == c.Python[1]:
		return "Python " + c.Python[1] + ", unchanged"
	case c.Python[0] == "":
		return "Python " + c.Python[1]
	}
	return "Python " + c.Python[0] + " becomes " + c.Python[1]
}

// testDifference compares the tests of two releases in words.
func testDifference(c *slipway.Change) string {
	was, is := c.Tests[0], c.Tests[1]
	if was == nil {
		return "Nothing to compare with."
	}
	more, skips := is.Total-was.Total, is.Skipped-was.Skipped
	said, than := []string{"the same number of tests"}, " as release "
	if more != 0 || skips != 0 {
		than = " than release "
	}
	if more > 0 {
		said[0] = words.Plural(more, "more test")
	} else if more < 0 {
		said[0] = words.Plural(-more, "fewer test")
	}
	if skips > 0 {
		said = append(said, words.Number(skips)+" more skipped")
	} else if skips < 0 {
		said = append(said, words.Number(-skips)+" fewer skipped")
	}
	return words.Capital(strings.Join(said, ", ")) + than + words.Number(c.From) + "."
}
