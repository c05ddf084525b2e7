package node_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/slipway-dev/slipway"
)

// TestConnectionsClosedWithoutAWord: a server that closes each connection after its
// answer, and doesn't say so, costs no request. One that keeps them is asked over kept ones.
func TestConnectionsClosedWithoutAWord(t *testing.T) {
	b := newBench(t)
	b.must(b.deployment(1, "one", map[string]string{"MODE": "closes"}))
	b.eventually("it is found out whether it keeps connections", func() bool { return strings.Count(b.logs(), "asked") > 2 })
	var load sync.WaitGroup
	var left atomic.Int64
	left.Store(1000)
	for range 8 {
		load.Go(func() {
			if err := b.posts(&left, 300); err != nil {
				t.Error(err)
			}
		})
	}
	load.Wait()

	b.must(b.deployment(2, "two", nil))
	b.eventually("connections to it are kept", func() bool {
		_, one, _ := b.get("/peer")
		_, two, _ := b.get("/peer")
		return one == two
	})
}

// TestConnectionsOfPostsAreGivenUpFirst: what can't be sent again goes over a connection that
// was used a moment ago, and not over one that the server is likelier to be closing.
func TestConnectionsOfPostsAreGivenUpFirst(t *testing.T) {
	b := newBench(t)
	b.must(b.deployment(1, "one", nil))
	b.eventually("connections to it are kept", func() bool {
		_, one, _ := b.get("/peer")
		_, two, _ := b.get("/peer")
		return one == two
	})
	b.eventually("those are given up", func() bool { return slices.Contains(b.noted("closed"), "GET") })
	began := len(b.noted("closed"))
	_, read, _ := b.get("/peer")
	req, err := http.NewRequest(http.MethodPost, "http://"+b.edge+"/peer", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "shop.dev.localhost"
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if sent, err := io.ReadAll(res.Body); err != nil || res.StatusCode != 200 || string(sent) == read {
		t.Fatalf("a POST was answered with %d over connection %s, and a GET over %s: %v", res.StatusCode, sent, read, err)
	}
	b.eventually("both are given up", func() bool { return len(b.noted("closed")) > began+1 })
	if order := b.noted("closed")[began:]; order[0] != "POST" {
		t.Errorf("connections were given up in the order of %v", order)
	}
}

// TestPoisonedRequestOverAKeptConnection: a request that ends the process which gets it
// over a kept connection is not given to the next one either.
func TestPoisonedRequestOverAKeptConnection(t *testing.T) {
	b := newBench(t)
	d := b.deployment(1, "one", nil)
	d.Manifest.Processes = []slipway.Process{process("web", 2)}
	b.must(d)
	peers := map[string]int{}
	b.eventually("there are kept connections to both", func() bool {
		_, peer, _ := b.get("/peer")
		peers[peer]++
		kept := 0
		for _, n := range peers {
			if n > 1 {
				kept++
			}
		}
		return kept > 1
	})
	if status, _, _ := b.get("/exit"); status != 502 {
		t.Errorf("it was answered with %d", status)
	}
	if said := regexp.MustCompile(`(?m)^edge \| \S+ answered 502 for web\.[12] of release 1 \(unfinished\): `).FindAllString(b.logs(), -1); len(said) != 1 {
		t.Errorf("the service's log says %q of it in\n%s", said, b.logs())
	}
	counted, err := b.node.Unserved(context.Background())
	if want := (slipway.EdgeCount{Service: "shop", Environment: "dev", Status: 502, Cause: slipway.EdgeUnfinished, Count: 1}); err != nil || len(counted) != 1 || counted[0] != want {
		t.Errorf("counted %+v, %v", counted, err)
	}
	b.eventually("all run again", func() bool {
		healthy, restarts := 0, 0
		for _, i := range b.observe().Instances {
			restarts += i.Restarts
			if i.State == slipway.InstanceHealthy {
				healthy++
			}
		}
		if restarts > 1 {
			t.Fatalf("one request ended %d instances", restarts)
		}
		return healthy == 2 && restarts == 1
	})
}

// posts sends requests with a body of a size over one connection while some are left.
func (b *bench) posts(left *atomic.Int64, size int) error {
	c, err := net.Dial("tcp", b.edge)
	if err != nil {
		return err
	}
	defer c.Close()
	request := fmt.Sprintf("POST / HTTP/1.1\r\nHost: shop.dev.localhost\r\nContent-Length: %d\r\n\r\n%s", size, strings.Repeat("x", size))
	for r := bufio.NewReader(c); left.Add(-1) >= 0; {
		if _, err := io.WriteString(c, request); err != nil {
			return err
		}
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != 200 || string(text) != "done" {
			return fmt.Errorf("%d %q %v", res.StatusCode, text, err)
		}
	}
	return nil
}
