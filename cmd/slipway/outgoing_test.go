package main

import (
	"net"
	"testing"

	"github.com/slipway-dev/slipway/adapters/source"
	"github.com/slipway-dev/slipway/entrance"
)

// TestGuardFollowsTheListener is the rule of docs/security.md.
func TestGuardFollowsTheListener(t *testing.T) {
	for name, c := range map[string]struct {
		listen, public string
		proxies        []string
		flags          outgoingFlags
		strict         bool
	}{
		"this machine":              {listen: "127.0.0.1:0"},
		"its IPv6":                  {listen: "[::1]:0"},
		"a public URL of its own":   {listen: "127.0.0.1:0", public: "http://localhost:7070"},
		"a network":                 {listen: "0.0.0.0:0", strict: true},
		"a proxy":                   {listen: "127.0.0.1:0", proxies: []string{"127.0.0.1"}, strict: true},
		"a public URL":              {listen: "127.0.0.1:0", public: "https://slipway.example.com", strict: true},
		"a network, opened":         {listen: "0.0.0.0:0", flags: outgoingFlags{Outgoing: "open"}},
		"this machine, guarded":     {listen: "127.0.0.1:0", flags: outgoingFlags{Outgoing: "guarded"}, strict: true},
		"a network, and an allowed": {listen: "0.0.0.0:0", flags: outgoingFlags{Outgoing: "auto", Allow: []string{"10.0.0.0/8"}}, strict: true},
	} {
		l, err := net.Listen("tcp", c.listen)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		g, err := c.flags.guard(&entrance.Entrance{Listener: l, PublicURL: c.public}, entrance.Options{Proxies: c.proxies})
		if err != nil || g.Strict() != c.strict {
			t.Errorf("%s: strict is %v, %v", name, g.Strict(), err)
			continue
		}
		o := (&embedded{guard: g}).guarded(source.Options{})
		if o.AllowFile == c.strict || (o.Resolve != nil) != c.strict {
			t.Errorf("%s: git is %+v", name, o)
		}
		_, err = g.Resolve(t.Context(), "10.0.0.1")
		if admitted := !c.strict || len(c.flags.Allow) > 0; (err == nil) != admitted {
			t.Errorf("%s: %v", name, err)
		}
	}
}
