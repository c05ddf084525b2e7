package api

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/operations"
	"github.com/slipway-dev/slipway/store"
)

const idempotencyHeader = "Idempotency-Key"

// secretAnswers are the operations whose answer holds a secret, which is shown
// once and kept nowhere.
var secretAnswers = []string{"createToken", "createInvitation", "createWebhook", "rotateWebhookSecret"}

// once carries out a creating call with an Idempotency-Key once, however often
// it is made. Answers that aren't a success are not kept: nothing was done then.
func (s *Server) once(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r, w := c.Request(), c.Response()
		item := s.spec.Paths.Value(specPath(c.Path()))
		key := r.Header.Get(idempotencyHeader)
		if key == "" || item == nil || item.GetOperation(r.Method) == nil || item.GetOperation(r.Method).Parameters.GetByInAndName("header", idempotencyHeader) == nil {
			return next(c)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return invalidRequest(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		call, before, err := s.platform.Once(r.Context(), key, r.Method+" "+r.URL.RequestURI()+"\n"+string(body))
		if errors.Is(err, store.ErrKeyReused) {
			return operations.Refuse(http.StatusUnprocessableEntity, slipway.Invalid, "%s", err)
		}
		if err != nil {
			return err
		}
		secret := slices.Contains(secretAnswers, item.GetOperation(r.Method).OperationID)
		if before != nil {
			return replay(w, *before, secret)
		}
		kept := &recorder{ResponseWriter: w.Writer}
		w.Writer = kept
		err = next(c)
		w.Writer = kept.ResponseWriter
		if err != nil || w.Status >= 300 {
			if forgotten := call.Failed(r.Context()); forgotten != nil {
				s.log.Error("an idempotency key could not be released", "error", forgotten)
			}
			return err
		}
		answer := store.Answer{Status: w.Status, Location: w.Header().Get("Location"), Body: kept.body.Bytes()}
		if secret {
			answer.Body = nil
		}
		if err := call.Done(r.Context(), answer); err != nil {
			s.log.Error("the answer to a call with an idempotency key could not be kept", "error", err)
		}
		return nil
	}
}

func replay(w *echo.Response, a store.Answer, secret bool) error {
	if secret {
		return slipway.Errorf(slipway.Conflict, "this call was carried out before, and its answer held a secret that is shown once; if it got lost, revoke what was made and make another with a new key")
	}
	if a.Location != "" {
		w.Header().Set("Location", a.Location)
	}
	if len(a.Body) > 0 {
		w.Header().Set("Content-Type", "application/json")
	}
	w.Header().Set("Idempotency-Replayed", "true")
	w.WriteHeader(a.Status)
	_, err := w.Write(a.Body)
	return err
}

// recorder keeps what is written through it.
type recorder struct {
	http.ResponseWriter
	body bytes.Buffer
}

func (r *recorder) Write(p []byte) (int, error) {
	r.body.Write(p)
	return r.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
