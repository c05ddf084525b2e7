package operations

import (
	"bytes"
	"context"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
)

func release(r *ent.Release) Release {
	out := Release{
		Number: r.Number, Artifact: slipway.Digest(r.Artifact), Tests: tests(r.Tests), CreatedAt: r.CreatedAt.UTC(), BuiltUnder: r.BuiltUnder,
		Commit: Commit{Id: r.Commit, Ref: r.Ref, Author: r.Author, Subject: r.Subject, Time: r.CommittedAt.UTC()},
	}
	if r.Edges.Service != nil {
		out.Service = r.Edges.Service.Name
	}
	for _, d := range r.Edges.Deployments {
		if d.Edges.Environment != nil {
			out.Environments = append(out.Environments, d.Edges.Environment.Name)
		}
	}
	return out
}

// tests is absent until they have run.
func tests(t *slipway.TestReport) Tests {
	if t == nil {
		return Tests{}
	}
	return Tests{
		Verdict: t.Verdict, Reason: t.Reason,
		Command: t.Command, Total: t.Total, Passed: t.Passed, Failed: t.Failed, Errors: t.Errors, Skipped: t.Skipped, Seconds: t.Seconds,
		Failures: each(t.Failures, func(f slipway.TestFailure) TestFailure {
			return TestFailure{Name: f.Name, File: f.File, Line: f.Line, Message: f.Message, Excerpt: f.Excerpt}
		}),
	}
}

func manifest(m slipway.Manifest) Manifest {
	return Manifest{
		Python: m.Python, Framework: m.Framework, ReleaseCommand: m.ReleaseCommand, HealthPath: m.Health.Path, Lock: m.Lock, PackagesAsOf: m.PackagesAsOf,
		Processes: each(m.Processes, func(p slipway.Process) Process {
			return Process{Name: p.Name, Command: p.Command, Instances: p.Instances}
		}),
	}
}

// ListReleases lists the releases of a service, newest first.
func (h *handlers) ListReleases(ctx context.Context, r ListReleasesRequestObject) (ListReleasesResponseObject, error) {
	list, err := h.platform.Releases(ctx, r.Service, page(r.Params.Cursor, r.Params.Limit))
	if err != nil {
		return nil, err
	}
	return ListReleases200JSONResponse{Items: each(list.Items, release), NextCursor: list.Next}, nil
}

// GetRelease shows a release with what it contains. When its artifact was
// removed, the dependencies are empty.
func (h *handlers) GetRelease(ctx context.Context, r GetReleaseRequestObject) (GetReleaseResponseObject, error) {
	row, err := h.platform.Release(ctx, r.Service, r.Number)
	if err != nil {
		return nil, err
	}
	contents, err := h.platform.Dependencies(ctx, r.Service, r.Number)
	if err != nil && slipway.CodeOf(err) != slipway.NotFound {
		return nil, err
	}
	short := release(row)
	return GetRelease200JSONResponse{
		Number: short.Number, Service: short.Service, Commit: short.Commit, Artifact: short.Artifact, Tests: short.Tests,
		Environments: short.Environments, CreatedAt: short.CreatedAt, BuiltUnder: short.BuiltUnder, Manifest: manifest(row.Manifest),
		Dependencies: each(contents, func(d slipway.Dependency) Dependency {
			return Dependency{Name: d.Name, Version: d.Version, Direct: d.Direct}
		}),
	}, nil
}

// GetReleaseSbom returns the CycloneDX document as it was written.
func (h *handlers) GetReleaseSbom(ctx context.Context, r GetReleaseSbomRequestObject) (GetReleaseSbomResponseObject, error) {
	text, err := h.platform.SBOM(ctx, r.Service, r.Number)
	if err != nil {
		return nil, err
	}
	return document{kind: "application/vnd.cyclonedx+json", body: bytes.NewReader(text), size: int64(len(text))}, nil
}
