// Command slipway-holder is all that stands between a platform and a command that it
// confines (see sandbox), and what holds the edge's sockets (see socket/holder). The program slipway can be it as well; this one starts in a
// tenth of the time, as it has nothing else to set up. `make` builds it into slipway;
// it isn't run by itself.
package main

import (
	"fmt"
	"os"

	_ "github.com/slipway-dev/slipway/sandbox"       // is a holder before main, or isn't
	_ "github.com/slipway-dev/slipway/socket/holder" // or holds listening sockets
)

func main() {
	fmt.Fprintln(os.Stderr, "slipway-holder is a part of slipway, which starts it; there is nothing to run here")
	os.Exit(2)
}
