package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// promotion is the part of the API's answer that these tests look at.
type promotion struct {
	ID     int    `json:"id"`
	State  string `json:"state"`
	Reason string `json:"reason"`
	Steps  []struct {
		Name    string `json:"name"`
		State   string `json:"state"`
		Attempt int    `json:"attempt"`

		StartedAt time.Time `json:"started_at"`
		EndedAt   time.Time `json:"ended_at"`
	} `json:"steps"`
	Rollout *struct {
		Weight int    `json:"weight"`
		Paused string `json:"paused"`
	} `json:"rollout"`
}

// reached waits until a promotion is in a state, and leaves in p what it was then. It asks the
// API itself: a command that is started for every look takes more of the machine than all
// that it looks at.
func (s *site) reached(what string, p *promotion, state func() bool) {
	s.t.Helper()
	operator := s.operator()
	path := "/api/v1/promotions/" + id(*p)
	s.eventually(patience, what, func() bool {
		status, body := s.ask(operator, path, "")
		if status == http.StatusServiceUnavailable {
			return false // its database is away
		}
		var now promotion
		if err := json.Unmarshal([]byte(body), &now); err != nil || status != http.StatusOK {
			s.t.Fatalf("promotion %d: %d %s", p.ID, status, body)
		}
		*p = now
		return state()
	})
}

func (p promotion) step(name string) string {
	for _, s := range p.Steps {
		if s.Name == name {
			return s.State
		}
	}
	return ""
}

func (p promotion) startOf(name string) time.Time {
	for _, s := range p.Steps {
		if s.Name == name {
			return s.StartedAt
		}
	}
	return time.Time{}
}

// TestKill pulls the plug on the platform in every step of a promotion. After
// each restart the promotion ends right, and the service never stops answering.
func TestKill(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	repo := newRepository(t, map[string]string{
		"app.py": slowStart("one"), "requirements.txt": "flask==3.1.2\n",
		"test_app.py": "import time\n\ndef test_slowly():\n    time.sleep(2)\n", "requirements-test.txt": "pytest==8.4.2\n",
		"Procfile":   "web: python app.py\nrelease: python release.py\n",
		"release.py": "import os, time\nwith open(os.path.join(os.environ['SLIPWAY_DATA'], 'released'), 'a') as f:\n    f.write('once\\n')\ntime.sleep(2)\n",
	})
	s.must("service", "add", repo.url(), "--name", "plug")
	s.must("promote", "plug", "--follow")
	traffic := startPaced(s.edge, "plug", "dev", "/", 4, 10*time.Millisecond)

	for _, step := range []string{"fetch", "build", "test", "render", "migrate", "deploy", "verify"} {
		word := "after-" + step
		repo.commit(word, map[string]string{"app.py": slowStart(word)})
		var p promotion
		s.decode(&p, "promote", "plug")
		s.reached("step "+step+" begins", &p, func() bool { return p.step(step) != "pending" })
		s.kill()
		s.start()
		s.reached("the promotion killed in "+step+" is over", &p, func() bool { return over(p.State) })
		if p.State != "succeeded" {
			t.Fatalf("killed in %s: the promotion is %s: %s", step, p.State, p.Reason)
		}
		if _, body := s.get("plug", "dev", "/"); !strings.Contains(body, word) {
			t.Fatalf("killed in %s: dev answers %q", step, body)
		}
	}
	traffic.stop()
	if len(traffic.failures) > 0 {
		t.Errorf("%d of %d requests failed: %s", len(traffic.failures), traffic.requests, traffic.failures[0])
	}
	// Counted outside Slipway: one release command for each of the promotions.
	released, err := os.ReadFile(filepath.Join(s.data, "node", "data", "plug", "dev", "released"))
	if n := strings.Count(string(released), "once"); err != nil || n != 8 {
		t.Errorf("the release command ran %d times in 8 promotions: %v", n, err)
	}
	t.Logf("%d requests, none failed", traffic.requests)
}

// TestKillNode ends the node agent; it comes back and adopts what runs.
func TestKillNode(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	repo := newRepository(t, map[string]string{
		"app.py": slowStart("one"), "requirements.txt": "flask==3.1.2\n", "Procfile": "web: python app.py\n",
	})
	s.must("service", "add", repo.url(), "--name", "adopted")
	s.must("promote", "adopted", "--follow")
	_, before := s.get("adopted", "dev", "/pid")
	killMentioning(t, "node", s.data)
	s.eventually(patience, "the edge answers again", func() bool {
		status, _, err := edgeGet(s.edge, "adopted", "dev", "/pid")
		return err == nil && status == 200
	})
	if _, after := s.get("adopted", "dev", "/pid"); after != before {
		t.Errorf("the instance is process %s, was %s: it was not adopted", after, before)
	}
}

// slowStart is a small service that needs a second before it listens.
func slowStart(word string) string {
	return `import os, time
from flask import Flask
app = Flask(__name__)

@app.get("/")
def index():
    return "` + word + `"

@app.get("/pid")
def pid():
    return str(os.getpid())

if __name__ == "__main__":
    time.sleep(1)
    app.run(host="127.0.0.1", port=int(os.environ["PORT"]), threaded=True)
`
}

func over(state string) bool {
	switch state {
	case "queued", "waiting", "running", "verifying":
		return false
	}
	return true
}
