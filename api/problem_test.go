package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/operations"
)

// TestEveryCodeHasAStatus walks the codes; each is a documented word too.
func TestEveryCodeHasAStatus(t *testing.T) {
	doc, err := loadSpec()
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range doc.Components.Schemas["Code"].Value.Enum {
		code := slipway.Code(word.(string))
		if operations.Statuses[code] == 0 || operations.Titles[code] == "" {
			t.Errorf("%s has no status or no title", code)
		}
	}
	if n := len(doc.Components.Schemas["Code"].Value.Enum); n != len(operations.Statuses) {
		t.Errorf("the contract has %d codes, the table %d", n, len(operations.Statuses))
	}
	for err, want := range map[error]int{
		slipway.Errorf(slipway.Unauthenticated, "sign in"):              http.StatusUnauthorized,
		slipway.Errorf(slipway.Denied, "not you"):                       http.StatusForbidden,
		fmt.Errorf("while: %w", slipway.Errorf(slipway.Refused, "red")): http.StatusUnprocessableEntity,
		slipway.Errorf("strange", "hunter2"):                            http.StatusInternalServerError,
		errors.New("hunter2"):                                           http.StatusInternalServerError,
		slipway.Errorf(slipway.Internal, "hunter2"):                     http.StatusInternalServerError,
		context.DeadlineExceeded:                                        http.StatusServiceUnavailable,
	} {
		if p := operations.ProblemOf(err); p.Status != want || strings.Contains(p.Detail, "hunter2") {
			t.Errorf("%v: %+v", err, p)
		}
	}
}
