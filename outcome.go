package slipway

import (
	"fmt"
	"strings"
)

// Outcome is what a look at the gates comes to: running when all of them are open,
// waiting for those that are closed, or an end; and why.
func (f GateFacts) Outcome() (state PromotionState, why string, waits []Wait) {
	waits = f.Gates()
	rejected, no := f.Rejected()
	lost, broken := f.Bundle.Broken()
	ends, reason := f.Ends()
	switch {
	case no:
		why = "rejected by " + rejected.Name
		if rejected.Comment != "" {
			why += ": " + rejected.Comment
		}
		return PromotionRejected, why, waits
	case ends != "":
		return ends, reason, waits
	case broken:
		why = fmt.Sprintf("bundle %d can't be completed: promotion %s of %s was %s", f.BundleID, lost.Promotion, lost.Service, lost.State)
		if lost.Reason != "" {
			why += " (" + lost.Reason + ")"
		}
		return PromotionCancelled, why, waits
	case len(waits) == 0:
		return PromotionRunning, "", nil
	case !f.Now.Before(f.Expires()):
		return PromotionExpired, "given up after waiting since " + f.Asked.UTC().Format("2006-01-02 15:04 UTC") + ": " + reasons(waits), nil
	}
	return PromotionWaiting, reasons(waits), waits
}

func reasons(waits []Wait) string {
	list := make([]string, len(waits))
	for i, w := range waits {
		list[i] = w.Reason
	}
	return strings.Join(list, "; ")
}
