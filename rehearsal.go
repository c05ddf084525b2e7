package slipway

import (
	"context"
	"io"
)

// Readiness says how a check of a rehearsal went.
type Readiness string

const (
	Ready   Readiness = "ready"
	Unsure  Readiness = "unsure"  // it could not be found out, or may be meant so
	Unready Readiness = "unready" // it would fail after the switch
)

// Rehearsed is one check of a rehearsal: what was looked at, how it went, and what
// was seen, in a few lines without secrets.
type Rehearsed struct {
	Check string    `json:"check"`
	State Readiness `json:"state"`
	Text  string    `json:"text"`
}

// Rehearser runs an artifact once with the config that it will have, and without
// traffic. It changes nothing: no port is opened, no migration runs, and what it
// starts is gone when it returns. A check that the service fails is Unready, not an
// error; an error says that the rehearsal could not be held.
type Rehearser interface {
	Rehearse(ctx context.Context, d Deployment, log io.Writer) ([]Rehearsed, error)
}
