package operations

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
)

// SteerCanary tells a canary what to do.
func (h *handlers) SteerCanary(ctx context.Context, r SteerCanaryRequestObject) (SteerCanaryResponseObject, error) {
	p, err := h.platform.Steer(ctx, strconv.Itoa(r.Promotion), r.Body.What, r.Body.Reason)
	if err != nil {
		return nil, err
	}
	return SteerCanary200JSONResponse(h.promotion(p)), nil
}

// GetTraffic shows what the edge counted.
func (h *handlers) GetTraffic(ctx context.Context, r GetTrafficRequestObject) (GetTrafficResponseObject, error) {
	minutes := r.Params.Minutes
	if minutes == 0 {
		minutes = 15
	}
	t, err := h.platform.TrafficOf(ctx, r.Service, r.Environment, time.Now().Add(-time.Duration(minutes)*time.Minute))
	if err != nil {
		return nil, err
	}
	out := Traffic{Since: t.Since.UTC(), Releases: []ReleaseTraffic{}}
	for id, counted := range t.Deployments {
		var sum slipway.Answers
		of := ReleaseTraffic{Deployment: id, Release: t.Releases[id], Slices: []TrafficSlice{}}
		for _, s := range counted {
			sum.Add(s.Answers)
			f := s.Figures()
			of.Slices = append(of.Slices, TrafficSlice{At: s.At, Requests: s.Requests, Failed: s.Failed, Refused: s.Refused, P50: f.P50, P95: f.P95})
		}
		f := sum.Figures()
		of.Requests, of.Failed, of.Refused, of.P50, of.P95 = sum.Requests, sum.Failed, sum.Refused, f.P50, f.P95
		of.P99 = float64(sum.Quantile(0.99).Microseconds()) / 1000
		out.Releases = append(out.Releases, of)
	}
	slices.SortFunc(out.Releases, func(a, b ReleaseTraffic) int { return strings.Compare(a.Deployment, b.Deployment) })
	return GetTraffic200JSONResponse(out), nil
}
