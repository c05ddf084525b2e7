package operations

import (
	"context"
	"strconv"

	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/platform"
)

func bundleInput(in *BundleInput) platform.BundleInput {
	out := platform.BundleInput{Environment: in.Environment}
	for _, m := range in.Promotions {
		out.Members = append(out.Members, platform.PromoteInput{Service: m.Service, Ref: m.Ref, Release: m.Release})
	}
	return out
}

func (h *handlers) bundle(rows []*ent.Promotion) Bundle {
	out := Bundle{Id: rows[0].Bundle, Promotions: each(rows, h.promotion), Over: true}
	for _, p := range out.Promotions {
		out.Environment, out.Over = p.Environment, out.Over && p.State.Over()
	}
	return out
}

// CreateBundle promotes several services together.
func (h *handlers) CreateBundle(ctx context.Context, r CreateBundleRequestObject) (CreateBundleResponseObject, error) {
	rows, err := h.platform.PromoteBundle(ctx, bundleInput(r.Body))
	if err != nil {
		return nil, err
	}
	return CreateBundle202JSONResponse{Body: h.bundle(rows), Headers: CreateBundle202ResponseHeaders{Location: BasePath + "/bundles/" + strconv.Itoa(rows[0].Bundle)}}, nil
}

// PlanBundle says what a bundle would do.
func (h *handlers) PlanBundle(ctx context.Context, r PlanBundleRequestObject) (PlanBundleResponseObject, error) {
	plans, err := h.platform.PlanBundle(ctx, bundleInput(r.Body))
	if err != nil {
		return nil, err
	}
	out := PlanBundle200JSONResponse{Items: []Plan{}}
	for _, p := range plans {
		one, err := h.planned(ctx, p)
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, one)
	}
	return out, nil
}

// GetBundle shows a bundle.
func (h *handlers) GetBundle(ctx context.Context, r GetBundleRequestObject) (GetBundleResponseObject, error) {
	rows, err := h.platform.Bundle(ctx, strconv.Itoa(r.Bundle))
	if err != nil {
		return nil, err
	}
	return GetBundle200JSONResponse(h.bundle(rows)), nil
}
