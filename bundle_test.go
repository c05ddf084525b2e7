package slipway_test

import (
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
)

func TestBundleKeeps(t *testing.T) {
	waits := func(service string) slipway.BundleMember {
		return slipway.BundleMember{Promotion: service, Service: service, State: slipway.PromotionWaiting}
	}
	ready := func(service string) slipway.BundleMember { m := waits(service); m.Ready = true; return m }
	done := func(service string) slipway.BundleMember {
		return slipway.BundleMember{Promotion: service, Service: service, State: slipway.PromotionSucceeded, Passed: true}
	}
	began := func(service string) slipway.BundleMember {
		return slipway.BundleMember{Promotion: service, Service: service, State: slipway.PromotionRunning, Passed: true}
	}
	for _, c := range []struct {
		name   string
		bundle slipway.Bundle
		of     string
		ready  bool
		keeps  string
	}{
		{"no bundle", nil, "a", true, ""},
		{"another one isn't ready", slipway.Bundle{ready("a"), waits("b"), waits("c")}, "a", true, "not yet: b, c"},
		{"said although it isn't ready itself", slipway.Bundle{waits("a"), waits("b")}, "a", false, "not yet: b"},
		{"only itself isn't ready", slipway.Bundle{waits("a"), ready("b")}, "a", false, ""},
		{"the first goes on", slipway.Bundle{waits("a"), ready("b"), ready("c")}, "a", true, ""},
		{"the second waits for the first", slipway.Bundle{ready("a"), waits("b"), ready("c")}, "b", true, "a takes over first"},
		{"and while that is under way", slipway.Bundle{began("a"), ready("b"), ready("c")}, "b", true, "a takes over first"},
		{"the nearest is named", slipway.Bundle{began("a"), ready("b"), ready("c")}, "c", true, "b takes over first"},
		{"its turn", slipway.Bundle{done("a"), ready("b"), ready("c")}, "b", true, ""},
		{"the last one", slipway.Bundle{done("a"), done("b"), ready("c")}, "c", true, ""},
	} {
		keeps := c.bundle.Keeps(c.of, c.ready)
		if (c.keeps == "") != (keeps == "") || !strings.Contains(keeps, c.keeps) {
			t.Errorf("%s: %q", c.name, keeps)
		}
	}
	if _, broken := (slipway.Bundle{done("a"), began("b")}).Broken(); broken {
		t.Error("nothing has ended badly")
	}
	for _, state := range slipway.PromotionStates {
		m, broken := (slipway.Bundle{done("a"), {Promotion: "b", State: state}}).Broken()
		if want := state.Over() && state != slipway.PromotionSucceeded; broken != want || want && m.Promotion != "b" {
			t.Errorf("%s: %v", state, broken)
		}
	}
}

// FuzzBundleEnds lets the members of a bundle get ready and end in any order: it
// ends, never two take over at once, and none takes over before all are ready.
func FuzzBundleEnds(f *testing.F) {
	f.Add([]byte{0, 1, 2}, byte(9))
	f.Add([]byte{2, 2, 1, 0, 0}, byte(1))
	f.Fuzz(func(t *testing.T, order []byte, fails byte) {
		names := []string{"a", "b", "c", "d"}
		bundle := make(slipway.Bundle, len(names))
		wants := map[string]bool{} // nothing else keeps it
		for i, n := range names {
			bundle[i] = slipway.BundleMember{Promotion: n, Service: n, State: slipway.PromotionWaiting}
		}
		for _, b := range order {
			wants[names[int(b)%len(names)]] = true
		}
		look := func(i int) {
			m := &bundle[i]
			if m.State != slipway.PromotionWaiting {
				return
			}
			if _, broken := bundle.Broken(); broken {
				m.State = slipway.PromotionCancelled
				return
			}
			m.Ready = wants[m.Service]
			if !m.Ready || bundle.Keeps(m.Promotion, true) != "" {
				return
			}
			for _, other := range bundle {
				if other.State == slipway.PromotionRunning {
					t.Fatalf("%s and %s take over at once", other.Service, m.Service)
				}
				if !wants[other.Service] {
					t.Fatalf("%s takes over before %s is ready", m.Service, other.Service)
				}
			}
			m.State, m.Passed = slipway.PromotionRunning, true
		}
		for round := range 20 {
			for _, b := range append([]byte{0, 1, 2, 3}, order...) {
				look(int(b) % len(names))
			}
			for i := range bundle {
				if m := &bundle[i]; m.State == slipway.PromotionRunning {
					if m.State = slipway.PromotionSucceeded; int(fails)%8 == i {
						m.State = slipway.PromotionFailed
					}
				}
			}
			if round == 3 {
				for _, n := range names {
					wants[n] = true
				}
			}
		}
		for _, m := range bundle {
			if !m.State.Over() {
				t.Fatalf("%s is still %s: %s", m.Service, m.State, bundle.Keeps(m.Promotion, true))
			}
		}
	})
}
