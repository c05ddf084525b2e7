// Package verify looks at deployments from outside, as their users do.
package verify

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
)

// HTTP verifies by requests through the edge.
type HTTP struct{ client *http.Client }

var _ slipway.Verifier = (*HTTP)(nil)

// New makes a verifier. A redirect is an answer and is not followed.
func New() *HTTP {
	return &HTTP{client: &http.Client{
		Timeout:       15 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{MaxIdleConnsPerHost: 2, IdleConnTimeout: 5 * time.Second},
	}}
}

const (
	maxBody  = 1 << 20
	interval = 100 * time.Millisecond
)

// Verify runs the checks one after the other and stops at the first that does
// not pass. Without checks it asks once for / and wants an answer below 500:
// that the deployment was seen serving.
func (h *HTTP) Verify(ctx context.Context, req slipway.VerifyRequest, log io.Writer) ([]slipway.CheckResult, error) {
	checks := req.Checks
	plain := len(checks) == 0
	if plain {
		checks = []slipway.Check{{Path: "/", Successes: 1}}
	}
	var results []slipway.CheckResult
	for _, check := range checks {
		result, err := h.check(ctx, req, check, plain)
		if err != nil {
			return results, err
		}
		results = append(results, result)
		if !result.Passed {
			fmt.Fprintf(log, "%s: %s\n", check.Path, result.Reason)
			return results, slipway.Errorf(slipway.Refused, "verification failed: %s", result.Reason)
		}
		fmt.Fprintf(log, "%s: passed, slowest answer %d ms\n", check.Path, result.Millis)
	}
	return results, nil
}

// check asks until enough answers in a row are right or its time is over.
func (h *HTTP) check(ctx context.Context, req slipway.VerifyRequest, c slipway.Check, plain bool) (slipway.CheckResult, error) {
	wanted, limit := c.Successes, time.Duration(c.TimeoutSeconds)*time.Second
	if wanted <= 0 {
		wanted = 3
	}
	if limit <= 0 {
		limit = 30 * time.Second
	}
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	result := slipway.CheckResult{Path: c.Path}
	row, slowest, last := 0, time.Duration(0), "no answer"
	for {
		took, why := h.ask(bounded, req, c, plain)
		result.Requests++
		if bounded.Err() == nil || why == "" {
			if why == "" {
				row++
				slowest = max(slowest, took)
			} else {
				row, slowest, last = 0, 0, why
			}
		}
		if row >= wanted {
			result.Passed, result.Millis = true, int(slowest.Milliseconds())
			return result, nil
		}
		if why == "" {
			continue
		}
		wait := time.NewTimer(interval)
		select {
		case <-wait.C:
		case <-bounded.Done():
			wait.Stop()
			if ctx.Err() != nil {
				return result, ctx.Err()
			}
			result.Reason = fmt.Sprintf("GET %s %s (asked %d times in %s)", c.Path, last, result.Requests, limit)
			return result, nil
		}
	}
}

// ask makes one request; why says in words what was wrong with the answer.
func (h *HTTP) ask(ctx context.Context, req slipway.VerifyRequest, c slipway.Check, plain bool) (took time.Duration, why string) {
	path := "/" + strings.TrimPrefix(c.Path, "/")
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(req.URL, "/")+path, nil)
	if err != nil {
		return 0, "is not a path that can be asked for"
	}
	r.Host = req.Host
	r.Header.Set("User-Agent", "slipway-verify")
	began := time.Now()
	answer, err := h.client.Do(r)
	if err != nil {
		return 0, "got no answer from the edge: " + reason(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxBody))
	took = time.Since(began)
	if from := answer.Header.Get(slipway.ReleaseHeader); from != req.Release {
		if from == "" {
			return took, fmt.Sprintf("was not answered by the deployment: the edge itself said %d", answer.StatusCode)
		}
		return took, fmt.Sprintf("was answered by deployment %s, not %s", from, req.Release)
	}
	switch {
	case err != nil && len(body) < maxBody:
		return took, "broke off in the middle of the body"
	case plain && answer.StatusCode < 500:
		return took, ""
	case c.Status != 0 && answer.StatusCode != c.Status:
		return took, fmt.Sprintf("answered %d, wanted %d%s", answer.StatusCode, c.Status, excerpt(body))
	case c.Status == 0 && (answer.StatusCode < 200 || answer.StatusCode > 399):
		return took, fmt.Sprintf("answered %d, wanted 200 to 399%s", answer.StatusCode, excerpt(body))
	case c.Contains != "" && !strings.Contains(string(body), c.Contains):
		return took, fmt.Sprintf("answered %d without the text %q%s", answer.StatusCode, c.Contains, excerpt(body))
	case c.MaxMillis > 0 && took > time.Duration(c.MaxMillis)*time.Millisecond:
		return took, fmt.Sprintf("took %d ms, at most %d are allowed", took.Milliseconds(), c.MaxMillis)
	}
	return took, ""
}

// excerpt is the beginning of a body, in one line, for a reason.
func excerpt(body []byte) string {
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(body), "?")), " ")
	if text == "" {
		return "; the body is empty"
	}
	if len(text) > 160 {
		text = strings.ToValidUTF8(text[:160], "") + "..."
	}
	return fmt.Sprintf("; the body begins %q", text)
}

func reason(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, ": "); i >= 0 {
		text = text[i+2:]
	}
	return text
}
