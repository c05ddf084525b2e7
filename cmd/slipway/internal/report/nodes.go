package report

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// NodesCommand shows the machines that run services.
type NodesCommand struct{}

// Help has examples.
func (NodesCommand) Help() string { return "Examples:\n  slipway nodes\n  slipway nodes --json" }

// Run lists the machines that run services.
func (NodesCommand) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.ListNodesResponse, error) {
		return cl.ListNodesWithResponse(ctx)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	var rows [][]string
	for _, n := range r.JSON200.Items {
		rows = append(rows, []string{n.ID, n.Edge, fmt.Sprint(n.Services), fmt.Sprintf("%d of %d healthy", n.Instances-n.Unhealthy, n.Instances),
			fmt.Sprintf("%.1f of %d", n.Load, n.CPUs), gibibytes(n.MemoryFree, n.Memory), gibibytes(n.DiskFree, n.Disk), cli.Ago(n.Started)})
	}
	return a.Table([]string{"node", "edge", "services", "instances", "load", "memory free", "disk free", "started"}, rows)
}

func gibibytes(free, all int64) string {
	const gib = 1 << 30
	return fmt.Sprintf("%.1f of %.1f GiB", float64(free)/gib, float64(all)/gib)
}
