package cli

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
	ExitError  = 1
	ExitUsage  = 2 // usage or invalid input
	ExitFailed = 3 // the service's own tests or checks said no
)

// report prints an error and returns the exit code that it has.
func (a *App) report(err error) int {
	var ended *EndedError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &ended): // already told on the screen
		return ended.Exit
	case a.Context.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(a.Stderr, "slipway: interrupted")
		return ExitError
	}
	if a.JSON {
		complain(a.Stderr, err)
	} else {
		fmt.Fprintln(a.Stderr, "slipway:", err)
	}
	switch slipway.CodeOf(err) {
	case slipway.Invalid:
		return ExitUsage
	case slipway.Refused:
		return ExitFailed
	}
	return ExitError
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

// EndedError is an outcome that the command has shown itself.
type EndedError struct{ Exit int }

func (e *EndedError) Error() string { return fmt.Sprintf("ended with exit code %d", e.Exit) }
