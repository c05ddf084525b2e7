package slipway

import (
	"errors"
	"fmt"
	"time"
)

// Code says what kind of error it is. It decides the HTTP status, the exit
// code of the CLI, and whether Temporal tries again.
type Code string

const (
	Invalid         Code = "invalid"         // the input is wrong; Field names where
	NotFound        Code = "not_found"       //
	Conflict        Code = "conflict"        // right in itself, but not now
	Outdated        Code = "outdated"        // based on what somebody else has changed since
	Denied          Code = "denied"          //
	FactorMissing   Code = "factor_needed"   // denied until it is done with a second factor
	Unauthenticated Code = "unauthenticated" //
	Unproved        Code = "proof_needed"    // signed in, and asked to prove once more that it is still the same person
	Unavailable     Code = "unavailable"     // something else is down: try again
	Limited         Code = "limited"         // too often: try again later
	Refused         Code = "failed"          // the service's own build, tests or checks said no
	Unknown         Code = "unknown"         // it may have happened or not: a person has to look, nothing is tried again
	Internal        Code = "internal"        // a defect or a broken machine; never shown in full
)

// Error is the one error type that reaches people: a code, and a sentence that
// says what to do next. Its message carries no secret and no tool's raw output.
type Error struct {
	Code    Code
	Message string
	Field   string        // the input field at fault, when Code is Invalid
	After   time.Duration // when to try again, if Code is Limited
	Err     error         // the cause, for the log only
	More    []*Error      // what is wrong with other fields
}

// Errorf makes an error of the given code. A %w verb keeps the cause.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), Err: errors.Unwrap(err)}
}

// Wrap gives a cause a code and a sentence without showing the cause.
func Wrap(code Code, cause error, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Err: cause}
}

// At names the input field at fault.
func (e *Error) At(field string) *Error { e.Field = field; return e }

func (e *Error) Error() string { return e.Message }
func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns err's code; an error without one is Internal. A nil error has
// the code "".
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}

// OutcomeOf tells how a step that returned err ended.
func OutcomeOf(err error) Outcome {
	switch CodeOf(err) {
	case "":
		return Succeeded
	case Refused, Invalid, NotFound, Conflict, Outdated, Denied, FactorMissing:
		return Failed
	}
	return Errored
}

// Retryable tells whether doing the same again could end otherwise.
func Retryable(err error) bool {
	switch CodeOf(err) {
	case Unavailable, Limited, Internal:
		return true
	}
	return false
}
