package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// onRecord compares what runs with what is on record, both ways, as far as who asks
// may see it.
func (d *doctor) onRecord() {
	r, err := cli.Call(d.App, func(ctx context.Context, cl *client.ClientWithResponses) (*client.ListUnrecordedResponse, error) {
		return cl.ListUnrecordedWithResponse(ctx)
	})
	if slipway.CodeOf(err) == slipway.Unauthenticated {
		return // "account" says so
	}
	if err != nil {
		d.say("record", warn, "what runs can't be compared with what is on record: "+err.Error(), "look again when the platform and the node agent answer")
		return
	}
	s, err := cli.Call(d.App, func(ctx context.Context, cl *client.ClientWithResponses) (*client.GetStatusResponse, error) {
		return cl.GetStatusWithResponse(ctx, &client.GetStatusParams{})
	})
	if err != nil {
		d.say("record", warn, "what should run can't be told: "+err.Error(), "look again when the platform answers")
		return
	}
	var found, remedies []string
	for _, u := range r.JSON200.Items {
		found = append(found, fmt.Sprintf("%s runs in %s as release %d and isn't on record", u.Service, u.Environment, u.Release))
		remedies = append(remedies, fmt.Sprintf("%s in %s: %s", u.Service, u.Environment, u.Remedy))
	}
	for _, c := range s.JSON200.Cells {
		if c.Condition == slipway.ConditionDown && len(c.Instances) == 0 {
			found = append(found, fmt.Sprintf("release %d of %s is on record in %s and doesn't run", c.Release, c.Service, c.Environment))
			remedies = append(remedies, fmt.Sprintf("slipway redeploy %s --env %s", c.Service, c.Environment))
		}
	}
	if len(found) > 0 {
		d.say("record", warn, strings.Join(found, "; "), strings.Join(remedies, "; "))
		return
	}
	d.say("record", ok, "all that runs is on record, and all that is on record runs", "")
}
