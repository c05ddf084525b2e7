package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
)

// Event is one server-sent event.
type Event struct {
	ID   string
	Name string // "step", "promotion" or "log"
	Data []byte
}

// maxEvent bounds one event; a log event carries at most 64 KiB of text.
const maxEvent = 1 << 20

// ReadEvents reads server-sent events from r until it ends, calling on for
// each. Comments and unknown fields are skipped. It returns what on returned,
// or what reading returned; a clean end is io.EOF.
func ReadEvents(r io.Reader, on func(Event) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 8<<10), maxEvent)
	var e Event
	var id string
	var data []string
	size := 0
	for lines.Scan() {
		line := lines.Text()
		if line == "" {
			if data != nil {
				e.ID, e.Data = id, []byte(strings.Join(data, "\n"))
				if err := on(e); err != nil {
					return err
				}
			}
			e, data, size = Event{}, nil, 0
			continue
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "id":
			id = value
		case "event":
			e.Name = value
		case "data":
			if size += len(value); size > maxEvent {
				return fmt.Errorf("an event is larger than %d bytes", maxEvent)
			}
			data = append(data, value)
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return io.EOF
}

// Follower follows one promotion to its end, across restarts of the platform.
type Follower struct {
	Client *ClientWithResponses
	// On is called for each event, in order. An error from it ends Follow.
	On func(Event) error
	// Lost is called when the stream broke and Follow begins to wait, and Found
	// when it goes on. Either may be nil.
	Lost  func(err error)
	Found func()
	// Wait is the pause before another try; 0 means half a second.
	Wait time.Duration
}

// errOver ends reading after the last event.
var errOver = errors.New("the promotion is over")

// Follow returns nil after the promotion event that carries a final state. A
// platform that goes away is waited for until ctx ends; an answer that says no
// (such as not_found) is returned.
func (f *Follower) Follow(ctx context.Context, promotion int) error {
	var last string
	lost := false
	for {
		err := f.once(ctx, promotion, &last, &lost)
		switch {
		case errors.Is(err, errOver):
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		}
		var broken *brokenError
		if !errors.As(err, &broken) {
			return err
		}
		if !lost && f.Lost != nil && !errors.Is(err, io.EOF) {
			f.Lost(err)
			lost = true
		}
		if err := pause(ctx, f.Wait); err != nil {
			return err
		}
	}
}

// brokenError is a stream that ended before its promotion did.
type brokenError struct{ err error }

func (b *brokenError) Error() string { return "the event stream broke: " + b.err.Error() }
func (b *brokenError) Unwrap() error { return b.err }

func (f *Follower) once(ctx context.Context, promotion int, last *string, lost *bool) error {
	params := &FollowPromotionParams{}
	if *last != "" {
		params.LastEventID = last
	}
	resp, err := f.Client.ClientInterface.FollowPromotion(ctx, promotion, params)
	if err != nil {
		return &brokenError{err}
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return statusError(resp)
	}
	if *lost {
		*lost = false
		if f.Found != nil {
			f.Found()
		}
	}
	err = ReadEvents(resp.Body, func(e Event) error {
		if e.ID != "" {
			*last = e.ID
		}
		if err := f.On(e); err != nil {
			return &handlerError{err}
		}
		if e.Name == "promotion" && over(e.Data) {
			return errOver
		}
		return nil
	})
	var own *handlerError
	switch {
	case errors.Is(err, errOver):
		return errOver
	case errors.As(err, &own):
		return own.err
	}
	return &brokenError{err}
}

// handlerError keeps what On returned apart from what the network said.
type handlerError struct{ err error }

func (h *handlerError) Error() string { return h.err.Error() }

func over(data []byte) bool {
	var p struct {
		State slipway.PromotionState `json:"state"`
	}
	return json.Unmarshal(data, &p) == nil && p.State != "" && p.State.Over()
}

// statusError is the problem that a response carries. What may pass by itself
// counts as a broken stream.
func statusError(resp *http.Response) error {
	err := ProblemError(resp)
	if resp.StatusCode == http.StatusServiceUnavailable || resp.StatusCode == http.StatusBadGateway {
		return &brokenError{err}
	}
	return err
}

// ProblemError reads a response that isn't a success as a slipway error.
func ProblemError(resp *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the platform's answer broke off")
	}
	return ParseProblem(resp.StatusCode, resp.Header.Get("Content-Type"), text)
}

// ParseProblem turns problem details into a slipway error.
func ParseProblem(status int, contentType string, body []byte) error {
	var p Problem
	kind, _, _ := mime.ParseMediaType(contentType)
	if kind != "application/problem+json" || json.Unmarshal(body, &p) != nil || p.Code == "" {
		return slipway.Errorf(slipway.Internal, "the server answered %d and is perhaps not Slipway", status)
	}
	out := slipway.Errorf(p.Code, "%s", p.Detail)
	if p.Code == slipway.Internal {
		out.Message = fmt.Sprintf("%s (request %s; the platform's log says more)", p.Detail, p.RequestId)
	}
	if len(p.Errors) > 0 {
		out.Field = p.Errors[0].Field
	}
	return out
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		d = 500 * time.Millisecond
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
