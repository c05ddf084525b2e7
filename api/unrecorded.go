package api

import (
	"context"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/platform"
)

func stray(u slipway.Unrecorded) Unrecorded {
	return Unrecorded{
		Service: u.Service, Environment: u.Environment, Deployment: u.Deployment, Release: u.Release, Artifact: string(u.Artifact), Config: string(u.Config),
		Weight: u.Weight, Instances: each(u.Instances, instance), Url: u.URL, Recorded: u.Recorded, Registered: u.Registered, Unfit: u.Unfit, Remedy: u.Remedy(),
	}
}

// ListUnrecorded lists what runs without being on record.
func (h *handlers) ListUnrecorded(ctx context.Context, _ ListUnrecordedRequestObject) (ListUnrecordedResponseObject, error) {
	all, err := h.platform.Unrecorded(ctx)
	if err != nil {
		return nil, err
	}
	return ListUnrecorded200JSONResponse{Items: each(all, stray)}, nil
}

// AdoptUnrecorded puts it on record.
func (h *handlers) AdoptUnrecorded(ctx context.Context, r AdoptUnrecordedRequestObject) (AdoptUnrecordedResponseObject, error) {
	p, err := h.platform.Adopt(ctx, platform.UnrecordedInput{Service: r.Service, Environment: r.Environment, Deployment: r.Body.Deployment, Reason: r.Body.Reason})
	if err != nil {
		return nil, err
	}
	return AdoptUnrecorded200JSONResponse(h.promotion(p)), nil
}

// EndUnrecorded ends it.
func (h *handlers) EndUnrecorded(ctx context.Context, r EndUnrecordedRequestObject) (EndUnrecordedResponseObject, error) {
	in := platform.UnrecordedInput{Service: r.Service, Environment: r.Environment, Deployment: r.Body.Deployment, Reason: r.Body.Reason, WithoutGoingBack: r.Body.WithoutGoingBack}
	if err := h.platform.EndUnrecorded(ctx, in); err != nil {
		return nil, err
	}
	return EndUnrecorded204Response{}, nil
}
