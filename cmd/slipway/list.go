package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/slipway-dev/slipway/api/client"
)

// all reads every page of a list.
func all[T any](a *app, read func(ctx context.Context, c *client.ClientWithResponses, cursor *string) ([]T, string, error)) ([]T, error) {
	c, err := a.client()
	if err != nil {
		return nil, err
	}
	items := []T{}
	for cursor := ""; ; {
		page, next, err := read(a.ctx, c, given(cursor))
		var network transportError
		if errors.As(err, &network) {
			return nil, a.unreachable(network.error)
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

// refusedOr is why a page is not there: the network, or the server's problem.
func refusedOr(r answer, err error) error {
	if err != nil {
		return transportError{err}
	}
	if r == nil || reflect.ValueOf(r).IsNil() {
		return transportError{context.Canceled}
	}
	return client.ParseProblem(r.StatusCode(), r.ContentType(), r.GetBody())
}

// more says that a table is not the whole list.
func (a *app) more(cursor string, limit int) {
	if cursor != "" && !a.JSON {
		fmt.Fprintf(a.stderr, "There are more; -n %d shows them.\n", min(5*limit, 500))
	}
}

// jsonOf prints what was put together from several answers.
func (a *app) jsonOf(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return a.json(text)
}
