// Package targettest is the conformance suite of the Target port: every adapter
// runs it.
package targettest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/slipway-dev/slipway"
)

// Bench is a target that runs nothing yet, and what the suite needs around it.
type Bench struct {
	Target slipway.Target
	Python string // the interpreter, as a release's process calls it
	// Artifact makes a directory the source of a release that the target can run.
	Artifact func(t *testing.T, source string) slipway.Digest
	// Secret is a reference that the target resolves to Value.
	Secret slipway.SecretRef
	Value  string
	// Restart kills what directs the target and starts it again; nil when nothing does.
	Restart func(t *testing.T)
}

// Run holds a target to the port's contract. open returns a fresh one.
func Run(t *testing.T, open func(t *testing.T) Bench) {
	ctx := context.Background()
	for name, check := range map[string]func(*suite){
		"nothing was deployed": func(s *suite) {
			d := slipway.Deployment{Service: "shop", Environment: "dev"}
			if o := s.observe(d); o.Deployment != "" || len(o.Instances) > 0 || len(o.Warm) > 0 {
				s.Errorf("%+v", o)
			}
			if out := s.logs(slipway.LogQuery{Service: "shop", Environment: "dev"}); out != "" {
				s.Errorf("%q", out)
			}
			if err := s.Target.Remove(ctx, "shop", "dev"); err != nil {
				s.Error(err)
			}
		},
		"a deployment serves": func(s *suite) {
			d := s.deployment(1, "one", "")
			d.Manifest.Processes[0].Instances = 2
			d.Manifest.Processes = append(d.Manifest.Processes, slipway.Process{Name: "worker", Command: s.Python + " app.py worker", Instances: 1, GraceSeconds: 2})
			if log := s.deploy(d); strings.Contains(log, s.Value) {
				s.Errorf("a secret in %s", log)
			}
			s.serves(d, "one")
			count := map[string]int{}
			for _, i := range s.observe(d).Instances {
				count[i.Process]++
			}
			if count["web"] != 2 || count["worker"] != 1 {
				s.Errorf("instances: %v", count)
			}
			// Asked again, as after a crash of who asked: nothing is started.
			_, before, _ := s.ask(s.observe(d))
			s.deploy(d)
			s.deploy(d)
			if o := s.observe(d); len(o.Instances) != 3 || o.Warm != nil {
				s.Errorf("before %q, now %+v", before, o)
			}
		},
		"an older one is refused": func(s *suite) {
			one, two := s.deployment(1, "one", ""), s.deployment(2, "two", "")
			s.deploy(one)
			s.deploy(two)
			s.refused(s.Target.Deploy(ctx, one, io.Discard), slipway.Conflict, "newer")
			s.refused(s.Target.Revert(ctx, one, io.Discard), slipway.Conflict, "newer")
			s.refused(s.Target.Release(ctx, one, io.Discard), slipway.Conflict, "newer")
			s.serves(two, "two")
		},
		"one that never gets healthy": func(s *suite) {
			one, bad := s.deployment(1, "one", ""), s.deployment(2, "bad", "broken")
			s.deploy(one)
			for range 2 { // a retry has the same answer
				var log bytes.Buffer
				err := s.Target.Deploy(ctx, bad, &log)
				s.refused(err, slipway.Refused, "exited")
				if strings.Contains(log.String(), s.Value) {
					s.Errorf("a secret in %s", log.String())
				}
				s.serves(one, "one")
			}
			fixed := s.deployment(3, "three", "")
			s.deploy(fixed)
			s.serves(fixed, "three")
		},
		"what is known before its time": func(s *suite) {
			for mode, says := range map[string]string{"refuses": "answered 400", "raises": "answered 500 to GET /: shop.errors.StockError: none of [secret]"} {
				d := s.deployment(1, "one", mode)
				d.Manifest.Health.TimeoutSeconds = 600 // longer than this test may take
				d.ID, d.Fence = map[string]string{"refuses": "1", "raises": "2"}[mode], 2
				s.refused(s.Target.Deploy(ctx, d, io.Discard), slipway.Refused, says)
			}
		},
		"a worker that dies after a while": func(s *suite) {
			d := s.deployment(1, "one", "dies")
			d.Manifest.Processes = append(d.Manifest.Processes, slipway.Process{Name: "worker", Command: s.Python + " app.py worker", Instances: 1, GraceSeconds: 2})
			s.refused(s.Target.Deploy(ctx, d, io.Discard), slipway.Refused, "worker.1 exited")
		},
		"its last lines are shown": func(s *suite) {
			var log bytes.Buffer
			s.refused(s.Target.Deploy(ctx, s.deployment(1, "bad", "broken"), &log), slipway.Refused, "exited")
			if !strings.Contains(log.String(), "no: [secret]") {
				s.Errorf("%q", log.String())
			}
		},
		"what ran before is warm": func(s *suite) {
			one, two := s.deployment(1, "one", ""), s.deployment(2, "two", "")
			s.deploy(one)
			_, before, _ := s.ask(s.observe(one))
			s.deploy(two)
			if o := s.observe(two); len(o.Warm) != 1 || o.Warm[0].Deployment != "1" || o.Warm[0].Release != 1 {
				s.Errorf("%+v", o.Warm)
			}
			back := one
			back.ID, back.Fence = "3", 3
			s.deploy(back)
			s.serves(back, "one")
			if _, after, _ := s.ask(s.observe(back)); after != before {
				s.Errorf("%q answers, not what was warm: %q", after, before)
			}
		},
		"a revert": func(s *suite) {
			one, two := s.deployment(1, "one", ""), s.deployment(2, "two", "")
			s.deploy(one)
			s.deploy(two)
			for range 2 {
				if err := s.Target.Revert(ctx, two, io.Discard); err != nil {
					s.Fatal(err)
				}
				s.serves(one, "one")
			}
			if o := s.observe(one); len(o.Warm) > 0 {
				s.Errorf("what was reverted is warm: %+v", o.Warm)
			}
			// Of one that never came to have the traffic.
			if err := s.Target.Revert(ctx, s.deployment(3, "three", ""), io.Discard); err != nil {
				s.Error(err)
			}
			s.serves(one, "one")
		},
		"a revert to nothing": func(s *suite) {
			one := s.deployment(1, "one", "")
			s.deploy(one)
			seen := s.observe(one)
			if err := s.Target.Revert(ctx, one, io.Discard); err != nil {
				s.Fatal(err)
			}
			if o := s.observe(one); o.Deployment != "" || len(o.Instances) > 0 {
				s.Errorf("%+v", o)
			}
			if status, body, _ := s.ask(seen); status != http.StatusServiceUnavailable {
				s.Errorf("%d %q", status, body)
			}
		},
		"a release command": func(s *suite) {
			good, bad := s.deployment(1, "one", ""), s.deployment(2, "two", "7")
			var log bytes.Buffer
			for range 2 {
				if err := s.Target.Release(ctx, good, &log); err != nil {
					s.Error(err)
				}
			}
			if !strings.Contains(log.String(), "released 1 times with [secret]") || strings.Contains(log.String(), "released 2 times") {
				s.Errorf("%s", log.String())
			}
			if o := s.observe(good); o.Deployment != "" {
				s.Errorf("it has the traffic: %+v", o)
			}
			log.Reset()
			for range 2 {
				s.refused(s.Target.Release(ctx, bad, &log), slipway.Refused, "7")
			}
			if strings.Contains(log.String(), "released 2 times") {
				s.Errorf("%s", log.String())
			}
			none := s.deployment(3, "three", "")
			none.Manifest.ReleaseCommand = ""
			if err := s.Target.Release(ctx, none, io.Discard); err != nil {
				s.Error(err)
			}
		},
		"services don't mix": func(s *suite) {
			var all []slipway.Deployment
			for k, place := range [][2]string{{"shop", "dev"}, {"shop", "prod"}, {"till", "dev"}} {
				d := s.deployment(k+1, fmt.Sprintf("word%d", k), "")
				d.Service, d.Environment = place[0], place[1]
				all = append(all, d)
			}
			var wg sync.WaitGroup
			for _, d := range all {
				wg.Go(func() {
					if err := s.Target.Deploy(ctx, d, io.Discard); err != nil {
						s.Error(err)
					}
				})
			}
			wg.Wait()
			if err := s.Target.Remove(ctx, "shop", "dev"); err != nil {
				s.Error(err)
			}
			s.serves(all[1], "word1")
			s.serves(all[2], "word2")
		},
		"a caller who goes away": func(s *suite) {
			one := s.deployment(1, "one", "")
			s.deploy(one)
			gone, cancel := context.WithCancel(ctx)
			defer cancel()
			started := &output{}
			answered := make(chan error, 1)
			go func() { answered <- s.Target.Deploy(gone, s.deployment(2, "two", "slow"), started) }()
			s.eventually("the deploy has begun", func() bool { return strings.Contains(started.String(), "starting") })
			cancel()
			if err := <-answered; !errors.Is(err, context.Canceled) {
				s.Error(err)
			}
			s.serves(one, "one")
			three := s.deployment(3, "three", "")
			s.deploy(three)
			s.serves(three, "three")
		},
		"logs": func(s *suite) { s.readLogs() },
		"removed": func(s *suite) {
			two := s.deployment(2, "two", "")
			s.deploy(two)
			seen := s.observe(two)
			for range 2 {
				if err := s.Target.Remove(ctx, "shop", "dev"); err != nil {
					s.Error(err)
				}
			}
			if o := s.observe(two); o.Deployment != "" || len(o.Instances) > 0 {
				s.Errorf("%+v", o)
			}
			if status, body, _ := s.ask(seen); status != http.StatusNotFound {
				s.Errorf("%d %q", status, body)
			}
			one := s.deployment(1, "one", "") // older than what is forgotten
			s.deploy(one)
			s.serves(one, "one")
		},
		"what is declared as data stays":         data,
		"a database that isn't declared":         undeclared,
		"a database that is declared afterwards": declaredLater,
		"data that has no place in the release":  unlaid,
		"data below /tmp":                        inTmp,
		"what is no deployment": func(s *suite) {
			for _, spoil := range []func(*slipway.Deployment){
				func(d *slipway.Deployment) { d.ID = "" },
				func(d *slipway.Deployment) { d.ID = "../1" },
				func(d *slipway.Deployment) { d.Service = "../shop" },
				func(d *slipway.Deployment) { d.Environment = "" },
				func(d *slipway.Deployment) { d.Manifest.Dir = "../.." },
				func(d *slipway.Deployment) { d.Manifest.Dir = ".." },
				func(d *slipway.Deployment) { d.Manifest.Data = []slipway.DataPath{{Path: "../shop.db"}} },
				func(d *slipway.Deployment) { d.Manifest.Processes = nil },
			} {
				d := s.deployment(1, "one", "")
				spoil(&d)
				s.refused(s.Target.Deploy(ctx, d, io.Discard), slipway.Invalid, "")
			}
			absent := s.deployment(1, "one", "")
			absent.Artifact = "sha256:absent"
			s.refused(s.Target.Deploy(ctx, absent, io.Discard), slipway.NotFound, "build it again")
		},
		"what directs it dies": func(s *suite) {
			if s.Restart == nil {
				return // nothing does: its instances have nobody to outlive
			}
			one, two := s.deployment(1, "one", ""), s.deployment(2, "two", "")
			s.deploy(one)
			s.deploy(two)
			_, before, _ := s.ask(s.observe(two))
			s.Restart(s.T)
			s.eventually("the instances are known", func() bool {
				all := s.observe(two).Instances
				return len(all) == 1 && all[0].State == slipway.InstanceHealthy
			})
			s.serves(two, "two")
			if _, after, _ := s.ask(s.observe(two)); after != before {
				s.Errorf("%q answers, before it was %q", after, before)
			}
			s.refused(s.Target.Deploy(ctx, one, io.Discard), slipway.Conflict, "newer")
			if err := s.Target.Revert(ctx, two, io.Discard); err != nil {
				s.Error(err)
			}
			s.serves(one, "one")
		},
	} {
		t.Run(name, func(t *testing.T) {
			check(&suite{T: t, Bench: open(t), artifacts: map[string]slipway.Digest{}})
		})
	}
}

// readLogs holds Logs to what it promises.
func (s *suite) readLogs() {
	d := s.deployment(1, "one", "")
	d.Manifest.Processes = append(d.Manifest.Processes, slipway.Process{Name: "worker", Command: s.Python + " app.py worker", Instances: 1, GraceSeconds: 2})
	s.deploy(d)
	q := slipway.LogQuery{Service: "shop", Environment: "dev"}
	out := s.logs(q)
	if !strings.Contains(out, "starting web one [secret]") || !strings.Contains(out, "starting worker one [secret]") || strings.Contains(out, s.Value) {
		s.Errorf("%q", out)
	}
	q.Process = "worker"
	if out := s.logs(q); strings.Contains(out, "starting web") || !strings.Contains(out, "starting worker") {
		s.Errorf("of one process: %q", out)
	}
	q.Process, q.Lines = "web", 1
	if out := s.logs(q); strings.Count(out, "\n") != 1 || !strings.Contains(out, "asked /") {
		s.Errorf("the last line: %q", out)
	}
	// Followed over a deploy, until the reader goes.
	ctx, cancel := context.WithCancel(context.Background())
	q.Process, q.Lines, q.Follow = "", 0, true
	followed, ended := &output{}, make(chan error, 1)
	go func() { ended <- s.Target.Logs(ctx, q, followed) }()
	s.eventually("there are lines", func() bool { return strings.Contains(followed.String(), "starting web one") })
	s.deploy(s.deployment(2, "two", ""))
	s.eventually("the new release's are there", func() bool { return strings.Contains(followed.String(), "starting web two [secret]") })
	cancel()
	if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
		s.Error(err)
	}
}
