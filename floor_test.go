package slipway_test

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
)

func window(text string) slipway.Window {
	w, err := slipway.ParseWindow(text)
	if err != nil {
		panic(err)
	}
	return w
}

// lowerings are pairs of policies of which the second asks for less by one field,
// and the first by none.
var lowerings = []struct {
	field    string
	old, new slipway.Policy
}{
	{"approvals", slipway.Policy{Approvals: 2}, slipway.Policy{Approvals: 1}},
	{"approvers", slipway.Policy{Approvers: []string{"ada"}}, slipway.Policy{Approvers: []string{"ada", "bob"}}},
	{"own_changes", slipway.Policy{OwnChanges: slipway.OwnNever}, slipway.Policy{}},
	{"own_changes", slipway.Policy{}, slipway.Policy{OwnChanges: slipway.OwnAlways}},
	{"new_approvers", slipway.Policy{}, slipway.Policy{NewApprovers: true}},
	{"second_factor", slipway.Policy{SecondFactor: slipway.SecondFactorRequired}, slipway.Policy{}},
	{"rollback_approvals", slipway.Policy{RollbackApprovals: 1}, slipway.Policy{}},
	{"rollback_role", slipway.Policy{}, slipway.Policy{RollbackRole: slipway.RoleDeveloper}},
	{"rollback_role", slipway.Policy{RollbackRole: slipway.RoleAdmin}, slipway.Policy{}},
	{"soak", slipway.Policy{Soak: 60}, slipway.Policy{Soak: 59}},
	{"windows", slipway.Policy{Windows: []slipway.Window{window("mon,tue 09:00-17:00")}}, slipway.Policy{}},
	{"windows", slipway.Policy{Windows: []slipway.Window{window("mon,tue 09:00-17:00")}}, slipway.Policy{Windows: []slipway.Window{window("mon,tue,wed 09:00-17:00")}}},
	{"windows", slipway.Policy{Windows: []slipway.Window{window("mon,tue 09:00-17:00")}}, slipway.Policy{Windows: []slipway.Window{window("mon,tue 09:00-17:01")}}},
	{"lock_required", slipway.Policy{LockRequired: true}, slipway.Policy{}},
	{"require_tests", slipway.Policy{RequireTests: true}, slipway.Policy{}},
	{"max_age", slipway.Policy{MaxAge: 60}, slipway.Policy{}},
	{"max_age", slipway.Policy{MaxAge: 60}, slipway.Policy{MaxAge: 61}},
	{"skips_allowed", slipway.Policy{}, slipway.Policy{SkipsAllowed: true}},
	{"strategy", slipway.Policy{}, slipway.Policy{Strategy: slipway.Strategy{Judge: slipway.Judge{MaxFailureRate: 0.5}}}},
	{"strategy", slipway.Policy{}, slipway.Policy{Strategy: slipway.Strategy{Judge: slipway.Judge{MaxLatency: 3}}}},
	{"strategy", slipway.Policy{}, slipway.Policy{Strategy: slipway.Strategy{Judge: slipway.Judge{MinRequests: 5000}}}},
	{"bake", slipway.Policy{Bake: 60}, slipway.Policy{}},
	{"may_skip", slipway.Policy{}, slipway.Policy{MaySkip: []slipway.StepName{slipway.StepTest}}},
	{"rehearse", slipway.Policy{}, slipway.Policy{Rehearse: slipway.RehearseSecrets}},
}

func TestWeaker(t *testing.T) {
	for _, c := range lowerings {
		if got := slipway.Weaker(c.old, c.new); !slices.Equal(got, []string{c.field}) {
			t.Errorf("%s: %+v to %+v weakens %v", c.field, c.old, c.new, got)
		}
		if got := slipway.Weaker(c.new, c.old); len(got) > 0 {
			t.Errorf("%s: raising it weakens %v", c.field, got)
		}
		raised, held := c.new.Raised(c.old)
		if !slices.Equal(held, []string{c.field}) || len(slipway.Weaker(c.old, raised)) > 0 {
			t.Errorf("%s: %+v over the floor %+v is %+v, held in %v", c.field, c.new, c.old, raised, held)
		}
	}
	// Who approves, where the environment names nobody: other people than before,
	// and no less than it asks for.
	none, named := slipway.Policy{}, slipway.Policy{Approvers: []string{"ada"}}
	for _, c := range [][2]slipway.Policy{{none, named}, {named, none}} {
		if got := slipway.Weaker(c[0], c[1]); !slices.Equal(got, []string{"approvers"}) {
			t.Errorf("%v to %v weakens %v", c[0].Approvers, c[1].Approvers, got)
		}
	}
	if raised, held := named.Raised(none); len(held) > 0 || len(raised.Approvers) != 1 {
		t.Errorf("%v, held in %v", raised.Approvers, held)
	}
	if raised, held := none.Raised(named); len(held) != 1 || len(raised.Approvers) != 1 {
		t.Errorf("%v, held in %v", raised.Approvers, held)
	}
	for within, ok := range map[string]bool{"mon 10:00-12:00": true, "mon 22:00-02:00 UTC": true, "10:00-12:00": false, "mon 10:00-12:00 Europe/Berlin": false, "mon 21:59-23:00": false, "mon 22:00-03:01": false} {
		old := slipway.Policy{Windows: []slipway.Window{window("mon,tue 10:00-12:00"), window("mon 22:00-03:00")}}
		if got := slipway.Weaker(old, slipway.Policy{Windows: []slipway.Window{window(within)}}); (len(got) == 0) != ok {
			t.Errorf("%s: %v", within, got)
		}
	}
}

// Whoever adds a field to Policy says whether less of it is a lowered gate: a case
// above, or a line in NeutralFields.
func TestEveryFieldOfPolicyHasItsRule(t *testing.T) {
	ruled := map[string]bool{}
	for _, c := range lowerings {
		ruled[c.field] = true
	}
	for _, v := range []any{slipway.Policy{}, slipway.PolicyChange{}} {
		fields := map[string]bool{}
		for i := range reflect.TypeOf(v).NumField() {
			name, _, _ := strings.Cut(reflect.TypeOf(v).Field(i).Tag.Get("json"), ",")
			fields[name] = true
			if neutral := slipway.NeutralFields[name] != ""; neutral == ruled[name] {
				t.Errorf("%T.%s: neutral is %v, and a rule is %v: exactly one must be", v, name, neutral, ruled[name])
			}
		}
		for name := range slipway.NeutralFields {
			if !fields[name] {
				t.Errorf("%s is neutral and no field of %T", name, v)
			}
		}
		for name := range ruled {
			if !fields[name] {
				t.Errorf("%s has a rule and is no field of %T", name, v)
			}
		}
	}
}

// Whatever a service asks for, and whatever its environment: what is in force asks
// for no less than either the floor does, and asking again changes nothing.
func TestRaisedHolds(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2)) // #nosec G404 -- the same cases each time
	some := func() (p slipway.Policy) {
		for range random.IntN(6) {
			c := lowerings[random.IntN(len(lowerings))]
			from := c.old
			if random.IntN(2) == 0 {
				from = c.new
			}
			into := reflect.ValueOf(&p).Elem()
			for i := range into.NumField() {
				if name, _, _ := strings.Cut(into.Type().Field(i).Tag.Get("json"), ","); name == c.field {
					into.Field(i).Set(reflect.ValueOf(from).Field(i))
				}
			}
		}
		return p
	}
	for range 20000 {
		floor, asked := some(), some()
		raised, held := asked.Raised(floor)
		if len(floor.Approvers) > 0 || len(asked.Approvers) == 0 {
			if weaker := slipway.Weaker(floor, raised); len(weaker) > 0 {
				t.Fatalf("%+v over %+v is %+v, weaker in %v", asked, floor, raised, weaker)
			}
		}
		for _, field := range slipway.Weaker(asked, raised) {
			if field != "windows" && field != "approvers" || !slices.Contains(held, field) { // of two that don't contain each other the floor's holds
				t.Fatalf("%+v over %+v is %+v: less than was asked for in %s", asked, floor, raised, field)
			}
		}
		if again, held := raised.Raised(floor); len(held) > 0 || !reflect.DeepEqual(again, raised) {
			t.Fatalf("%+v raised once more is %+v, held in %v", raised, again, held)
		}
	}
}
