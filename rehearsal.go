package slipway

import (
	"context"
	"io"
	"time"
)

// Trial is something that is run of an artifact in a rehearsal.
type Trial struct {
	Name string     `json:"name"`
	Args []string   `json:"args"`
	Dir  SourcePath `json:"dir"`
	// Answers says that a file's path is to be appended to Args, and that what
	// the program writes there is the outcome.
	Answers bool `json:"answers,omitempty"`
}

// TrialResult is how a trial ended. Output and Answer hold no secret.
type TrialResult struct {
	Name     string
	Exit     int // -1 when it was ended
	TimedOut bool
	Output   string // the last 64 KiB
	Answer   string
	Took     time.Duration
	// Withheld says that the service has data which this trial did not get to see.
	Withheld bool
}

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

// Rehearser runs an artifact's trials with the config that it will have, and
// without traffic. Nothing of what runs is touched, no port is claimed, and what was
// started is gone when it returns. A trial that fails is a result; an error says
// that the rehearsal could not be held.
type Rehearser interface {
	Rehearse(ctx context.Context, d Deployment, log io.Writer) ([]TrialResult, error)
}
