package workflows

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/slipway-dev/slipway"
)

// Verify looks at the deployment from outside. Success is said only after the
// approved artifact was observed to have the traffic and to answer.
func (s *Steps) Verify(ctx context.Context, in StepInput) error {
	return s.part(ctx, in, slipway.StepVerify, 0, in.Bake == 0, nil, func(ctx context.Context, log io.Writer) error {
		d, err := s.deployment(ctx, in)
		if err != nil {
			return err
		}
		seen, err := s.Target.Observe(ctx, in.Service, in.Environment)
		if err != nil {
			return err
		}
		if seen.Deployment != d.ID || seen.Artifact != d.Artifact {
			return slipway.Errorf(slipway.Refused, "another deployment (%s) has the traffic, not this one", seen.Deployment)
		}
		var results []slipway.CheckResult
		if seen.URL != "" {
			results, err = s.Verifier.Verify(ctx, slipway.VerifyRequest{
				URL: seen.Edge, Host: seen.Host, HostStatus: hostStatus(d, seen), Refusal: slipway.RefusedHost(in.Service, in.Environment, seen.Host, d.Manifest.Hosts, d.Config.Env), Release: d.ID, Checks: d.Manifest.Checks, Health: d.Manifest.Health.Well(), Pages: d.Manifest.Pages,
			}, log)
			err = s.because(ctx, err, results, d)
			if err == nil && d.Manifest.VerifyCommand != "" {
				err = s.suite(ctx, in, d, seen, log)
			}
		} else if err = healthy(seen); err == nil {
			fmt.Fprintln(log, "no web process: every instance runs")
		}
		if err != nil || in.Bake > 0 {
			return err
		}
		if err := s.Ledger.Deployed(ctx, d, slipway.DeploymentVerified); err != nil {
			return err
		}
		return warned(results)
	})
}

// because adds to the error of a verification that met an error of the service what
// the service itself has printed of it last.
func (s *Steps) because(ctx context.Context, err error, results []slipway.CheckResult, d slipway.Deployment) error {
	if slipway.CodeOf(err) != slipway.Refused || len(results) == 0 || results[len(results)-1].Status < 500 {
		return err
	}
	const lines = 200
	var printed strings.Builder
	if unread := s.Target.Logs(ctx, slipway.LogQuery{Service: d.Service, Environment: d.Environment, Process: "web", Lines: lines}, &printed); unread != nil {
		return err // what was seen is said without
	}
	var text strings.Builder
	for line := range strings.Lines(printed.String()) {
		_, said, _ := strings.Cut(line, " | ") // after the instance's name
		text.WriteString(said)
	}
	if says := d.Cause(text.String()); says != "" {
		return slipway.Errorf(slipway.Refused, "%w%s", err, says)
	}
	return err
}

// warned says what a verification saw that fails nothing.
func warned(results []slipway.CheckResult) error {
	var said []string
	for _, r := range results {
		said = append(said, r.Warnings...)
	}
	if len(said) == 0 {
		return nil
	}
	return errSaid(strings.Join(said, "; "))
}

// healthy wants every instance of a service without web processes to run.
func healthy(o slipway.Observed) error {
	for _, i := range o.Instances {
		if i.State != slipway.InstanceHealthy {
			return slipway.Errorf(slipway.Refused, "instance %s is %s: %s", i.ID, i.State, i.Reason)
		}
	}
	return nil
}

// hostStatus is with what beside 400 a deployment answers because of its host: 404
// where its routes are bound to others.
func hostStatus(d slipway.Deployment, seen slipway.Observed) int {
	if d.Manifest.Hosts.Refuses(404, seen.Host, d.Config.Env) {
		return 404
	}
	return 0
}
