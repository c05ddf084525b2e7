package slipway

import (
	"context"
	"fmt"
	"io"
)

// Running is what a target runs of a service in an environment, whoever asked for it.
type Running struct {
	Service     string `json:"service"`
	Environment string `json:"environment"`
	Newest      int64  `json:"newest"` // the fence of the newest deployment that it was asked for
	Observed
}

// Ending asks a target to end a deployment.
type Ending struct {
	Service, Environment string
	Deployment           string
	Back                 string // the deployment that gets the traffic when it is still kept warm; "" for none
}

// Inventory is the target's own account of what it runs. It outlives the record of
// what was asked of it: after a restore of an older database it knows more.
type Inventory interface {
	// Running lists all services and environments that the target knows, also those
	// in which nothing runs any more, sorted by name.
	Running(ctx context.Context) ([]Running, error)
	// Recall returns a deployment as the target was asked for it; NotFound when it
	// doesn't have it.
	Recall(ctx context.Context, service, environment, id string) (Deployment, error)
	// End takes the traffic from a deployment, drains and stops it, as a deployment
	// that takes over would. What the service keeps on disk stays. A deployment that
	// the target doesn't have has ended.
	End(ctx context.Context, e Ending, log io.Writer) error
}

// Unrecorded is a deployment that a target runs and that the database knows nothing
// of, as after a restore of an older one.
type Unrecorded struct {
	Service     string
	Environment string
	Deployment  string
	Release     int // as it was started; another one may have this number by now
	Artifact    Digest
	Config      Digest
	Weight      int        // percent of the requests that it has; 100 unless it was taking over little by little
	Instances   []Instance // of it
	URL         string
	Recorded    int    // the release that the database says runs there; 0 for none
	Unfit       string // why it can't be adopted; "" where it can
	Registered  bool   // the service and the environment are known by name
}

// String says it in a sentence that goes on behind it with what to do.
func (u Unrecorded) String() string {
	instead := "and the record says that nothing does"
	if u.Recorded != 0 {
		instead = fmt.Sprintf("and the record says that release %d does", u.Recorded)
	}
	return fmt.Sprintf("a deployment of %s runs in %s (release %d, deployment %s) that isn't on record, %s, as after a restore of an older database", u.Service, u.Environment, u.Release, u.Deployment, instead)
}

// Remedy says what to do, as commands.
func (u Unrecorded) Remedy() string {
	adopt, end := fmt.Sprintf("slipway unrecorded adopt %s --env %s --reason ...", u.Service, u.Environment), fmt.Sprintf("slipway unrecorded end %s --env %s --reason ...", u.Service, u.Environment)
	if u.Unfit != "" {
		return "end it (" + end + "); it can't be adopted: " + u.Unfit
	}
	return "adopt it (" + adopt + ") or end it (" + end + ")"
}
