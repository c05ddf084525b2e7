package node

import (
	"testing"
	"time"
)

func TestSettledAnswers(t *testing.T) {
	long := -settledFor - time.Second
	for _, c := range []struct {
		name    string
		answers []answer
		settled bool
	}{
		{"the host is refused", []answer{{status: 400}, {status: 400}, {status: 400}, {status: 400}, {status: 400}, {status: 400}}, true},
		{"too few", []answer{{status: 400}, {status: 400}, {status: 400}}, false},
		{"an error", []answer{{status: 500}, {status: 500}, {status: 500}, {status: 500}, {status: 500}, {status: 500}}, true},
		{"not ready yet", []answer{{status: 503}, {status: 503}, {status: 503}, {status: 503}, {status: 503}, {status: 503}}, false},
		{"asked to wait", []answer{{status: 429}, {status: 429}, {status: 429}, {status: 429}, {status: 429}, {status: 429}}, false},
		{"nobody listens", []answer{{refused: true, err: errStopping}, {refused: true, err: errStopping}, {refused: true, err: errStopping}, {refused: true, err: errStopping}, {refused: true, err: errStopping}}, false},
		{"it changes", []answer{{status: 404}, {status: 404}, {status: 500}, {status: 404}, {status: 404}, {status: 500}}, false},
		{"ready in between", []answer{{status: 404}, {status: 404}, {status: 404}, {status: 503}, {status: 404}, {status: 404}}, false},
	} {
		var s steady
		got := false
		for _, a := range c.answers {
			got = s.settled(a)
			s.since = s.since.Add(long) // time goes by
		}
		if got != c.settled {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}
