package operations

import (
	"context"
	"time"

	"github.com/slipway-dev/slipway/report"
)

// GetDelivery measures delivery.
func (h *handlers) GetDelivery(ctx context.Context, r GetDeliveryRequestObject) (GetDeliveryResponseObject, error) {
	d, err := h.platform.Delivery(ctx, report.DeliveryQuery{Service: r.Params.Service, Team: r.Params.Team, Environment: r.Params.Environment, Weeks: r.Params.Weeks}, time.Now())
	if err != nil {
		return nil, err
	}
	return GetDelivery200JSONResponse{
		Environment: d.Environment, Weeks: d.Weeks, Delivery: d.Delivery,
		Services: each(d.Services, func(s report.ServiceDelivery) ServiceDelivery {
			return ServiceDelivery{Service: s.Service, Team: s.Team, Delivery: s.Delivery}
		}),
	}, nil
}
