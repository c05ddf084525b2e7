package slipway

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// PromotionPlan is what a promotion will do, as far as it can be known before
// it is done. What is not known yet (the artifact of a release that is to be
// built) is empty. Its hash is what an approval is given to.
type PromotionPlan struct {
	Service        string     `json:"service"`
	Environment    string     `json:"environment"`
	Path           []string   `json:"path,omitempty"`   // the environments on the way, this one last; none for going back
	Team           string     `json:"team,omitempty"`   // that owns the service, and approves where the policy names nobody
	Bundle         []string   `json:"bundle,omitempty"` // what takes over together, in that order: services and their commits
	Commit         string     `json:"commit"`
	Release        int        `json:"release"`
	Artifact       Digest     `json:"artifact"`
	Config         Digest     `json:"config"` // of the snapshot that will run
	Rollback       bool       `json:"rollback"`
	Replaces       string     `json:"replaces"` // the deployment that runs now
	ReplacesNumber int        `json:"replaces_release"`
	ReplacesConfig Digest     `json:"replaces_config"`
	Processes      []Process  `json:"processes"`       // what will be started
	ReleaseCommand string     `json:"release_command"` // that will be run, "" for none
	Migrations     []string   `json:"migrations"`      // that are not applied yet, by name, as far as they can be read
	Steps          []StepName `json:"steps"`           // that will be taken
	Policy         Policy     `json:"policy"`          // the gates on the way
}

// Hash is the digest of a plan. Two plans that do the same have the same.
func (p PromotionPlan) Hash() Digest {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings, numbers and lists of them
	}
	sum := sha256.Sum256(text)
	return Digest("sha256:" + hex.EncodeToString(sum[:]))
}

// Moved says in words what differs from an earlier plan of the same promotion.
// What became known since has not moved.
func (p PromotionPlan) Moved(from PromotionPlan) []string {
	var moved []string
	differs := func(was, is any, known bool, format string, args ...any) {
		a, _ := json.Marshal(was)
		b, _ := json.Marshal(is)
		if known && string(a) != string(b) {
			moved = append(moved, fmt.Sprintf(format, args...))
		}
	}
	if from.Team == "" && from.Path == nil && (p.Team != "" || p.Path != nil) { // written by a version that didn't hold them
		moved = append(moved, "a plan now holds the way, the team and the bundle as well")
	} else {
		differs(from.Path, p.Path, true, "the way to %s is %s now; it was %s", p.Environment, wayWords(p.Path), wayWords(from.Path))
		differs(from.Team, p.Team, true, "%s belongs to team %s now; it was %s", p.Service, p.Team, from.Team)
		differs(from.Bundle, p.Bundle, true, "the bundle is %s now; it was %s", wayWords(p.Bundle), wayWords(from.Bundle))
	}
	differs(from.Release, p.Release, from.Release != 0, "release %d is promoted instead of %d", p.Release, from.Release)
	differs(from.Artifact, p.Artifact, from.Artifact != "" && from.Release == p.Release, "the artifact is another one")
	differs(from.Config, p.Config, from.Config != "", "the config was changed")
	switch {
	case from.Replaces != p.Replaces && p.Replaces == "":
		moved = append(moved, fmt.Sprintf("release %d no longer runs in %s", from.ReplacesNumber, p.Environment))
	case from.Replaces != p.Replaces:
		moved = append(moved, fmt.Sprintf("release %d runs in %s now", p.ReplacesNumber, p.Environment))
	}
	differs(from.ReplacesConfig, p.ReplacesConfig, from.Replaces == p.Replaces, "what runs has another config")
	differs(from.Processes, p.Processes, from.Processes != nil, "other processes will be started")
	differs(from.ReleaseCommand, p.ReleaseCommand, from.Processes != nil, "the release command is another one")
	differs(from.Migrations, p.Migrations, from.Processes != nil, "other migrations will run")
	differs(from.Steps, p.Steps, true, "other steps will be taken")
	differs(from.Policy, p.Policy, true, "the policy of %s was changed", p.Environment)
	return moved
}

// wayWords says the environments of a way, or the members of a bundle, in a part of a sentence.
func wayWords(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

// WayTo is the part of a path that leads to an environment, that one last; nil for
// one that is off the path.
func WayTo(path []string, environment string) []string {
	if i := slices.Index(path, environment); i >= 0 {
		return slices.Clone(path[:i+1])
	}
	return nil
}
