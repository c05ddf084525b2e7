package slipway

import (
	"context"
	"time"
)

// StepEvent is one change of a step.
type StepEvent struct {
	Promotion string      `json:"promotion"`
	Step      StepName    `json:"step"`
	State     StepState   `json:"state"`
	Attempt   int         `json:"attempt"`
	Reason    string      `json:"reason,omitempty"`    // why it failed, was reused or skipped; one or two sentences
	Rehearsal []Rehearsed `json:"rehearsal,omitempty"` // what a rehearsal found
	Rollout   *Rollout    `json:"rollout,omitempty"`   // where the canary of a deploy stands
	Until     time.Time   `json:"until,omitzero"`      // when one that runs is given up at the latest, with all that is tried again
}

// PromotionEvent is one change of a promotion.
type PromotionEvent struct {
	Promotion string         `json:"promotion"`
	State     PromotionState `json:"state"`
	Step      StepName       `json:"step,omitempty"` // where it ended, when it ended badly
	Reason    string         `json:"reason,omitempty"`
	Undo      *Undoing       `json:"undo,omitempty"` // with no state: what it deployed is being taken back
}

// Undoing is a deployment that is being taken back: what ran before gets the
// traffic again, or keeps it.
type Undoing struct {
	Since time.Time `json:"since"`
	Until time.Time `json:"until"` // when it is given up at the latest
}

// BuiltRelease is what the ledger keeps of a release.
type BuiltRelease struct {
	Promotion string
	Service   string
	Commit    Commit
	Artifact  Artifact

	Dependencies []Dependency
	Migrations   Migrations
}

// DeploymentFate is what became of a deployment.
type DeploymentFate string

const (
	DeploymentServing  DeploymentFate = "serving"  // it has the traffic
	DeploymentVerified DeploymentFate = "verified" // and was seen serving, from outside
	DeploymentReverted DeploymentFate = "reverted" // it lost the traffic again: not verified
)

// Ledger is where steps report. Every method is idempotent: reporting the same
// again changes nothing. An error is worth a retry.
type Ledger interface {
	// Step records a change of a step. A step that runs makes its promotion
	// running, or verifying when it is that step.
	Step(ctx context.Context, e StepEvent) error
	// Log appends output to a step; text is whole lines, already scrubbed, at
	// most 64 KiB. seq starts at 0 and grows by one within an attempt: a repeated
	// seq is dropped.
	Log(ctx context.Context, promotion string, step StepName, attempt, seq int, text string) error
	// Promotion records a change of a promotion. With Undo it records that alone.
	Promotion(ctx context.Context, e PromotionEvent) error
	// Release records a built release and returns its number. The same commit
	// and artifact of a service is one release, whoever built it.
	Release(ctx context.Context, r BuiltRelease) (number int, err error)
	// Tests records the report of a release's tests.
	Tests(ctx context.Context, service string, release int, report TestReport) error
	// Config returns the merged config of a service in an environment over the
	// given defaults, at this moment.
	Config(ctx context.Context, service, environment string, defaults map[string]string) (map[string]ConfigValue, error)
	// Deployed records what became of a deployment.
	Deployed(ctx context.Context, d Deployment, fate DeploymentFate) error
}

// Snapshots keeps config snapshots, so that histories carry their digests only.
type Snapshots interface {
	// SaveSnapshot stores a snapshot under its digest; storing it again is a no-op.
	SaveSnapshot(ctx context.Context, s Snapshot) error
	// Snapshot returns NotFound for a digest that was never saved.
	Snapshot(ctx context.Context, digest Digest) (Snapshot, error)
}
