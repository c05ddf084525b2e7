package node_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/node"
)

// busy asks while something goes on, by requests with and without a body and by one
// that takes a second, and says how many answers of each kind there were.
func (b *bench) busy(what func()) map[string]int {
	b.t.Helper()
	var load sync.WaitGroup
	var over atomic.Bool
	var mu sync.Mutex
	answers := map[string]int{}
	for k := range 12 {
		load.Go(func() {
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: k%2 == 0}}
			for !over.Load() {
				method, path, body := http.MethodGet, "/", 0
				switch k {
				case 1, 2, 3:
					method, body = http.MethodPost, 2000
				case 4, 5, 6:
					method, body = http.MethodPost, 70000
				case 7:
					path = "/slow"
				}
				answer := askedFor(client, method, "http://"+b.edge+path, body)
				mu.Lock()
				answers[answer]++
				mu.Unlock()
			}
		})
	}
	b.eventually("requests are answered", func() bool { mu.Lock(); defer mu.Unlock(); return answers["200 done"] > 100 })
	what()
	over.Store(true)
	load.Wait()
	return answers
}

// askedFor is a request's answer, or what became of it.
func askedFor(client *http.Client, method, url string, body int) string {
	req, err := http.NewRequest(method, url, strings.NewReader(strings.Repeat("x", body)))
	if err != nil {
		return err.Error()
	}
	req.Host = "shop.dev.localhost"
	res, err := client.Do(req)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return fmt.Sprint(res.StatusCode, " ", err)
	case res.StatusCode == 503 && res.Header.Get("Retry-After") != "":
		return "503, to be sent again"
	}
	return fmt.Sprint(res.StatusCode, " ", string(text))
}

// next is the deployment after d, for which that makes room.
func next(d slipway.Deployment, id int, late time.Duration) slipway.Deployment {
	d.ID, d.Fence, d.Release, d.Strategy = fmt.Sprint(id), int64(id), id, slipway.Recreate
	d.Config.Env = maps.Clone(d.Config.Env)
	d.Config.Env["LATE"] = slipway.ConfigValue{Value: fmt.Sprint(late.Seconds())}
	d.Config.Digest = slipway.Digest(fmt.Sprint("config", id))
	return d
}

// makesRoom: while one release ends before the next one starts, and back, each request
// is answered, by the next one where it came in between.
func makesRoom(t *testing.T, venv, command string) {
	b := newBench(t)
	b.node.(*node.Node).Patience(0, 30*time.Second) // they are held, and not tried again and again
	one := b.serving(venv, command)
	b.must(one)
	two := next(one, 2, time.Second/2)
	all := b.busy(func() {
		log := b.must(two)
		if from := b.fresh(); from != "2" {
			t.Errorf("%q answers\n%s", from, log)
		}
		b.revert(two)
		if from := b.fresh(); from != "1" {
			t.Errorf("%q answers after the way back", from)
		}
	})
	if t.Logf("%v", all); len(all) != 1 || all["200 done"] == 0 {
		t.Errorf("%v", all)
	}
}

// makesRoomTooLate: who has waited for long enough is told to ask again, and nothing
// else is lost.
func makesRoomTooLate(t *testing.T, venv string) {
	b := newBench(t)
	b.node.(*node.Node).Patience(0, 300*time.Millisecond)
	one := b.serving(venv, "gunicorn app:app --worker-class gthread --threads 8")
	b.must(one)
	all := b.busy(func() { b.must(next(one, 2, time.Second)) })
	if t.Logf("%v", all); len(all) != 2 || all["200 done"] == 0 || all["503, to be sent again"] == 0 {
		t.Errorf("%v", all)
	}
}
