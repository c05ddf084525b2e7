package sandbox

import (
	"os"
	"os/user"
	"strconv"
	"sync"

	"github.com/slipway-dev/slipway"
)

// Protection tells what holds the commands that Start and Run confine on this
// machine.
var Protection = sync.OnceValue(func() slipway.Protection {
	held, version := landlock()
	p := slipway.Protection{User: strconv.Itoa(os.Geteuid()), Root: os.Geteuid() == 0, Landlock: version, Signals: held.Scoped != 0, Seccomp: filters(), Namespaces: namespaces(), Mounts: mounts(), Ends: "descent"}
	switch {
	case p.Namespaces:
		p.Ends = "namespace"
	case p.Signals:
		p.Ends = "domain"
	}
	if u, err := user.LookupId(p.User); err == nil {
		p.User = u.Username
	}
	return p
})
