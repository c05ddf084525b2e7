package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/slipway-dev/slipway"
)

// Exit codes, documented in the README.
const (
	exitDone   = 0
	exitError  = 1
	exitUsage  = 2 // usage or invalid input
	exitFailed = 3 // the service's own tests or checks said no
)

// report prints an error and returns the exit code that it has.
func (a *app) report(err error) int {
	var ended *endedError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &ended): // already told on the screen
		return ended.exit
	case a.ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(a.stderr, "slipway: interrupted")
		return exitError
	}
	if a.JSON {
		complain(a.stderr, err)
	} else {
		fmt.Fprintln(a.stderr, "slipway:", err)
	}
	switch slipway.CodeOf(err) {
	case slipway.Invalid:
		return exitUsage
	case slipway.Refused:
		return exitFailed
	}
	return exitError
}

// complain prints an error as a line of JSON: the problem details of the API, as
// far as a program here knows them.
func complain(w io.Writer, err error) {
	type field struct {
		Field   string `json:"field"`
		Message string `json:"message"`
	}
	problem := struct {
		Code   slipway.Code `json:"code"`
		Detail string       `json:"detail"`
		Errors []field      `json:"errors,omitempty"`
	}{Code: slipway.CodeOf(err), Detail: err.Error()}
	var known *slipway.Error
	if errors.As(err, &known) && known.Field != "" {
		problem.Errors = []field{{known.Field, known.Message}}
	}
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	_ = out.Encode(problem) // nothing is left to tell it to
}

// endedError is an outcome that the command has shown itself.
type endedError struct{ exit int }

func (e *endedError) Error() string { return fmt.Sprintf("ended with exit code %d", e.exit) }
