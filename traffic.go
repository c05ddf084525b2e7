package slipway

import "time"

// Answers counts what a deployment answered at the edge. A client that went away
// before its answer is counted with status 0, as neither good nor bad.
type Answers struct {
	Requests int64 `json:"requests"`
	Refused  int64 `json:"refused"` // 4xx: the client's doing
	Failed   int64 `json:"failed"`  // 5xx, the edge's own for want of an instance included
	// Took counts answers by duration: Took[k] took at most LatencyBound(k) and
	// more than the bound before it; the last one has no bound.
	Took [latencyBounds + 1]int64 `json:"took"`
}

// latencyBounds is how many bounds there are: each is half as much again as the one
// before, so that a quantile is known to within a fifth or so.
const latencyBounds = 28

// LatencyBound is the k-th bound, from 1 ms to about 57 s.
func LatencyBound(k int) time.Duration {
	bound := float64(time.Millisecond)
	for range k {
		bound *= 1.5
	}
	return time.Duration(bound)
}

var bounds = func() (list [latencyBounds]time.Duration) {
	for k := range list {
		list[k] = LatencyBound(k)
	}
	return list
}()

// Count adds one answer.
func (a *Answers) Count(status int, took time.Duration) {
	a.Requests++
	switch {
	case status >= 500:
		a.Failed++
	case status >= 400:
		a.Refused++
	}
	for k, bound := range bounds {
		if took <= bound {
			a.Took[k]++
			return
		}
	}
	a.Took[latencyBounds]++
}

// Add sums up.
func (a *Answers) Add(b Answers) {
	a.Requests += b.Requests
	a.Refused += b.Refused
	a.Failed += b.Failed
	for k := range a.Took {
		a.Took[k] += b.Took[k]
	}
}

// Quantile estimates how long the q-th part of the answers took at most, from the
// counts; 0 without answers.
func (a Answers) Quantile(q float64) time.Duration {
	var all int64
	for _, n := range a.Took {
		all += n
	}
	if all == 0 {
		return 0
	}
	rank, seen := q*float64(all), int64(0)
	for k, n := range a.Took {
		if n == 0 || float64(seen+n) < rank {
			seen += n
			continue
		}
		if k == latencyBounds {
			return bounds[latencyBounds-1]
		}
		low := time.Duration(0)
		if k > 0 {
			low = bounds[k-1]
		}
		return low + time.Duration(float64(bounds[k]-low)*(rank-float64(seen))/float64(n))
	}
	return bounds[latencyBounds-1]
}

// Slower estimates how many answers took longer than d, from the counts.
func (a Answers) Slower(d time.Duration) int64 {
	var n float64
	for k, count := range a.Took {
		low := time.Duration(0)
		if k > 0 {
			low = bounds[k-1]
		}
		switch {
		case low >= d:
			n += float64(count)
		case k < latencyBounds && bounds[k] > d:
			n += float64(count) * float64(bounds[k]-d) / float64(bounds[k]-low)
		}
	}
	return int64(n)
}

// FailureRate is the part of the answers that failed, between 0 and 1.
func (a Answers) FailureRate() float64 {
	if a.Requests == 0 {
		return 0
	}
	return float64(a.Failed) / float64(a.Requests)
}

// Slice is what was answered in the ten seconds from At.
type Slice struct {
	At time.Time `json:"at"`
	Answers
}

// Traffic is what the edge counted for a service in an environment, by
// deployment; at most the last hour, and nothing from before the node agent's start.
type Traffic struct {
	Since       time.Time          `json:"since"`
	Deployments map[string][]Slice `json:"deployments"`
}

// Sum adds up what a deployment answered since a time.
func (t Traffic) Sum(deployment string, since time.Time) Answers {
	var sum Answers
	for _, s := range t.Deployments[deployment] {
		if !s.At.Before(since) {
			sum.Add(s.Answers)
		}
	}
	return sum
}
