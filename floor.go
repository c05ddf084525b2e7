package slipway

import "slices"

// policyRule says of one field of a policy when it asks for less.
type policyRule struct {
	field  string // as it is written
	weaker func(old, new Policy) bool
	take   func(p *Policy, floor Policy) // the floor's value, where p asks for less
	below  func(floor, p Policy) bool    // nil: weaker decides whether a service asks for less than its environment, too
}

// rules of the fields that a gate rests on. Every other field is neutral.
var policyRules = []policyRule{
	{field: "approvals",
		weaker: func(old, new Policy) bool { return new.Approvals < old.Approvals },
		take:   func(p *Policy, floor Policy) { p.Approvals = floor.Approvals }},
	{field: "approvers", weaker: otherApprovers,
		take: func(p *Policy, floor Policy) { p.Approvers = floor.Approvers },
		// Where the environment names nobody, whom a service names is no less: naming
		// them took an admin in person, as it might let in who couldn't approve before.
		below: func(floor, p Policy) bool { return len(floor.Approvers) > 0 && otherApprovers(floor, p) }},
	{field: "own_changes",
		weaker: func(old, new Policy) bool {
			order := []OwnChanges{OwnAlways, OwnAlone, OwnNever}
			return slices.Index(order, new.OwnChanges) < slices.Index(order, old.OwnChanges)
		},
		take: func(p *Policy, floor Policy) { p.OwnChanges = floor.OwnChanges }},
	{field: "new_approvers",
		weaker: func(old, new Policy) bool { return new.NewApprovers && !old.NewApprovers },
		take:   func(p *Policy, floor Policy) { p.NewApprovers = floor.NewApprovers }},
	{field: "second_factor",
		weaker: func(old, new Policy) bool { return old.SecondFactor != "" && new.SecondFactor == "" },
		take:   func(p *Policy, floor Policy) { p.SecondFactor = floor.SecondFactor }},
	{field: "rollback_approvals",
		weaker: func(old, new Policy) bool { return new.RollbackApprovals < old.RollbackApprovals },
		take:   func(p *Policy, floor Policy) { p.RollbackApprovals = floor.RollbackApprovals }},
	{field: "rollback_role",
		weaker: func(old, new Policy) bool {
			return slices.Index(Roles, new.RollbackRole) < slices.Index(Roles, old.RollbackRole)
		},
		take: func(p *Policy, floor Policy) { p.RollbackRole = floor.RollbackRole }},
	{field: "soak",
		weaker: func(old, new Policy) bool { return new.Soak < old.Soak },
		take:   func(p *Policy, floor Policy) { p.Soak = floor.Soak }},
	{field: "windows", weaker: otherTimes,
		take: func(p *Policy, floor Policy) { p.Windows = floor.Windows }},
	{field: "lock_required",
		weaker: func(old, new Policy) bool { return old.LockRequired && !new.LockRequired },
		take:   func(p *Policy, floor Policy) { p.LockRequired = floor.LockRequired }},
	{field: "require_tests",
		weaker: func(old, new Policy) bool { return old.RequireTests && !new.RequireTests },
		take:   func(p *Policy, floor Policy) { p.RequireTests = floor.RequireTests }},
	{field: "max_age",
		weaker: func(old, new Policy) bool {
			return old.MaxAge > 0 && (new.MaxAge == 0 || new.MaxAge > old.MaxAge)
		},
		take: func(p *Policy, floor Policy) { p.MaxAge = floor.MaxAge }},
	{field: "skips_allowed",
		weaker: func(old, new Policy) bool { return new.SkipsAllowed && !old.SkipsAllowed },
		take:   func(p *Policy, floor Policy) { p.SkipsAllowed = floor.SkipsAllowed }},
	{field: "strategy",
		weaker: func(old, new Policy) bool {
			was, is := old.Strategy.Defaults().Judge, new.Strategy.Defaults().Judge
			return is.MaxFailureRate > was.MaxFailureRate || is.MaxLatency > was.MaxLatency || is.MinRequests > was.MinRequests
		},
		take: func(p *Policy, floor Policy) {
			is, least := &p.Strategy.Judge, floor.Strategy.Defaults().Judge
			*is = p.Strategy.Defaults().Judge
			is.MaxFailureRate, is.MaxLatency, is.MinRequests = min(is.MaxFailureRate, least.MaxFailureRate), min(is.MaxLatency, least.MaxLatency), min(is.MinRequests, least.MinRequests)
		}},
	{field: "bake",
		weaker: func(old, new Policy) bool { return new.Bake < old.Bake },
		take:   func(p *Policy, floor Policy) { p.Bake = floor.Bake }},
	{field: "may_skip",
		weaker: func(old, new Policy) bool { return !subset(new.MaySkip, old.MaySkip) },
		take:   func(p *Policy, floor Policy) { p.MaySkip = floor.MaySkip }},
	{field: "rehearse",
		weaker: func(old, new Policy) bool { return new.Rehearse == RehearseSecrets && old.Rehearse != RehearseSecrets },
		take:   func(p *Policy, floor Policy) { p.Rehearse = floor.Rehearse }},
}

// NeutralFields are the fields of a policy of which no value asks for less than
// another one, and why.
var NeutralFields = map[string]string{
	"expires_after": "a promotion that waits longer passes the same gates",
	"remind_after":  "telling people opens nothing",
	"advance":       "who or what asks for a promotion, it passes the same gates",
	"branch":        "what is pushed there passes the same gates",
	"concurrency":   "the order of promotions, each of which passes its gates",
	"keep_releases": "what stays ready for going back is no gate on the way in",
}

// Weaker names the fields by which a policy asks for less than another one, in
// the order in which policies are written.
func Weaker(old, new Policy) []string {
	old, new = old.Defaults(), new.Defaults()
	var fields []string
	for _, r := range policyRules {
		if r.weaker(old, new) {
			fields = append(fields, r.field)
		}
	}
	return fields
}

// Raised is a policy that asks in no field for less than a floor does, and the
// fields in which it did.
func (p Policy) Raised(floor Policy) (Policy, []string) {
	p, floor = p.Defaults(), floor.Defaults()
	var held []string
	for _, r := range policyRules {
		below := r.below
		if below == nil {
			below = r.weaker
		}
		if below(floor, p) {
			r.take(&p, floor)
			held = append(held, r.field)
		}
	}
	return p, held
}

// otherApprovers tells whether somebody may approve who may not have before, as
// far as names tell: nobody named are maintainers and admins, who are not the
// same as any names.
func otherApprovers(old, new Policy) bool {
	if len(new.Approvers) == 0 {
		return len(old.Approvers) > 0
	}
	return !subset(new.Approvers, old.Approvers)
}

// otherTimes tells whether promotions may begin at a time at which they could not
// before: when a window lies, on one of its days, within none of the old ones of
// its time zone.
func otherTimes(old, new Policy) bool {
	if len(old.Windows) == 0 {
		return false
	}
	if len(new.Windows) == 0 {
		return true
	}
	return slices.ContainsFunc(new.Windows, func(w Window) bool {
		days := w.Days
		if len(days) == 0 {
			days = Weekdays
		}
		return slices.ContainsFunc(days, func(day string) bool {
			return !slices.ContainsFunc(old.Windows, func(v Window) bool { return v.holds(w, day) })
		})
	})
}

// holds tells whether another window lies within this one on a day.
func (w Window) holds(other Window, day string) bool {
	zone := func(w Window) string {
		if w.Zone == "" {
			return "UTC"
		}
		return w.Zone
	}
	if zone(w) != zone(other) || len(w.Days) > 0 && !slices.Contains(w.Days, day) {
		return false
	}
	from, to := w.span()
	begin, end := other.span()
	return from <= begin && end <= to
}

// span is a window in minutes from the beginning of its day.
func (w Window) span() (from, to int) {
	from, _ = minutes(w.From)
	to, _ = minutes(w.To)
	if to <= from {
		to += 24 * 60
	}
	return from, to
}

func subset[T comparable](some, all []T) bool {
	return !slices.ContainsFunc(some, func(one T) bool { return !slices.Contains(all, one) })
}
