package slipway

import (
	"context"
	"io"
)

// Check is one HTTP check of a verification.
type Check struct {
	Path           string `json:"path"`
	Status         int    `json:"status,omitempty"` // 0 accepts 200-399
	Contains       string `json:"contains,omitempty"`
	MaxMillis      int    `json:"max_millis,omitempty"`
	Successes      int    `json:"successes,omitempty"`       // in a row; 0 means 3
	TimeoutSeconds int    `json:"timeout_seconds,omitempty"` // 0 means 30
}

// VerifyRequest asks whether a deployment serves. URL is the edge's; every
// answer must carry the header ReleaseHeader with Release, or another release
// answered. Health is a path that instances answer well when they are asked
// directly, "" when none is known: what answers it with 400 at the edge refuses
// the edge's host name.
//
// Refusal says what to do when it does so, and HostStatus is with what it answers
// then beside 400, 0 for nothing else.
//
// Beyond the checks it looks at a page, as Pages says.
type VerifyRequest struct {
	URL     string
	Host    string
	Refusal string
	Release string // the deployment id expected in ReleaseHeader
	Checks  []Check
	Health  string
	Pages   Pages

	HostStatus int
}

// Pages is what becomes of a release whose page asks for files of its own that
// don't come.
type Pages string

const (
	PagesWarn   Pages = "" // said, and nothing else
	PagesRefuse Pages = "refuse"
	PagesIgnore Pages = "ignore" // no page is looked at
)

// PagesOf reads what slipway.yaml says of pages.
func PagesOf(stated string) Pages {
	if stated == "warn" {
		return PagesWarn
	}
	return Pages(stated)
}

// ReleaseHeader is set by the edge on every answer: the id of the deployment
// that served it.
const ReleaseHeader = "Slipway-Deployment"

// CheckResult is how one check went.
type CheckResult struct {
	Path     string `json:"path"`
	Passed   bool   `json:"passed"`
	Requests int    `json:"requests"`
	Millis   int    `json:"millis"` // slowest of the last row
	Reason   string `json:"reason,omitempty"`

	Warnings []string `json:"warnings,omitempty"` // what people would meet, and fails nothing

	// Status is that of the last answer, 0 when there was none. It tells an error of
	// the service from an answer that wasn't what a check wants.
	Status int `json:"-"`
}

// Verifier looks at a running deployment from outside. It may be repeated.
type Verifier interface {
	// Verify returns the results, and Refused beside them when a check did not
	// pass before its deadline.
	Verify(ctx context.Context, req VerifyRequest, log io.Writer) ([]CheckResult, error)
}
