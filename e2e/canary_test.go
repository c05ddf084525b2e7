package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestCanary is a release manager with the command line alone: a canary that is
// good, one that is steered while the platform is killed, and one that is worse.
func TestCanary(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	repo := exampleRepository(t, "payments")
	s.must("service", "add", repo.url(), "--name", "payments")
	s.must("promote", "payments", "--follow")
	// Its latency says how busy the machine is, of which a canary that has just
	// started has more than its part.
	s.must("policy", "set", "--env", "dev", "--strategy", "canary", "--stage", "20:1s", "--stage", "60:hand", "--max-latency", "100")
	app, err := os.ReadFile(filepath.Join(repo.dir, "app.py"))
	if err != nil {
		t.Fatal(err)
	}
	says := func(word string) map[string]string {
		return map[string]string{"app.py": strings.Replace(string(app), `service="payments"`, `service="`+word+`"`, 1)}
	}
	var p promotion
	shows := func(words string) {
		t.Helper()
		if out := s.must("promotion", "show", id(p)); !strings.Contains(out, words) {
			t.Errorf("promotion %d doesn't say %q:\n%s", p.ID, words, out)
		}
	}
	atSixty := func() bool { return p.Rollout != nil && p.Rollout.Weight == 60 }
	traffic := startPaced(s.edge, "payments", "dev", "/", 4, 10*time.Millisecond)

	repo.commit("Say two", says("payments two"))
	s.decode(&p, "promote", "payments")
	s.reached("the canary is at 60 %", &p, atSixty)
	shows("canary: 60 % of the requests, stage 2 of 2")
	s.refuses(1, "under way", "promote", "payments")
	s.must("promotion", "steer", "2", "pause")
	s.reached("the pause is seen", &p, func() bool { return p.Rollout != nil && p.Rollout.Paused != "" })
	shows("paused by")
	s.kill() // the control plane; the traffic stays split
	seen := map[bool]int{}
	for range 60 {
		status, body := s.get("payments", "dev", "/")
		if status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		seen[strings.Contains(body, "payments two")]++
	}
	if seen[true] < 20 || seen[false] < 8 {
		t.Errorf("%d of 60 requests went to the canary", seen[true])
	}
	s.start()
	s.must("promotion", "steer", "2", "promote")
	s.must("promotion", "show", "2", "--follow")
	if out := s.must("traffic", "payments", "--env", "dev"); !strings.Contains(out, "2  ") {
		t.Errorf("traffic: %s", out)
	}

	repo.commit("Say three", says("payments three"))
	p = promotion{}
	s.decode(&p, "promote", "payments")
	s.reached("the canary is at 60 %", &p, atSixty)
	s.must("promotion", "steer", id(p), "abort", "--reason", "the totals are wrong")
	s.reached("it is aborted", &p, func() bool { return strings.Contains(p.Reason, "aborted by") })
	shows("the totals are wrong")
	if _, body := s.get("payments", "dev", "/"); !strings.Contains(body, "payments two") {
		t.Errorf("after the abort dev answers %s", body)
	}
	traffic.stop()
	if len(traffic.failures) > 0 {
		t.Errorf("%d of %d requests failed: %s", len(traffic.failures), traffic.requests, traffic.failures[0])
	}

	// One that is worse, and is found out by the edge's own figures.
	traffic = startPaced(s.edge, "payments", "dev", "/", 4, 10*time.Millisecond)
	broken := says("payments broken")
	broken["app.py"] += `

@app.before_request
def broken():
    from flask import abort, request
    if request.path == "/" and "SLIPWAY_INSTANCE" in os.environ:
        abort(500)
`
	repo.commit("Break it", broken)
	r := s.run("promote", "payments", "--follow")
	traffic.stop()
	if r.code != 3 || !strings.Contains(r.out+r.err, "is worse than what it replaces") {
		t.Errorf("ended with %d\n%s%s", r.code, r.out, r.err)
	}
	if _, body := s.get("payments", "dev", "/"); !strings.Contains(body, "payments two") {
		t.Errorf("after the bad canary dev answers %s", body)
	}
}
