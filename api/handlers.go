package api

import (
	"context"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway/store"
)

// handlers implements the generated interface, one file per noun. Errors go to
// the one error handler; no handler knows of problem details or of echo.
type handlers struct{ *Server }

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
