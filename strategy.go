package slipway

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// StrategyKind is how a release takes over from the one that runs.
type StrategyKind string

const (
	BlueGreen StrategyKind = "blue_green" // beside the old one, then all the traffic at once; the old one stays warm
	Rolling   StrategyKind = "rolling"    // one instance after the other; needs the room of one more
	Recreate  StrategyKind = "recreate"   // the old one ends first: for what must never run twice; the service is away for a moment
	Canary    StrategyKind = "canary"     // beside the old one, with a growing part of the traffic, and judged
)

// StrategyKinds lists them all, for enums.
var StrategyKinds = []StrategyKind{BlueGreen, Rolling, Recreate, Canary}

// Strategy is how an environment takes a release. Its zero value is blue_green.
// A rollback is always blue_green: it must not take longer than it has to.
type Strategy struct {
	Kind   StrategyKind `json:"kind"`
	Stages []Stage      `json:"stages"` // of a canary; none means 10 % and 50 %, five minutes each
	Judge  Judge        `json:"judge"`  // of a canary
}

// Stage is a part of the traffic, and how long a canary stays with it.
type Stage struct {
	Weight int `json:"weight"` // percent of the requests, 1 to 99
	Pause  int `json:"pause"`  // seconds; 0 means until somebody resumes
}

// Judge says when a canary is worse than what it replaces. Fields that are 0 have
// the value that their comment names.
type Judge struct {
	MinRequests    int     `json:"min_requests"`     // of each release before anything is said; 0 means 50
	MaxFailureRate float64 `json:"max_failure_rate"` // by how much the part of failed answers may be higher; 0 means 0.01
	MaxLatency     float64 `json:"max_latency"`      // how many times as long the 95th percentile may be; 0 means 1.5
}

// Defaults fills in what an empty field means.
func (s Strategy) Defaults() Strategy {
	if s.Kind == "" {
		s.Kind = BlueGreen
	}
	if s.Kind == Canary && len(s.Stages) == 0 {
		s.Stages = []Stage{{Weight: 10, Pause: 300}, {Weight: 50, Pause: 300}}
	}
	if s.Stages == nil {
		s.Stages = []Stage{}
	}
	s.Judge = s.Judge.Defaults()
	return s
}

// Defaults fills in what an empty field means.
func (j Judge) Defaults() Judge {
	if j.MinRequests == 0 {
		j.MinRequests = 50
	}
	if j.MaxFailureRate == 0 {
		j.MaxFailureRate = 0.01
	}
	if j.MaxLatency == 0 {
		j.MaxLatency = 1.5
	}
	return j
}

// ParseStage reads a stage as people write it: 10:5m is ten percent for five
// minutes, 50:hand is half until somebody resumes it.
func ParseStage(text string) (Stage, error) {
	weight, pause, _ := strings.Cut(strings.TrimSpace(text), ":")
	n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(weight), "%"))
	stage := Stage{Weight: n}
	if pause = strings.TrimSpace(pause); err == nil && pause != "hand" {
		var d time.Duration
		d, err = time.ParseDuration(pause)
		if err == nil && d == 0 {
			err = strconv.ErrRange
		}
		if err == nil {
			stage.Pause, err = WholeSeconds("stage", d)
		}
	}
	if err != nil {
		return Stage{}, Errorf(Invalid, "%q is not a stage: write 10:5m for ten percent of the requests for five minutes, or 10:hand for until somebody resumes it", printable(text)).At("strategy")
	}
	return stage, nil
}

// String is what ParseStage reads.
func (s Stage) String() string {
	if s.Pause == 0 {
		return strconv.Itoa(s.Weight) + ":hand"
	}
	pause := (time.Duration(s.Pause) * time.Second).String() // such as 1h0m0s
	if short, ok := strings.CutSuffix(pause, "m0s"); ok {
		pause = short + "m"
	}
	if short, ok := strings.CutSuffix(pause, "h0m"); ok {
		pause = short + "h"
	}
	return strconv.Itoa(s.Weight) + ":" + pause
}

// Validate names the field at fault.
func (s Strategy) Validate() error {
	switch s.Kind {
	case "", BlueGreen, Rolling, Recreate, Canary:
	default:
		return Errorf(Invalid, "%q is not one of blue_green, rolling, recreate and canary", printable(string(s.Kind))).At("strategy")
	}
	if len(s.Stages) > 0 && s.Kind != Canary {
		return Errorf(Invalid, "only a canary has stages").At("strategy")
	}
	if len(s.Stages) > 20 {
		return Errorf(Invalid, "a canary has at most 20 stages").At("strategy")
	}
	before := 0
	for _, stage := range s.Stages {
		if stage.Weight <= before || stage.Weight > 99 {
			return Errorf(Invalid, "the weights of a canary grow from stage to stage, between 1 and 99 percent").At("strategy")
		}
		if stage.Pause < 0 || stage.Pause > 7*24*60*60 {
			return Errorf(Invalid, "a stage of a canary lasts at most seven days").At("strategy")
		}
		before = stage.Weight
	}
	j := s.Judge
	if j.MinRequests < 0 || j.MinRequests > 1_000_000 || !within(j.MaxFailureRate, 0, 1) || j.MaxLatency != 0 && !within(j.MaxLatency, 1, 100) {
		return Errorf(Invalid, "a canary is judged by at most 1000000 requests, a failure rate between 0 and 1, and a latency between 1 and 100 times the old one").At("strategy")
	}
	return nil
}

func within(f, low, high float64) bool { return f >= low && f <= high } // never NaN

// Rollout is where a canary stands.
type Rollout struct {
	Stage     int       `json:"stage"`  // from 1
	Stages    int       `json:"stages"` // how many there are
	Weight    int       `json:"weight"` // percent of the requests
	Since     time.Time `json:"since"`
	Until     time.Time `json:"until"`            // when it goes on by itself, or is given up
	ByHand    bool      `json:"by_hand"`          // it goes on when somebody resumes it
	Paused    string    `json:"paused,omitempty"` // by whom
	Judgement Judgement `json:"judgement"`
}

// Words says in a sentence where it stands.
func (r Rollout) Words() string {
	text := fmt.Sprintf("%d %% of the requests, stage %d of %d", r.Weight, r.Stage, r.Stages)
	switch until := r.Until.UTC().Format("15:04:05 UTC"); {
	case r.Paused != "":
		return text + ", paused by " + r.Paused
	case r.ByHand:
		return text + "; goes on when somebody resumes it"
	default:
		return text + "; goes on at " + until
	}
}

// Steering is what people tell a canary.
type Steering string

const (
	SteerPause   Steering = "pause"
	SteerResume  Steering = "resume"  // ends a pause, or else the stage
	SteerPromote Steering = "promote" // all the traffic now
	SteerAbort   Steering = "abort"   // the old release has all the traffic again
)

// Steerings lists them all, for enums.
var Steerings = []Steering{SteerPause, SteerResume, SteerPromote, SteerAbort}
