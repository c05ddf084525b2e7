package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/slipway-dev/slipway/api/client"
)

// All reads every page of a list.
func All[T any](a *App, read func(ctx context.Context, c *client.ClientWithResponses, cursor *string) ([]T, string, error)) ([]T, error) {
	c, err := a.Client()
	if err != nil {
		return nil, err
	}
	items := []T{}
	for cursor := ""; ; {
		page, next, err := read(a.Context, c, Given(cursor))
		var network transportError
		if errors.As(err, &network) {
			return nil, a.Unreachable(network.error)
		}
		if err != nil {
			return nil, err
		}
		items = append(items, page...)
		if next == "" || next == cursor {
			return items, nil
		}
		cursor = next
	}
}

// transportError is the network's, not yet in words for people.
type transportError struct{ error }

func (t transportError) Unwrap() error { return t.error }

// RefusedOr is why a page is not there: the network, or the server's problem.
func RefusedOr(r answer, err error) error {
	if err != nil {
		return transportError{err}
	}
	if r == nil || reflect.ValueOf(r).IsNil() {
		return transportError{context.Canceled}
	}
	return client.ParseProblem(r.StatusCode(), r.ContentType(), r.GetBody())
}

// More says that a table is not the whole list.
func (a *App) More(cursor string, limit int) {
	if cursor != "" && !a.JSON {
		fmt.Fprintf(a.Stderr, "There are more; -n %d shows them.\n", min(5*limit, 500))
	}
}

// PrintJSON prints what was put together from several answers.
func (a *App) PrintJSON(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return a.PrintAnswer(text)
}
