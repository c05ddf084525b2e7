package node

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// elsewhere follows an instance that serves at another port than the one that it was
// given. More time makes none of it: a program opens its port once.
type elsewhere struct{ looked, since time.Time }

const (
	// elsewhereLook is how often it is looked after, elsewhereFor how long it has to stay.
	elsewhereLook = time.Second
	elsewhereFor  = settledFor
)

// serves tells whether the instance has served at another port, and listened at its own
// at no time, for elsewhereFor. What serves answers the health path as a healthy
// instance does; a port with metrics alone, which may be open long before the other, is
// told by the format of its answer, and one that is no HTTP server answers nothing.
func (e *elsewhere) serves(ctx context.Context, i *instance) bool {
	now := time.Now()
	if now.Sub(e.looked) < elsewhereLook {
		return false
	}
	e.looked = now
	ports := listeningPorts(i.report().PID)
	if slices.Contains(ports, i.port()) || !slices.ContainsFunc(ports, func(port int) bool { return i.servesAt(ctx, port) }) {
		e.since = time.Time{}
		return false
	}
	if e.since.IsZero() {
		e.since = now
	}
	return now.Sub(e.since) >= elsewhereFor
}

var asker = &http.Client{
	Timeout:       time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport:     &http.Transport{DisableKeepAlives: true, Proxy: nil},
}

// servesAt asks another port of the instance what its own is asked.
func (i *instance) servesAt(ctx context.Context, port int) bool {
	health := i.of().Manifest.Health
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/%s", port, strings.TrimPrefix(health.Path, "/")), nil)
	if err != nil {
		return false
	}
	req.Host = i.probedHost()
	req.Header.Set("User-Agent", "slipway-health")
	res, err := asker.Do(req)
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	kind := res.Header.Get("Content-Type")
	metrics := strings.HasPrefix(kind, "application/openmetrics-text") || strings.HasPrefix(kind, "text/plain") && strings.Contains(kind, "version=")
	return !metrics && (res.StatusCode < 400 || slices.Contains(health.Statuses, res.StatusCode))
}
