package workflows

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python"
	"github.com/slipway-dev/slipway/python/syntax"
)

// Rehearse runs the artifact once with the config that it will have, and without
// traffic: much of what would fail after the switch is known before anybody
// decides. As nobody has decided, it has placeholders for the secrets, unless the
// policy says otherwise.
func (s *Steps) Rehearse(ctx context.Context, in StepInput) (done StepResult, err error) {
	return s.rehearse(ctx, in, slipway.StepRehearse, !in.Secrets)
}

// Preflight is the rehearsal with the secrets, once the gates are open and before
// anything is changed.
func (s *Steps) Preflight(ctx context.Context, in StepInput) (done StepResult, err error) {
	return s.rehearse(ctx, in, slipway.StepPreflight, false)
}

func (s *Steps) rehearse(ctx context.Context, in StepInput, step slipway.StepName, placeholders bool) (done StepResult, err error) {
	err = s.run(ctx, in, step, func(ctx context.Context, log io.Writer) error {
		d, err := s.deployment(ctx, in)
		if err != nil {
			return err
		}
		artifact, err := s.Builder.Open(ctx, in.Artifact)
		if err != nil {
			return err
		}
		harmless := slices.DeleteFunc(slices.Clone(d.Manifest.Trials), func(t slipway.Trial) bool { return !python.Harmless(t) })
		secret := holdsSecrets(d.Config)
		if step == slipway.StepPreflight && !secret && !in.Withheld && len(harmless) == len(d.Manifest.Trials) {
			done.Skipped = true
			return errSkip("there are no secrets and no data: the rehearsal has tried all of it")
		}
		if d.Placeholders = placeholders; placeholders {
			d.Manifest.Trials = harmless
		}
		found := variables(syntax.Variables(os.DirFS(artifact.Path), "source/"+in.Repository.Path), d)
		if len(d.Manifest.Trials) > 0 {
			results, err := s.Rehearser.Rehearse(ctx, d, log)
			if err != nil {
				return err
			}
			for _, r := range results {
				judged := python.JudgeTrial(r)
				if placeholders && (secret || r.Withheld) && judged.State == slipway.Unready {
					// Code may be right to refuse what is no secret, or to miss its data.
					judged.State, judged.Text = slipway.Unsure, judged.Text+" (with placeholders for the secrets and without the service's data; the preflight tries it with both)"
				}
				done.Withheld = done.Withheld || r.Withheld
				found = append(found, judged)
			}
		}
		if len(found) == 0 {
			done.Skipped = true
			return errSkip("there is nothing that could be run without traffic")
		}
		found = append(found, whoSees(in, step, placeholders, secret)...)
		var bad []string
		for _, f := range found {
			fmt.Fprintf(log, "%s: %s: %s\n", f.State, f.Check, f.Text)
			if f.State == slipway.Unready {
				bad = append(bad, f.Check+": "+f.Text)
			}
		}
		event := slipway.StepEvent{Promotion: in.Promotion, Step: step, State: slipway.StepRunning, Attempt: attempt(ctx), Until: bound(ctx), Rehearsal: found}
		if err := s.Ledger.Step(ctx, event); err != nil {
			return err
		}
		if len(bad) > 0 {
			said := strings.Join(bad, "; ")
			if !strings.Contains(said, " SERVICE ") { // it names no command yet
				said += d.Given(said)
			}
			return slipway.Errorf(slipway.Refused, "with the config of %s the release would not work: %s", in.Environment, said)
		}
		return nil
	})
	return done, err
}

func holdsSecrets(config slipway.Snapshot) bool {
	for _, v := range config.Env {
		if v.Secret != "" {
			return true
		}
	}
	return false
}

// whoSees tells people who look at a promotion what its code has seen of the
// environment's secrets.
func whoSees(in StepInput, step slipway.StepName, placeholders, secret bool) []slipway.Rehearsed {
	said := slipway.Rehearsed{Check: "secrets", State: slipway.Ready}
	switch {
	case !secret:
		return nil
	case placeholders:
		said.Text = fmt.Sprintf("the code has seen placeholders of their shape; those of %s it sees after the gates", in.Environment)
	case step == slipway.StepPreflight:
		said.Text = fmt.Sprintf("the code has seen those of %s, after the gates", in.Environment)
	default:
		said.Text = fmt.Sprintf("the code has seen those of %s before the gates, as the policy says", in.Environment)
	}
	return []slipway.Rehearsed{said}
}

// variables tells which variables the code wants and the config does not have.
func variables(read []syntax.Variable, d slipway.Deployment) []slipway.Rehearsed {
	if len(read) == 0 {
		return nil
	}
	var missing []string
	for _, v := range read {
		_, set := d.Config.Env[v.Name]
		if !set && v.Required && !syntax.Given(v.Name) {
			missing = append(missing, fmt.Sprintf("%s (%s:%d)", v.Name, strings.TrimPrefix(v.File, "source/"), v.Line))
		}
	}
	if len(missing) > 0 {
		return []slipway.Rehearsed{{Check: "config", State: slipway.Unsure, Text: "read without a default, and not set: " + strings.Join(missing[:min(len(missing), 20)], ", ")}}
	}
	return []slipway.Rehearsed{{Check: "config", State: slipway.Ready, Text: fmt.Sprintf("the code reads %d variables by name, and those that it can't do without are set", len(read))}}
}

// suite runs the service's own command against the URL that serves.
func (s *Steps) suite(ctx context.Context, in StepInput, d slipway.Deployment, seen slipway.Observed, log io.Writer) error {
	env := map[string]string{"BASE_URL": seen.URL, "SLIPWAY_SERVICE": in.Service, "SLIPWAY_ENVIRONMENT": in.Environment, "SLIPWAY_RELEASE": fmt.Sprint(in.Release)}
	if seen.Host != "" && !leadsHere(ctx, seen.Host) {
		// Names below localhost are resolved by browsers, but not by every system, and a
		// name of the service's own may lead elsewhere still: then the edge serves as the
		// proxy, which finds the service by its name.
		env["http_proxy"], env["HTTP_PROXY"] = seen.Edge, seen.Edge
	}
	report, err := s.Builder.Test(ctx, slipway.TestRequest{
		Artifact: in.Artifact, Path: in.Repository.Path, RunID: s.runID(in, slipway.StepVerify), History: s.history(in), Command: d.Manifest.VerifyCommand, Env: env,
	}, log)
	if slipway.CodeOf(err) == slipway.Refused {
		why := err.Error()
		if len(report.Failures) > 0 {
			why = fmt.Sprintf("%d of %d checks failed, first %s: %s", report.Failed, report.Total, report.Failures[0].Name, report.Failures[0].Message)
		}
		return slipway.Errorf(slipway.Refused, "%s said no to %s: %s", d.Manifest.VerifyCommand, seen.URL, why)
	}
	return err
}

// leadsHere tells whether a name is this machine's own, wherever it is asked.
func leadsHere(ctx context.Context, host string) bool {
	addresses, err := net.DefaultResolver.LookupIPAddr(ctx, host)
	return err == nil && len(addresses) > 0 && !slices.ContainsFunc(addresses, func(a net.IPAddr) bool { return !a.IP.IsLoopback() })
}
