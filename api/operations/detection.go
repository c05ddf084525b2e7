package operations

import (
	"context"
	"encoding/json"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
)

// overrides is nil for those that were not given.
func overrides(raw *json.RawMessage) *slipway.Overrides {
	if raw == nil {
		return nil
	}
	o := slipway.Overrides(*raw)
	return &o
}

func detection(d *catalog.Detection) Detection {
	p := d.Project
	out := Detection{
		Name: d.Name, Commit: commit(d.Commit), Deployable: p.Deployable, Manager: string(p.Manager), Python: p.Python.Version, Framework: p.Framework,
		Processes: map[string]string{}, ReleaseCommand: string(p.ReleaseCommand), TestCommand: string(p.Test.Command), HealthPath: p.Health.Path,
		Findings: []Finding{}, Warnings: []DetectionProblem{}, Problems: []DetectionProblem{},
	}
	for name, command := range p.Processes {
		out.Processes[name] = string(command)
	}
	for _, f := range p.Findings {
		out.Findings = append(out.Findings, Finding{
			What: f.What, Value: f.Value, File: f.File, Line: f.Line, Rule: f.Rule, Confidence: string(f.Confidence), Rivals: f.Rivals, Key: f.Key(), Overridden: f.Overridden(),
		})
	}
	for _, w := range p.Warnings {
		out.Warnings = append(out.Warnings, DetectionProblem{Code: w.Code, Message: w.Message, File: w.File, Line: w.Line, Remedy: w.Remedy})
	}
	for _, w := range p.Problems {
		out.Problems = append(out.Problems, DetectionProblem{Code: w.Code, Message: w.Message, File: w.File, Line: w.Line, Remedy: w.Remedy})
	}
	return out
}

// DetectRepository says what a repository is that may become a service.
func (h *handlers) DetectRepository(ctx context.Context, r DetectRepositoryRequestObject) (DetectRepositoryResponseObject, error) {
	d, err := h.platform.Detect(ctx, serviceInput(*r.Body))
	if err != nil {
		return nil, err
	}
	return DetectRepository200JSONResponse(detection(d)), nil
}

// DetectService says what the next release of a service would be.
func (h *handlers) DetectService(ctx context.Context, r DetectServiceRequestObject) (DetectServiceResponseObject, error) {
	var o *slipway.Overrides
	if len(r.Body.Overrides) > 0 {
		o = overrides(&r.Body.Overrides)
	}
	d, err := h.platform.DetectService(ctx, r.Service, o)
	if err != nil {
		return nil, err
	}
	return DetectService200JSONResponse(detection(d)), nil
}
