// Package verify looks at deployments from outside, as their users do.
package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
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
		Transport:     &http.Transport{MaxIdleConnsPerHost: 2, IdleConnTimeout: 5 * time.Second, MaxResponseHeaderBytes: 1 << 20},
	}}
}

const (
	maxBody  = 1 << 20
	interval = 100 * time.Millisecond
	// streams bounds how long a body is read that doesn't end: an event stream
	// is judged by what came until then.
	streams = 2 * time.Second
	// longest bounds a check, whatever its timeout says.
	longest      = 10 * time.Minute
	mostInARow   = 100
	defaultInRow = 3
	defaultLimit = 30 * time.Second
	// settledFor and settledRow are how long, and how often in a row, a service has to
	// answer the same error before more time is not expected to help. A check that
	// states its time gets all of it.
	settledFor = 3 * time.Second
	settledRow = 5
)

// Verify runs the checks one after the other and stops at the first that does
// not pass. Without checks it asks once for / and wants an answer below 500:
// that the deployment was seen serving. A service that refuses the edge's host
// name, or sends everybody to an address that nobody serves, serves nobody, whatever
// its checks say. Then it looks at a page as somebody does who opens the service.
func (h *HTTP) Verify(ctx context.Context, req slipway.VerifyRequest, log io.Writer) ([]slipway.CheckResult, error) {
	if u, err := url.Parse(req.URL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, slipway.Errorf(slipway.Internal, "%q is not the address of an edge", req.URL)
	}
	checks := req.Checks
	plain := len(checks) == 0
	if plain {
		checks = []slipway.Check{{Path: "/", Successes: 1}}
	}
	var results []slipway.CheckResult
	for _, check := range checks {
		result, last, err := h.check(ctx, req, check, plain)
		if err != nil {
			return results, err
		}
		if result.Passed && check.Status == 0 && last.secured && req.Pages != slipway.PagesIgnore {
			result.Passed, result.Reason = false, onlyHTTPS(check.Path, req.Host)
		}
		refuses := last.status == http.StatusBadRequest && h.refusesHost(ctx, req, check.Path) || last.status != 0 && last.status == req.HostStatus
		if refuses && (plain || !result.Passed) {
			result.Passed, result.Reason = false, fmt.Sprintf("the service answers %d to everybody who asks for its own address, %.253s: %s", last.status, req.Host, req.Refusal)
		}
		results = append(results, result)
		if !result.Passed {
			fmt.Fprintf(log, "%s: %s\n", check.Path, result.Reason)
			return results, slipway.Errorf(slipway.Refused, "verification failed: %s", result.Reason)
		}
		fmt.Fprintf(log, "%s: passed, slowest answer %d ms\n", check.Path, result.Millis)
	}
	for _, page := range h.pages(ctx, req, log) {
		results = append(results, page)
		for _, warning := range page.Warnings {
			fmt.Fprintf(log, "warning: %s\n", warning)
		}
		if !page.Passed {
			fmt.Fprintf(log, "%s: %s\n", page.Path, page.Reason)
			return results, slipway.Errorf(slipway.Refused, "verification failed: %s", page.Reason)
		}
	}
	return results, ctx.Err()
}

// reply is what the deployment answered.
type reply struct {
	status  int  // 0 when there was none
	secured bool // it leads to https on the service's own host, which the edge doesn't serve
}

// broken tells an error that stays from what a service answers until it is ready.
func (r reply) broken() bool {
	return r.status == http.StatusInternalServerError || r.status == http.StatusNotFound
}

// check asks until enough answers in a row are right or its time is over. final is
// the last answer.
func (h *HTTP) check(ctx context.Context, req slipway.VerifyRequest, c slipway.Check, plain bool) (result slipway.CheckResult, final reply, err error) {
	result.Path = c.Path
	where, err := target(req.URL, c.Path)
	if err != nil {
		result.Reason = fmt.Sprintf("%.80q is not a path that can be asked for; correct the check in slipway.yaml", c.Path)
		return result, final, nil
	}
	wanted, limit := min(c.Successes, mostInARow), min(time.Duration(c.TimeoutSeconds)*time.Second, longest)
	if wanted <= 0 {
		wanted = defaultInRow
	}
	if limit <= 0 {
		limit = defaultLimit
	}
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	row, best, slowest, last := 0, 0, time.Duration(0), ""
	began, wrong, same := time.Now(), 0, time.Now() // since when, and how often, it was the same wrong answer
	for {
		took, answered, why := h.ask(bounded, req, where, c, plain)
		if answered.status != 0 {
			final = answered
		}
		result.Requests++
		// What the deadline broke off says nothing, unless nothing else is known.
		if why == "" {
			row++
			best, slowest = max(best, row), max(slowest, took)
		} else if bounded.Err() == nil || last == "" {
			row, slowest, last = 0, 0, why
		}
		if why == "" || answered.status != result.Status {
			wrong, same = 0, time.Now()
		}
		wrong, result.Status = wrong+1, answered.status
		if row >= wanted {
			result.Passed, result.Millis = true, int(slowest.Milliseconds())
			return result, final, nil
		}
		if why != "" && c.TimeoutSeconds <= 0 && final.broken() && wrong >= settledRow && time.Since(same) >= settledFor {
			result.Reason = summary(c.Path, last, result.Requests, best, wanted, time.Since(began).Round(time.Second))
			return result, final, nil
		}
		wait := time.NewTimer(interval)
		if why == "" {
			wait.Reset(0)
		}
		select {
		case <-wait.C:
		case <-bounded.Done():
		}
		wait.Stop()
		if ctx.Err() != nil {
			return result, final, ctx.Err()
		}
		if bounded.Err() != nil {
			result.Reason = summary(c.Path, last, result.Requests, best, wanted, limit)
			return result, final, nil
		}
	}
}

func summary(path, last string, requests, best, wanted int, limit time.Duration) string {
	if last == "" {
		last = "answered too slowly"
	}
	text := fmt.Sprintf("GET %s %s (asked %d times in %s", path, last, requests, limit)
	if requests == 1 {
		text = fmt.Sprintf("GET %s %s (asked once in %s", path, last, limit)
	}
	if best > 0 {
		text += fmt.Sprintf("; %d right answers in a row were the most, wanted %d", best, wanted)
	}
	return text + ")"
}

// target is the address of a path at the edge. A path can't lead elsewhere.
func target(edge, path string) (string, error) {
	where := strings.TrimSuffix(edge, "/") + "/" + strings.TrimPrefix(path, "/")
	base, err := url.Parse(edge)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(where)
	if err != nil {
		return "", err
	}
	if u.Host != base.Host || u.User != nil || strings.ContainsAny(path, " \t") {
		return "", errors.New("not a path")
	}
	return where, nil
}

// ask makes one request; why says in words what was wrong with the answer.
func (h *HTTP) ask(ctx context.Context, req slipway.VerifyRequest, where string, c slipway.Check, plain bool) (took time.Duration, answered reply, why string) {
	request, cancel := context.WithCancel(ctx)
	defer cancel()
	r, err := http.NewRequestWithContext(request, http.MethodGet, where, nil)
	if err != nil {
		return 0, answered, "can't be asked for"
	}
	r.Host = req.Host
	r.Header.Set("User-Agent", "slipway-verify")
	began := time.Now()
	answer, err := h.client.Do(r)
	took = time.Since(began)
	if err != nil {
		if isTimeout(err) {
			return took, reply{}, fmt.Sprintf("gave no answer within %s", took.Round(100*time.Millisecond))
		}
		return took, reply{}, "got no answer from the edge: " + reason(err)
	}
	defer answer.Body.Close()
	body, complete, err := read(answer.Body, c.Contains, cancel)
	if complete {
		took = time.Since(began)
	}
	if from := answer.Header.Get(slipway.ReleaseHeader); from != req.Release {
		if from == "" {
			return took, reply{}, fmt.Sprintf("was not answered by the deployment: the edge itself said %d", answer.StatusCode)
		}
		return took, reply{}, fmt.Sprintf("was answered by deployment %.60q, not %s", from, req.Release)
	}
	answered = reply{answer.StatusCode, securedBy(req, where, answer)}
	switch {
	case err != nil:
		return took, answered, fmt.Sprintf("answered %d and broke off in the middle of the body%s", answer.StatusCode, excerpt(body))
	case plain && answer.StatusCode < 500:
		return took, answered, ""
	case c.Status != 0 && answer.StatusCode != c.Status:
		return took, answered, fmt.Sprintf("answered %d, wanted %d%s", answer.StatusCode, c.Status, excerpt(body))
	case c.Status == 0 && (answer.StatusCode < 200 || answer.StatusCode > 399):
		return took, answered, fmt.Sprintf("answered %d, wanted 200 to 399%s", answer.StatusCode, excerpt(body))
	case !strings.Contains(string(body), c.Contains):
		return took, answered, fmt.Sprintf("answered %d without the text %.80q%s", answer.StatusCode, c.Contains, excerpt(body))
	case c.MaxMillis > 0 && took > time.Duration(c.MaxMillis)*time.Millisecond:
		return took, answered, fmt.Sprintf("took %d ms, at most %d are allowed", took.Milliseconds(), c.MaxMillis)
	}
	return took, answered, ""
}

// securedBy tells a redirect to https on the service's own host, where the edge
// speaks http.
func securedBy(req slipway.VerifyRequest, where string, answer *http.Response) bool {
	if answer.StatusCode < 300 || answer.StatusCode > 399 || strings.HasPrefix(where, "https:") {
		return false
	}
	to, err := url.Parse(answer.Header.Get("Location"))
	return err == nil && to.Scheme == "https" && strings.EqualFold(to.Hostname(), hostname(req.Host))
}

// refusesHost tells whether the service says 400 because of the edge's host name:
// it does so for a path that it answers well when it is asked directly, or with
// the page by which frameworks refuse a host.
func (h *HTTP) refusesHost(ctx context.Context, req slipway.VerifyRequest, path string) bool {
	if req.Health != "" {
		path = req.Health
	}
	where, err := target(req.URL, path)
	if err != nil {
		return false
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, where, nil)
	if err != nil {
		return false
	}
	r.Host = req.Host
	r.Header.Set("User-Agent", "slipway-verify")
	answer, err := h.client.Do(r)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusBadRequest || answer.Header.Get(slipway.ReleaseHeader) != req.Release {
		return false
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, 4<<10))
	return req.Health != "" || err == nil && refusal.Match(body)
}

// refusal is how Django, with and without DEBUG, and Starlette refuse a host.
var refusal = regexp.MustCompile(`<h1>Bad Request \(400\)</h1>|DisallowedHost|^Invalid host header`)

// read reads a body until its end, its bound, the text that is looked for, or
// the end of patience. Only a body that broke off by itself is an error.
func read(body io.Reader, wanted string, stop context.CancelFunc) (text []byte, complete bool, err error) {
	patience := time.AfterFunc(streams, stop)
	chunk := make([]byte, 32<<10)
	for len(text) < maxBody {
		n, err := body.Read(chunk)
		text = append(text, chunk[:n]...)
		switch {
		case errors.Is(err, io.EOF):
			patience.Stop()
			return text, true, nil
		case err != nil && !patience.Stop():
			return text, false, nil
		case err != nil:
			return text, false, err
		case wanted != "" && strings.Contains(string(text), wanted):
			patience.Stop()
			return text, true, nil
		}
	}
	patience.Stop()
	return text[:maxBody], true, nil
}

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

// excerpt is the beginning of a body, in one line, for a reason.
func excerpt(body []byte) string {
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(body[:min(len(body), 2000)]), "?")), " ")
	if text == "" {
		return "; the body is empty"
	}
	if len(text) > 160 {
		text = strings.ToValidUTF8(text[:160], "") + "..."
	}
	return fmt.Sprintf("; the body begins %q", text)
}

// reason is the last part of a network error: what comes before it repeats the
// address.
func reason(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, ": "); i >= 0 {
		text = text[i+2:]
	}
	return text
}
