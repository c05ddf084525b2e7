package slipway_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
)

// FuzzBundleGates plays the gates of a whole bundle: people say yes, leave and come
// back, newer releases go live below the members, and each member looks at its gates
// in any order. Whichever takes over then does so with as many yeses to its very plan
// as it takes, of people who may say so at that moment, and over no newer release but
// one that somebody named it over; with the others ready, one at a time, in order.
func FuzzBundleGates(f *testing.F) {
	yes := func(who, to byte) byte { return 0 | to<<3 | who<<5 }
	const left, newer, look, ends = 1, 2, 3, 4
	f.Add([]byte{1, 1, 1, 1}, []byte{yes(0, 0), yes(1, 1), yes(2, 2), yes(0, 3), look, look | 1<<3, look | 2<<3, look | 3<<3, look, ends, look | 1<<3, ends | 1<<3})
	f.Add([]byte{1, 1, 0, 0}, []byte{look | 2<<3, look | 3<<3, yes(0, 0), yes(0, 1), look | 1<<3, left, look, look | 1<<3, left, yes(1, 1), look | 1<<3, look})
	all := []byte{look, look | 1<<3, look | 2<<3, look | 3<<3, look, ends, look | 1<<3, ends | 1<<3, look | 2<<3, ends | 2<<3, look | 3<<3}
	for _, named := range []byte{0, 8, 16} { // nothing, that very release, or another one
		f.Add([]byte{0, 0, 0, named}, append([]byte{newer | 3<<3}, all...))
		f.Add([]byte{0, 0, 0, named}, append(all[:len(all)-1:len(all)-1], newer|3<<3, look|3<<3))
	}
	f.Add([]byte{0, 0, 0, 9}, append([]byte{yes(0, 3), newer | 3<<3}, all...)) // another plan, which the yes wasn't to
	f.Fuzz(func(t *testing.T, asks, events []byte) {
		const members = 4
		now := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
		bundle, facts := make(slipway.Bundle, members), make([]slipway.GateFacts, members)
		named := [members]bool{}
		for i := range members {
			ask := byte(0)
			if i < len(asks) {
				ask = asks[i]
			}
			service := fmt.Sprint("service-", i)
			facts[i] = slipway.GateFacts{Asked: now, Promotion: fmt.Sprint(i), BundleID: 1, Approvers: []string{"ada", "bob", "eve"}}
			facts[i].Plan = slipway.PromotionPlan{Service: service, Environment: "prod", Release: 3, Replaces: "2", ReplacesNumber: 2, Policy: slipway.Policy{Approvals: int(ask&7) % 3}}
			if named[i] = ask&8 != 0; named[i] {
				facts[i].NamedOver = 4
			} else if ask&16 != 0 {
				facts[i].NamedOver = 5 // another one than goes live
			}
			bundle[i] = slipway.BundleMember{Promotion: fmt.Sprint(i), Service: service, State: slipway.PromotionWaiting}
		}
		gone, said := [3]bool{}, [members]map[int]slipway.Digest{{}, {}, {}, {}}
		look := func(i int) {
			m, f := &bundle[i], &facts[i]
			if m.State != slipway.PromotionWaiting {
				return
			}
			f.Now, f.Bundle = now, bundle
			state, why, waits := f.Outcome()
			if m.State, m.Reason = state, why; state != slipway.PromotionRunning {
				m.Ready = state == slipway.PromotionWaiting && slipway.OnlyBundle(waits)
				if why == "" || state.Over() != (state != slipway.PromotionWaiting) {
					t.Fatalf("%s is %s: %q", m.Service, state, why)
				}
				return
			}
			count := 0
			for who, plan := range said[i] {
				if !gone[who] && plan == f.Plan.Hash() {
					count++
				}
			}
			if count < f.Plan.Policy.Approvals {
				t.Fatalf("%s takes over with %d of %d yeses that count", m.Service, count, f.Plan.Policy.Approvals)
			}
			if f.Plan.ReplacesNumber > f.Plan.Release && !named[i] {
				t.Fatalf("%s takes over from release %d, which nobody named it over", m.Service, f.Plan.ReplacesNumber)
			}
			for j, other := range bundle {
				if j < i && other.State != slipway.PromotionSucceeded || j > i && !other.Ready || j > i && other.State != slipway.PromotionWaiting {
					t.Fatalf("%s takes over while %s is %s, ready: %v", m.Service, other.Service, other.State, other.Ready)
				}
			}
			m.Passed = true
		}
		for n, event := range events[:min(len(events), 80)] {
			now = now.Add(time.Second)
			i, who := int(event>>3)%members, int(event>>5)%4%3
			switch event % 8 {
			case 0:
				if f := &facts[i]; !gone[who] {
					said[i][who] = f.Plan.Hash()
					f.Decisions = append(f.Decisions, slipway.Decision{Account: who + 1, Name: f.Approvers[who], Verdict: slipway.VerdictApprove, Plan: f.Plan.Hash(), At: now})
				}
			case 1: // somebody leaves, or comes back: all are counted again
				gone[who] = !gone[who]
				for i := range facts {
					for d := range facts[i].Decisions {
						if facts[i].Decisions[d].Lapsed = ""; gone[facts[i].Decisions[d].Account-1] {
							facts[i].Decisions[d].Lapsed = "the account is not active"
						}
					}
				}
			case 2:
				facts[i].Plan.Replaces, facts[i].Plan.ReplacesNumber = fmt.Sprint(100+n), 4
			case 4:
				if bundle[i].State == slipway.PromotionRunning {
					if bundle[i].State = slipway.PromotionSucceeded; event&128 != 0 {
						bundle[i].State = slipway.PromotionFailed
					}
				}
			default:
				look(i)
			}
		}
	})
}
