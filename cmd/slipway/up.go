package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway"
)

// upCommand runs the platform, embedded, until it is told to stop.
type upCommand struct {
	Listen string `default:"127.0.0.1:7070" help:"Address of the API; a loopback address." env:"SLIPWAY_LISTEN"`
	Edge   string `default:"127.0.0.1:7080" help:"Address of the edge, where services answer." env:"SLIPWAY_EDGE"`
}

func (c *upCommand) Help() string {
	return `Starts storage, the workflow engine, a worker and the API in this process, and
the node agent with the edge in another one that outlives it. Ctrl-C stops the
platform; services go on. slipway down stops everything.

  slipway up
  slipway up --data ./data --listen 127.0.0.1:7171 --edge 127.0.0.1:7181`
}

func (c *upCommand) Run(a *app) error {
	ctx := a.ctx
	began := time.Now()
	p, err := startEmbedded(ctx, a.Data, c.Listen, c.Edge, newLogger(a.stderr, slog.LevelWarn))
	if err != nil {
		return err
	}
	defer p.stop()
	fmt.Fprintf(a.stdout, "Slipway is up after %.1f s.\n", time.Since(began).Seconds())
	fmt.Fprintf(a.stdout, "  portal    http://%s/\n  API       http://%s/api/v1/\n", p.Listen, p.Listen)
	fmt.Fprintf(a.stdout, "  services  http://SERVICE.ENVIRONMENT.localhost:%s\n", portOf(p.Edge))
	fmt.Fprintf(a.stdout, "  data      %s\n", a.Data)
	if err := p.inviteAdmin(ctx, a.stdout); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		fmt.Fprintln(a.stdout, "Stopping the platform; services go on. Stop them with: slipway down")
		return nil
	case err := <-p.failed:
		return fmt.Errorf("the API stopped: %w", err)
	}
}

// inviteAdmin prints the link by which the first admin is made, while there is none.
func (p *embedded) inviteAdmin(ctx context.Context, w io.Writer) error {
	invited, first, err := p.core.SetUp(ctx)
	if err != nil || !first {
		return err
	}
	_, err = fmt.Fprintf(w, "There is no admin yet. Make one, once, within a day: open\n  %s\nor give it to slipway login --invitation.\n"+
		"Until then, commands on this machine that can read the data directory act as its operator.\n", p.core.InvitationURL(invited))
	return err
}

// downCommand stops the platform, the node agent and every service.
type downCommand struct{}

func (c *downCommand) Help() string {
	return `Stops the platform on a data directory, the node agent, the edge and every
service it runs. Nothing is deleted: the next slipway up starts them again.

  slipway down
  slipway down --data ./data`
}

func (c *downCommand) Run(a *app) error {
	ctx := a.ctx
	if err := stopUp(ctx, a.Data); err != nil {
		return err
	}
	if err := stopAgent(ctx, a.Data); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout, "Slipway is down: platform, edge and services have stopped.")
	return nil
}

// stopUp ends the platform's process and waits until it has let go of the data
// directory.
func stopUp(ctx context.Context, data string) error {
	holder := &embedded{log: slog.New(slog.DiscardHandler)}
	if _, err := os.Stat(data); os.IsNotExist(err) {
		return slipway.Errorf(slipway.NotFound, "there is no platform in %s; name its directory with --data", data)
	}
	if err := holder.lock(data); err == nil {
		holder.stop()
		return nil
	}
	r, err := readRunning(data)
	if err != nil {
		return slipway.Wrap(slipway.Conflict, err, "a platform is just starting or stopping on %s; try again in a moment", data)
	}
	if err := syscall.Kill(r.PID, syscall.SIGTERM); err != nil {
		return slipway.Wrap(slipway.Internal, err, "process %d of the platform can't be stopped", r.PID)
	}
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	poll := time.NewTicker(25 * time.Millisecond)
	defer poll.Stop()
	for {
		select {
		case <-poll.C:
			if holder.lock(data) == nil {
				holder.stop()
				return nil
			}
		case <-deadline.C:
			return slipway.Errorf(slipway.Unavailable, "process %d of the platform did not stop within 30 s; end it with: kill -9 %d", r.PID, r.PID)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
