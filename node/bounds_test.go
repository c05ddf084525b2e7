package node_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
)

func number(n int) *int { return &n }

// TestLimitsOfAService: what a release states of the edge's limits holds for its service in
// that environment, also after the agent has been started anew, and for no other.
func TestLimitsOfAService(t *testing.T) {
	b := newBench(t)
	strict := b.deployment(1, "strict", nil)
	strict.Manifest.AnswerSeconds = slipway.AnswerSeconds
	strict.Manifest.Limits = &slipway.Limits{BodyMegabytes: number(3), HeaderKilobytes: number(4)}
	strict.Manifest.LimitsByEnvironment = map[string]slipway.Limits{"dev": {AnswerSeconds: number(1), BodyMegabytes: number(1)}, "prod": {HeaderKilobytes: number(100)}}
	b.must(strict)
	other := b.deployment(2, "other", nil) // as one that was built before there were any
	other.Service = "depot"
	b.must(other)

	megabyte := 1 << 20
	known := func(n int) string {
		return fmt.Sprintf("POST / HTTP/1.1\r\nHost: %%s\r\nContent-Length: %d\r\n\r\n%s", n, strings.Repeat("x", n))
	}
	headers := func(kilobytes int) string {
		return "GET / HTTP/1.1\r\nHost: %s\r\n" + strings.Repeat("X-A: "+strings.Repeat("x", 500)+"\r\n", 2*kilobytes) + "\r\n"
	}
	check := func(when string) {
		for _, tc := range []struct {
			name, request, cause string
			strict, other        int
		}{
			{"a body within the bounds", known(megabyte), "", 200, 200},
			{"a body beyond them", known(megabyte + 1), "large", 413, 200},
			{"many headers", headers(10), "headers", 431, 200},
			{"too many for everybody", headers(70), "headers", 431, 431},
			{"more than the server reads", headers(200), "", 431, 431},
			{"a hang", "GET /slow HTTP/1.1\r\nHost: %s\r\n\r\n", "late", 504, 0},
		} {
			before := b.own("shop", tc.cause)
			began := time.Now()
			if status := b.sent("shop.dev.localhost", tc.request); status != tc.strict {
				t.Errorf("%s, %s: %d, want %d", when, tc.name, status, tc.strict)
			}
			if took := time.Since(began); tc.cause == "late" && (took < time.Second || took > 20*time.Second) {
				t.Errorf("%s: a hang is answered after %s", when, took)
			}
			if counted := b.own("shop", tc.cause) - before; tc.cause != "" && counted != 1 {
				t.Errorf("%s, %s: counted %d times", when, tc.name, counted)
			}
			if tc.other == 0 {
				continue
			}
			if status := b.sent("depot.dev.localhost", tc.request); status != tc.other {
				t.Errorf("%s, %s: the other service %d, want %d", when, tc.name, status, tc.other)
			}
		}
		b.touch("go")
		b.remove("go")
	}
	check("at first")
	log := b.logs()
	for _, line := range []string{"answered 413 (large): ", "answered 431 (headers): ", "answered 504 for web.1 of release 1 (late): "} {
		if !strings.Contains(log, line) {
			t.Errorf("the log lacks %q:\n%s", line, log)
		}
	}
	b.closed()
	b.open()
	b.eventually("the service is back", func() bool { status, _, _ := b.ask(); return status == 200 })
	check("after a restart")
}

// sent sends a request for a host, and returns the status of its answer.
func (b *bench) sent(host, request string) int {
	b.t.Helper()
	c, err := net.Dial("tcp", b.edge)
	if err != nil {
		b.t.Fatal(err)
	}
	defer c.Close()
	go func() { _, _ = io.WriteString(c, strings.Replace(request, "%s", host, 1)) }()
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		b.t.Error(err)
		return 0
	}
	return res.StatusCode
}

// own is how often the edge has answered by itself for a service in dev, for a cause.
func (b *bench) own(service, cause string) (n int64) {
	b.t.Helper()
	counts, err := b.node.(interface {
		Unserved(context.Context) ([]slipway.EdgeCount, error)
	}).Unserved(context.Background())
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range counts {
		if c.Service == service && c.Environment == "dev" && string(c.Cause) == cause {
			n += c.Count
		}
	}
	return n
}
