package slipway

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Finding is what a canary's figures say of it.
type Finding string

const (
	FindingGood      Finding = "good"
	FindingBad       Finding = "bad"
	FindingTooLittle Finding = "too_little" // traffic to say anything
)

// Judgement compares a canary with what it replaces.
type Judgement struct {
	Finding Finding `json:"finding"`
	Reason  string  `json:"reason"` // one sentence, with the figures
	Chance  float64 `json:"chance"` // at most this part of releases that are as good would ever look so bad; 1 when nothing speaks against it
	Old     Figures `json:"old"`
	New     Figures `json:"new"`
}

// Figures sum up what a release answered.
type Figures struct {
	Requests    int64   `json:"requests"`
	FailureRate float64 `json:"failure_rate"` // between 0 and 1
	FailureLow  float64 `json:"failure_low"`  // the ends of its 95 % interval
	FailureHigh float64 `json:"failure_high"`
	P50         float64 `json:"p50"` // milliseconds
	P95         float64 `json:"p95"`
}

// Figures of counted answers.
func (a Answers) Figures() Figures {
	ms := func(d time.Duration) float64 { return math.Round(float64(d)/float64(time.Millisecond)*10) / 10 }
	low, high := wilson(a.Failed, a.Requests, 1.96)
	return Figures{Requests: a.Requests, FailureRate: a.FailureRate(), FailureLow: low, FailureHigh: high, P50: ms(a.Quantile(0.5)), P95: ms(a.Quantile(0.95))}
}

// mistaken is the part of canaries that are as good as what they replace of which a
// judge may say that they are worse, whenever and however often it looks.
const mistaken = 0.01

// Compare judges a release by what it and the old one answered, of which the new one
// is worse by at least what j allows and by more than chance explains. Both sides are
// uncertain, and both are counted: how it is done is at evidence. parts is in how
// many comparisons the same release may be found worse, such as one for each stage.
// Before there are as many requests as j asks for, only a release of which most
// answers failed is worse.
func (j Judge) Compare(old, new Answers, parts int) Judgement {
	j = j.Defaults()
	said := Judgement{Finding: FindingGood, Old: old.Figures(), New: new.Figures()}
	enough := int64(j.MinRequests)
	few := new.Requests < enough || old.Requests < enough
	// Failures and latency are two questions, of which each may be answered wrongly.
	part := float64(2 * max(parts, 1))

	failing := min(part*chance(old.Failed, old.Requests, new.Failed, new.Requests), 1)
	failsMore := new.FailureRate() > old.FailureRate()+j.MaxFailureRate
	mostly := 2*new.Failed > new.Requests

	// What took longer than the old release's answers may: of those, one in twenty by
	// definition, whatever few answers happened to show.
	bound := time.Duration(said.Old.P95 * j.MaxLatency * float64(time.Millisecond))
	longer := max(old.Slower(bound), old.Requests/20)
	slow := min(part*chance(longer, old.Requests, new.Slower(bound), new.Requests), 1)
	isSlower := said.New.P95 > said.Old.P95*j.MaxLatency && said.New.P95-said.Old.P95 > 5 // less than 5 ms is the measuring

	said.Chance = 1
	if failsMore {
		said.Chance = failing
	}
	compared := fmt.Sprintf("%s of its %d answers failed (%s), of the old release's %d %s (%s)",
		percent(said.New.FailureRate), new.Requests, said.New.interval(), old.Requests, percent(said.Old.FailureRate), said.Old.interval())
	took := fmt.Sprintf("95 %% of its answers took up to %.0f ms, of the old release's up to %.0f ms", said.New.P95, said.Old.P95)
	switch {
	case failsMore && failing <= mistaken && (mostly || !few):
		said.Finding, said.Reason = FindingBad, compared+"; "+rarely(failing)
	case mostly && old.Requests < enough && certainlyMost(new):
		said.Finding, said.Chance = FindingBad, 1
		said.Reason = fmt.Sprintf("%s of its %d answers failed (%s), and the old release had too few to compare with, %d", percent(said.New.FailureRate), new.Requests, said.New.interval(), old.Requests)
	case few:
		said.Finding = FindingTooLittle
		said.Reason = fmt.Sprintf("%d requests reached it and %d the old release: too few to judge by, %d of each are needed", new.Requests, old.Requests, enough)
		if new.Failed > 0 {
			said.Reason += fmt.Sprintf("; %d of them failed, which is not known to be more than chance (%s)", new.Failed, said.New.interval())
		}
	case isSlower && slow <= mistaken:
		said.Finding, said.Chance, said.Reason = FindingBad, slow, took+"; "+rarely(slow)
	case failsMore || isSlower:
		if isSlower && !failsMore {
			said.Chance, compared = slow, took
		}
		said.Reason = compared + "; that is not known to be more than chance"
		if said.Chance < 1 {
			said.Reason += ", which explains it in up to " + percent(said.Chance) + " of releases that are as good"
		}
	default:
		said.Reason = compared + "; " + took
	}
	return said
}

// ratios are how many times as often as the old release's a new one's answers may
// fail, each with the part of the stake that is laid on it.
var ratios = []struct{ times, stake float64 }{{1.5, 0.1}, {2, 0.2}, {3, 0.3}, {5, 0.2}, {10, 0.1}, {1000, 0.1}}

// chance bounds how often two equal releases would ever look as different as this,
// or more so, however often they are looked at. Each failure is a bet on whose it is:
// with equal releases it is the new one's with the odds of their requests, which makes
// the winnings a supermartingale, and by Ville's inequality (1939) these exceed 1/c at
// any time with a probability of c at most. That is Wald's sequential test of a rate
// (1945), mixed over the ratios above; with answers that fail or don't instead of
// failures that come by Poisson's law it errs on the safe side.
func chance(oldFailed, oldAll, newFailed, newAll int64) float64 {
	if newAll == 0 || oldAll == 0 {
		return 1
	}
	share := float64(newAll) / float64(newAll+oldAll)
	won := 0.0
	for _, r := range ratios {
		won += r.stake * math.Exp(float64(newFailed)*math.Log(r.times)-float64(newFailed+oldFailed)*math.Log(r.times*share+1-share))
	}
	return min(1/won, 1)
}

// certainlyMost tells whether more than half of the answers of a release fail, by an
// interval that holds in 999 of 1000 cases.
func certainlyMost(a Answers) bool {
	low, _ := wilson(a.Failed, a.Requests, 3.29)
	return low > 0.5
}

// rarely says how sure a finding is.
func rarely(c float64) string {
	return "chance explains that in at most " + percent(c) + " of releases that are as good"
}

func (f Figures) interval() string {
	return "between " + percent(f.FailureLow) + " and " + percent(f.FailureHigh)
}

// percent of a rate; what is less than can be shown is said to be.
func percent(rate float64) string {
	if rate > 0 && rate < 0.0005 {
		return "under 0.1 %"
	}
	return strings.TrimSuffix(strconv.FormatFloat(100*rate, 'f', 1, 64), ".0") + " %"
}

// wilson is the score interval of a part (E. B. Wilson, 1927), all of it where nothing
// was counted.
func wilson(counted, all int64, z float64) (low, high float64) {
	if all == 0 {
		return 0, 1
	}
	n := float64(all)
	p := float64(counted) / n
	middle, half := p+z*z/(2*n), z*math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return max((middle-half)/(1+z*z/n), 0), min((middle+half)/(1+z*z/n), 1)
}
