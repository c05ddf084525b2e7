package node

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway"
)

var namedVariable = regexp.MustCompile(`\$\{?([A-Za-z_][A-Za-z0-9_]*)`)

// warnShown tells of secrets that commands name: their values are in the command line
// of a process then, which everybody on the machine can read, other services included.
func warnShown(d slipway.Deployment, log io.Writer) {
	say := func(what, command string) {
		var names []string
		for _, m := range namedVariable.FindAllStringSubmatch(command, -1) {
			if d.Config.Env[m[1]].Secret != "" && !slices.Contains(names, m[1]) {
				names = append(names, m[1])
			}
		}
		if len(names) > 0 {
			fmt.Fprintf(log, "warning: the command of %s names %s, a secret: everybody on this machine can read the command line of a process (ps); have the program read the variable instead\n", what, strings.Join(names, ", "))
		}
	}
	for _, process := range d.Manifest.Processes {
		say(process.Name, process.Command)
	}
	say("release", d.Manifest.ReleaseCommand)
}
