package e2e

import (
	"context"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// load asks a service without pause until stopped, and counts what went wrong.
type load struct {
	stop     func()
	mu       sync.Mutex
	requests int
	failures []string
	took     []answered
}

// answered is when a request was answered, and how long that took.
type answered struct {
	at   time.Time
	took time.Duration
}

// span is a time in which something went on.
type span struct{ from, to time.Time }

// slowest is what 99 of 100 requests took at most that were answered within any of the
// spans, and how many there were.
func (l *load) slowest(spans []span) (p99 time.Duration, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []time.Duration
	for _, a := range l.took {
		if slices.ContainsFunc(spans, func(s span) bool { return a.at.After(s.from) && a.at.Before(s.to) }) {
			all = append(all, a.took)
		}
	}
	if len(all) == 0 {
		return 0, 0
	}
	slices.Sort(all)
	return all[len(all)*99/100], len(all)
}

// failed are the failures until now.
func (l *load) failed() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.failures)
}

func startLoad(edge, service, environment, path string, connections int) *load {
	return startPaced(edge, service, environment, path, connections, 0)
}

// startPaced asks with a pause between two requests of a connection.
func startPaced(edge, service, environment, path string, connections int, pause time.Duration) *load {
	return startAsking(connections, pause, func() *http.Request {
		req, _ := http.NewRequest(http.MethodGet, "http://"+edge+path, nil)
		req.Host = service + "." + environment + ".localhost"
		return req
	}, func(answer *http.Response) error {
		_, err := io.Copy(io.Discard, answer.Body)
		return err
	})
}

// startAsking sends what request makes, and has read judge each answer with status 200.
func startAsking(connections int, pause time.Duration, request func() *http.Request, read func(*http.Response) error) *load {
	l := &load{}
	ctx, cancel := context.WithCancel(context.Background())
	transport := &http.Transport{MaxIdleConnsPerHost: connections}
	client := &http.Client{Timeout: 15 * time.Second, Transport: transport}
	var wg sync.WaitGroup
	for range connections {
		wg.Go(func() {
			for ctx.Err() == nil {
				why, asked := "", time.Now()
				answer, err := client.Do(request())
				if err == nil {
					if answer.StatusCode != http.StatusOK {
						why = answer.Status
					}
					err = read(answer)
					answer.Body.Close()
				}
				if err != nil && why == "" {
					why = err.Error()
				}
				l.mu.Lock()
				l.requests++
				l.took = append(l.took, answered{time.Now(), time.Since(asked)})
				if why != "" {
					l.failures = append(l.failures, why)
				}
				l.mu.Unlock()
				if pause > 0 {
					<-time.After(pause)
				}
			}
		})
	}
	l.stop = func() { cancel(); wg.Wait(); transport.CloseIdleConnections() }
	return l
}
