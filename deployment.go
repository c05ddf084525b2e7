package slipway

import (
	"context"
	"io"
	"time"
)

// Deployment is a release plus a config snapshot, running in an environment.
// ID is the promotion's id, which makes every call on the target idempotent.
type Deployment struct {
	ID          string   `json:"id"`
	Fence       int64    `json:"fence"` // grows with every promotion; a target refuses an older one
	Service     string   `json:"service"`
	Environment string   `json:"environment"`
	Release     int      `json:"release"`
	Artifact    Digest   `json:"artifact"`
	Manifest    Manifest `json:"manifest"`
	Config      Snapshot `json:"config"`

	// Placeholders has its secrets replaced by values of their shape, and gives it an
	// empty data directory of its own: it is only rehearsed, and nobody has said yes
	// to it.
	Placeholders bool `json:"placeholders,omitempty"`

	Strategy StrategyKind `json:"strategy,omitempty"` // "" is blue_green
	Weight   int          `json:"weight,omitempty"`   // percent of the requests that it is to get; 0 means all
}

// InstanceState is where one running copy of a process stands.
type InstanceState string

const (
	InstanceStarting InstanceState = "starting"
	InstanceHealthy  InstanceState = "healthy"
	InstanceFailing  InstanceState = "failing" // runs, but does not answer its health check
	InstanceBackoff  InstanceState = "backoff" // exited; waits before the next start
	InstanceDraining InstanceState = "draining"
	InstanceStopped  InstanceState = "stopped"
)

// Instance is one running copy of a process.
type Instance struct {
	ID        string        `json:"id"`
	Process   string        `json:"process"`
	State     InstanceState `json:"state"`
	PID       int           `json:"pid,omitempty"`
	Port      int           `json:"port,omitempty"`
	Restarts  int           `json:"restarts"`
	StartedAt time.Time     `json:"started_at"`
	Reason    string        `json:"reason,omitempty"` // why it isn't healthy, or why it was last started again
}

// Observed is what a target sees running for a service in an environment.
type Observed struct {
	Deployment string     `json:"deployment"` // the one that has the traffic; "" for none
	Release    int        `json:"release"`
	Artifact   Digest     `json:"artifact"`
	Config     Digest     `json:"config"`
	URL        string     `json:"url,omitempty"`  // as people type it; "" without web processes
	Edge       string     `json:"edge,omitempty"` // the edge's own address, http://127.0.0.1:7080
	Host       string     `json:"host,omitempty"` // the name under which the edge knows the service
	Instances  []Instance `json:"instances"`
	Warm       []Warm     `json:"warm,omitempty"`     // kept ready for rollback
	Next       *Share     `json:"next,omitempty"`     // is taking over
	Problems   []string   `json:"problems,omitempty"` // what is not as it should be although instances answer
	Cut        []string   `json:"cut,omitempty"`      // what of its predecessor's work was cut when Deployment took over
}

// Share is a deployment that takes over little by little.
type Share struct {
	Deployment string     `json:"deployment"`
	Release    int        `json:"release"`
	Weight     int        `json:"weight"` // percent of the requests
	Instances  []Instance `json:"instances"`
}

// Warm is a deployment that has no traffic but still runs.
type Warm struct {
	Deployment string `json:"deployment"`
	Release    int    `json:"release"`
}

// Condition is what is seen of a deployment when that is not what should be.
type Condition string

const (
	ConditionGood    Condition = ""
	ConditionDrifted Condition = "drifted"       // something else has the traffic, or instances are missing
	ConditionCrashes Condition = "crash_looping" // an instance is started again and again
	ConditionDown    Condition = "down"          // nothing answers
)

// LogQuery asks for the output of a service's instances.
type LogQuery struct {
	Service     string
	Environment string
	Process     string // "" for all
	Lines       int    // of what is there already; 0 means 100
	Follow      bool   // go on until the context ends
}

// Target is what deployments run on. Calls for different services may run at
// once. Every call is idempotent by Deployment.ID and refuses, with Conflict, a
// Deployment whose Fence is older than one it has already seen for that service
// and environment.
type Target interface {
	// Release runs the release command once with the deployment's config and
	// no traffic. A command that exits non-zero is Refused. A command whose
	// outcome is known is not run again: the known outcome is returned.
	Release(ctx context.Context, d Deployment, log io.Writer) error
	// Deploy starts d beside what runs, waits until every instance is healthy,
	// moves the traffic, drains the old and keeps it warm. It returns nil only
	// when d has the traffic. A deployment that never gets healthy is Refused
	// with the reason and the service's last lines in log, and is taken away;
	// the old one has the traffic throughout. A warm d gets the traffic at once.
	// With a Weight below 100, d has that part of the requests when it returns, and
	// the old one the rest; another call of the same d moves the weight. d's Strategy
	// says what happens on the way.
	Deploy(ctx context.Context, d Deployment, log io.Writer) error
	// Revert gives the traffic back to the warm deployment before d, or takes
	// the route away when there is none, and stops d. Used when verification failed
	// or the answer of Deploy was lost; when d has no traffic nothing moves.
	Revert(ctx context.Context, d Deployment, log io.Writer) error
	// Observe reports what runs. A service that was never deployed has an empty answer.
	Observe(ctx context.Context, service, environment string) (Observed, error)
	// Logs writes the instances' output to w, oldest first.
	Logs(ctx context.Context, q LogQuery, w io.Writer) error
	// Traffic reports what the edge counted since a time, at most the last hour.
	Traffic(ctx context.Context, service, environment string, since time.Time) (Traffic, error)
	// Remove stops everything of a service in an environment and forgets it.
	Remove(ctx context.Context, service, environment string) error
}
