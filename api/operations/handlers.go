// Package operations is what each operation of the API does: the interface that is generated from the contract, one file
// per noun, and the words in which its problems are told. Who asks, how often, and whether a request is what the contract
// allows was settled before, in package api.
package operations

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/store"
)

// BasePath is where the API is; every operation stands below it.
const BasePath = "/api/v1"

// handlers implements the generated interface, one file per noun. Errors go to
// the one error handler; no handler knows of problem details or of echo.
type handlers struct {
	platform *platform.Platform
	log      *slog.Logger
	version  Version
	draining <-chan struct{} // closed when streams should end
}

// New answers the operations by what p knows and does. Streams end when draining is closed.
func New(p *platform.Platform, log *slog.Logger, version Version, draining <-chan struct{}) StrictServerInterface {
	return &handlers{platform: p, log: log, version: version, draining: draining}
}

var _ StrictServerInterface = (*handlers)(nil)

// GetVersion tells which build answers.
func (h *handlers) GetVersion(context.Context, GetVersionRequestObject) (GetVersionResponseObject, error) {
	return GetVersion200JSONResponse(h.version), nil
}

func page(cursor Cursor, limit Limit) store.Page {
	return store.Page{Cursor: cursor, Limit: limit}
}

// each turns rows into the API's words; its result is never nil, so that an
// empty list is [].
func each[R, T any](rows []R, f func(R) T) []T {
	out := make([]T, len(rows))
	for i, row := range rows {
		out[i] = f(row)
	}
	return out
}

func promotionPath(id int) string { return BasePath + "/promotions/" + strconv.Itoa(id) }

// when is a moment that may not have come yet.
func when(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// etag is the tag of a thing at a revision.
func etag(revision int) string { return tagged(strconv.Itoa(revision)) }

func tagged(revision string) string { return `"` + revision + `"` }

// onlyIf reads If-Match (RFC 9110, 13.1.1). Weak tags match nothing, and * is
// met by whatever is there, which the operation finds out anyway.
func onlyIf(header string) store.Precondition {
	var only store.Precondition
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimSpace(tag)
		switch {
		case tag == "":
			continue
		case tag == "*":
			return nil
		case len(tag) >= 2 && tag[0] == '"' && tag[len(tag)-1] == '"':
			only = append(only, tag[1:len(tag)-1])
		default:
			only = append(only, "") // which nothing has
		}
	}
	return only
}

type callerKey struct{}

// WithCaller is ctx that says where a request comes from.
func WithCaller(ctx context.Context, c identity.Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerFrom is where a request comes from, as WithCaller has put it there; its zero value when nobody has.
func CallerFrom(ctx context.Context) identity.Caller {
	c, _ := ctx.Value(callerKey{}).(identity.Caller)
	return c
}
