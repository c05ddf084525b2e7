package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway"
)

const (
	defaultHealthDeadline = 60 * time.Second
	successesInARow       = 2
	firstProbe            = 25 * time.Millisecond
	slowestProbe          = 500 * time.Millisecond
	// settledFor and settledRow are how long, and in how many probes, an answer has
	// to stay the same wrong one before more time is not expected to help.
	settledFor = 3 * time.Second
	settledRow = 5
)

// answer is what a probe got.
type answer struct {
	ok      bool
	status  int
	refused bool // nobody listens
	body    string
	err     error
}

var prober = &http.Client{
	Timeout:       5 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		i, ok := ctx.Value(probedKey{}).(*instance)
		if !ok {
			return nil, errors.New("a probe without an instance")
		}
		return i.dial(ctx)
	}},
}

// probedKey is the instance that a probe is for.
type probedKey struct{}

// probe asks the instance how it is, with a Host header that it should accept. Where no
// path is known any answer will do, but it takes one: gunicorn and others listen, and the
// kernel accepts for them, before a worker has imported the application or failed to.
func (i *instance) probe(ctx context.Context) answer {
	health := i.of().Manifest.Health
	req, err := i.probeRequest(context.WithValue(ctx, probedKey{}, i))
	if err != nil {
		return answer{err: err}
	}
	res, err := prober.Do(req)
	if err != nil {
		var op *net.OpError
		return answer{refused: errors.As(err, &op) && op.Op == "dial", err: err}
	}
	defer res.Body.Close()
	ok := health.Path == "" || res.StatusCode >= 200 && res.StatusCode < 400 || slices.Contains(health.Statuses, res.StatusCode)
	most := int64(2048)
	if !ok {
		most = probedBody
	}
	body, _ := io.ReadAll(io.LimitReader(res.Body, most))
	return answer{ok: ok, status: res.StatusCode, body: string(body)}
}

// probeRequest is what an instance is asked.
func (i *instance) probeRequest(ctx context.Context) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/%s", i.port(), strings.TrimPrefix(i.of().Manifest.Health.Path, "/")), nil)
	if err != nil {
		return nil, err
	}
	req.Host = i.probedHost()
	req.Header.Set("User-Agent", "slipway-health")
	return req, nil
}

// probedHost is the name that probes ask for: the one of which slipway.yaml says that
// the application takes it, or else the first under which the edge serves it.
func (i *instance) probedHost() string {
	d := i.of()
	switch {
	case d.Manifest.Health.Host != "":
		return d.Manifest.Health.Host
	case d.Host != "":
		return d.Host
	}
	return i.place.host()
}

const (
	// probedBody is how much of a bad answer's body is read: so that a secret in what is
	// quoted of it is whole.
	probedBody = 64 << 10
	quotedBody = 200
)

// quoted is the beginning of a bad answer's body, in brackets: what a service says of its
// trouble, with its secrets taken out. Without them known nothing of it is shown.
func (i *instance) quoted(a answer) string {
	if strings.TrimSpace(a.body) == "" {
		return ""
	}
	secrets, err := i.place.node.secrets(i.ctx, i.of().Deployment)
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" (%s)", beginning(slipway.Scrub(a.body, secrets)))
}

// beginning quotes the first characters of a text, those that aren't to be seen as
// escapes, with each stretch of space as one.
func beginning(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "\uFFFD")), " ")
	if all := []rune(text); len(all) > quotedBody {
		text = string(all[:quotedBody]) + " ..."
	}
	return strconv.Quote(text)
}

// words say what is wrong with an answer.
func (i *instance) words(a answer) string {
	d := i.of()
	said := ""
	if a.status > 0 {
		said = i.quoted(a)
	}
	path, host := "/"+strings.TrimPrefix(d.Manifest.Health.Path, "/"), i.probedHost()
	by, taken := errors.AsType[*takenError](a.err)
	switch {
	case taken:
		return "has lost its port: " + by.words
	case a.refused:
		return "does not listen on its PORT"
	case a.err != nil:
		return unansweredProbe(a.err) + " GET " + path
	case d.Manifest.Hosts.Refuses(a.status, host, d.Config.Env):
		return fmt.Sprintf("answered %d to GET %s for the host %s%s: %s", a.status, path, host, said, slipway.RefusedHost(i.place.service, i.place.environment, host, d.Manifest.Hosts, d.Config.Env))
	case a.status == http.StatusNotFound:
		return fmt.Sprintf("answered 404 to GET %s%s; name the right path: slipway service set %s --set health.path=/... (or health: {path: ...} in slipway.yaml)", path, said, i.place.service)
	case a.status == http.StatusUnauthorized || a.status == http.StatusForbidden:
		return fmt.Sprintf("answered %d to GET %s%s; where that is how it answers who has not signed in, say so: slipway service set %s --set 'health.statuses=[%d]' (or health: {statuses: [%d]} in slipway.yaml), or name a path that answers everybody by health.path",
			a.status, path, said, i.place.service, a.status, a.status)
	}
	return fmt.Sprintf("answered %d to GET %s%s", a.status, path, said)
}

// unansweredProbe tells what became of a probe that reached its instance: one that is
// closed at once is another fault than one that hangs.
func unansweredProbe(err error) string {
	if late, ok := errors.AsType[net.Error](err); ok && late.Timeout() {
		return "took the connection, and within 5 s did not answer"
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		return "closed the connection without an answer to"
	}
	return "gave no answer that is HTTP to"
}

// healthLimit is how long an instance may take to become healthy.
func healthLimit(h slipway.Health) time.Duration {
	if h.TimeoutSeconds > 0 {
		return time.Duration(h.TimeoutSeconds) * time.Second
	}
	return defaultHealthDeadline
}

// await waits until an instance is healthy, or says in words why it isn't: it
// exited, it is over its time, it listens elsewhere.
func (i *instance) await(ctx context.Context) error {
	defer i.gated.Store(false)
	if !i.web {
		return i.awaitWorker(ctx)
	}
	health := i.of().Manifest.Health
	limit := healthLimit(health)
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	pause, row := firstProbe, 0
	last := answer{refused: true}
	var same steady
	var other elsewhere
	for {
		wait := time.NewTimer(pause)
		select {
		case <-wait.C:
		case <-i.exits:
			wait.Stop()
			return i.exitError("before it was healthy")
		case <-deadline.C:
			wait.Stop()
			return slipway.Errorf(slipway.Refused, "%s was not healthy within %s: %s", i.id, limit, i.diagnose(last))
		case <-ctx.Done():
			wait.Stop()
			return context.Cause(ctx)
		}
		port := i.port()
		if last = i.probe(ctx); last.ok {
			if row++; row >= successesInARow {
				i.set(slipway.InstanceHealthy, "")
				i.open(port)
				return nil
			}
			continue
		}
		if same.settled(last) {
			return slipway.Errorf(slipway.Refused, "%s %s", i.id, i.inDetail(last))
		}
		if last.refused && other.serves(ctx, i) {
			return slipway.Errorf(slipway.Refused, "%s does not answer: %s", i.id, i.diagnose(last))
		}
		row, pause = 0, min(pause*5/4, slowestProbe)
	}
}

// exitError says why an instance is gone. What kept the platform from starting
// it is not the service's fault and keeps its code.
func (i *instance) exitError(when string) error {
	i.mu.Lock()
	err := i.startErr
	i.mu.Unlock()
	if err != nil && slipway.OutcomeOf(err) == slipway.Errored {
		return err
	}
	err = slipway.Errorf(slipway.Refused, "%s %s %s", i.id, i.report().Reason, when)
	secrets, unknown := i.place.node.secrets(i.ctx, i.of().Deployment)
	if unknown != nil {
		return err
	}
	text, _, unread := tail(i.logFile(), 200)
	if unread != nil {
		return err
	}
	because := because(err, text, secrets, i.of().Deployment)
	if last := slipway.LastLine(slipway.Scrub(text, secrets)); because.Error() == err.Error() && last != "" {
		return slipway.Errorf(slipway.Refused, "%w; the last that it printed is %s", err, beginning(last))
	}
	return because
}

// diagnose finds out why nobody answered.
func (i *instance) diagnose(last answer) string {
	r := i.report()
	if !last.refused {
		return "it " + i.words(last)
	}
	found := listeners(r.PID)
	if slices.Contains(found, fmt.Sprintf("port %d", i.port())) {
		return fmt.Sprintf("it listens on port %d, but only for another address; bind to $HOST or 127.0.0.1", i.port())
	}
	if len(found) == 0 {
		return fmt.Sprintf("it never listened on port %d (the variable PORT)", i.port())
	}
	return fmt.Sprintf("it listens on %s, not on port %d; let it take its port from the variable PORT", strings.Join(found, ", "), i.port())
}
