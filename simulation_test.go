package slipway_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
)

// canaries are played: how often answers of either release fail, and which part of
// the requests the new one gets, stage after stage.
type canaries struct {
	old, new float64
	stages   []float64
	bakes    bool // then all of them, against what the old one answered before
}

func (c canaries) String() string {
	return fmt.Sprintf("%g%%-for-%g%%-at-%g%%", 100*c.new, 100*c.old, 100*c.stages[0])
}

// durations are how long answers take: with a heavy tail, of which one in twenty
// takes over five times the median, which asks most of the judge of latency.
var durations = func() (list [1 << 10]slipway.Answers) {
	r := rand.New(rand.NewPCG(1, 1))
	for i := range list {
		list[i].Count(200, time.Duration(math.Exp(r.NormFloat64())*float64(20*time.Millisecond)))
	}
	return list
}()

var buckets = func() (list [1 << 10]int) {
	for i, a := range durations {
		list[i] = slices.Index(a.Took[:], 1)
	}
	return list
}()

// answered adds what one request was answered.
func answered(r *rand.Rand, a *slipway.Answers, fails float64) {
	bits := r.Uint64()
	a.Requests++
	a.Took[buckets[bits%uint64(len(buckets))]]++
	if float64(bits>>11)/(1<<53) < fails {
		a.Failed++
	}
}

// taken plays one canary, which is looked at so many times at each stage with so many
// requests to both releases before each look. It tells after how many requests to it
// within a stage it was found worse, 0 for never.
func (c canaries) taken(r *rand.Rand, looks, requests int) int64 {
	for _, weight := range c.stages {
		var old, new slipway.Answers
		for range looks {
			for range requests {
				if r.Float64() < weight {
					answered(r, &new, c.new)
				} else {
					answered(r, &old, c.old)
				}
			}
			if (slipway.Judge{}).Compare(old, new, len(c.stages)).Finding == slipway.FindingBad {
				return new.Requests
			}
		}
	}
	if !c.bakes {
		return 0
	}
	var old, new slipway.Answers
	for range looks * requests {
		answered(r, &old, c.old)
	}
	for range looks {
		for range requests {
			answered(r, &new, c.new)
		}
		if (slipway.Judge{}).Compare(old, new, 1).Finding == slipway.FindingBad {
			return new.Requests
		}
	}
	return 0
}

// play plays many canaries. It tells which part was found worse, and within how many
// requests to the new release 95 % of all were; 0 when fewer were.
func (c canaries) play(many, looks, requests int) (part float64, within int64) {
	var at []int64
	for i := range many {
		if n := c.taken(rand.New(rand.NewPCG(uint64(many), uint64(i))), looks, requests); n > 0 {
			at = append(at, n)
		}
	}
	slices.Sort(at)
	if i := (many*95+99)/100 - 1; i < len(at) {
		within = at[i]
	}
	return float64(len(at)) / float64(many), within
}

// equals are releases as good as what they replace: at most one in a hundred may be
// taken back by what its whole way shows: two stages, and what is watched afterwards.
var equals = []canaries{
	{0, 0, []float64{0.1, 0.5}, true}, {0.01, 0.01, []float64{0.1, 0.5}, true}, {0.05, 0.05, []float64{0.1, 0.5}, true},
}

// worse are releases with three times the failures, or some where there were none, at
// one stage. Of 100 at least 95 are found within so many requests to the new release,
// as docs/promotions.md states.
var worse = []struct {
	canaries
	within int64
}{
	{canaries{0, 0.03, []float64{0.1}, false}, 500}, {canaries{0.01, 0.03, []float64{0.1}, false}, 1500}, {canaries{0.05, 0.15, []float64{0.1}, false}, 500},
	{canaries{0, 0.03, []float64{0.5}, false}, 1000}, {canaries{0.01, 0.03, []float64{0.5}, false}, 3000}, {canaries{0.05, 0.15, []float64{0.5}, false}, 1000},
}

// A small play of what BenchmarkJudgement plays ten thousand times.
func TestJudgementBySimulation(t *testing.T) {
	for _, c := range equals {
		if part, _ := c.play(300, 30, 60); part > 0.01 {
			t.Errorf("%s: %.1f %% of equal releases are taken back", c, 100*part)
		}
	}
	for _, c := range worse {
		looks := 40
		if part, within := c.play(100, looks, int(float64(c.within)/c.stages[0])/looks); part < 0.95 || within > c.within {
			t.Errorf("%s: %.0f %% of worse releases are taken back within %d requests to them", c, 100*part, c.within)
		}
	}
}

// Prints which part of 10,000 canaries is taken back, and within how many requests.
func BenchmarkJudgement(b *testing.B) {
	const many = 10_000
	for _, c := range equals {
		b.Run("equal/"+c.String(), func(b *testing.B) {
			for range b.N {
				part, _ := c.play(many, 30, 60)
				b.ReportMetric(100*part, "%taken-back")
				if part > 0.01 {
					b.Errorf("%.2f %% of equal releases are taken back", 100*part)
				}
			}
		})
	}
	for _, c := range worse {
		b.Run("worse/"+c.String(), func(b *testing.B) {
			for range b.N {
				looks := 40
				part, within := c.play(many, looks, int(float64(c.within)/c.stages[0])/looks)
				b.ReportMetric(100*part, "%taken-back")
				b.ReportMetric(float64(within), "requests-for-95%")
				if part < 0.95 {
					b.Errorf("%.1f %% of worse releases are taken back within %d requests to them", 100*part, c.within)
				}
			}
		})
	}
}
