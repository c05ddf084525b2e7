package manifest

import (
	"fmt"
	"sort"
	"strings"
)

// cut is a place between versions: before version, after it, or after it and
// everything that PEP 440 counts as the same release.
type cut struct {
	version Version
	side    int // 0 before, 1 after, 2 after its local and post releases too
}

func (c cut) compare(o cut) int {
	if n := c.version.Compare(o.version); n != 0 {
		return n
	}
	return sign(c.side - o.side)
}

func (c cut) String() string {
	v := c.version
	for len(v.Release) > 1 && v.Release[len(v.Release)-1] == 0 {
		v.Release = v.Release[:len(v.Release)-1]
	}
	return fmt.Sprintf("%s/%d", v, c.side)
}

// Span is the versions between two cuts; a nil one is no bound.
type Span struct{ low, high *cut }

// VersionSet is a set of versions as spans in order. Two specifiers that admit
// the same versions have equal sets, however they are spelt.
type VersionSet []Span

var everyVersion = VersionSet{{}}

// String is equal for sets of the same versions.
func (s VersionSet) String() string {
	var parts []string
	for _, p := range s {
		low, high := "", ""
		if p.low != nil {
			low = p.low.String()
		}
		if p.high != nil {
			high = p.high.String()
		}
		parts = append(parts, low+".."+high)
	}
	return strings.Join(parts, " ")
}

func lower(a, b *cut) *cut { // the higher of two lower bounds
	if a == nil || b != nil && a.compare(*b) < 0 {
		return b
	}
	return a
}

func upper(a, b *cut) *cut { // the lower of two upper bounds
	if a == nil || b != nil && a.compare(*b) > 0 {
		return b
	}
	return a
}

func (s VersionSet) and(o VersionSet) VersionSet {
	var out VersionSet
	for _, a := range s {
		for _, b := range o {
			p := Span{lower(a.low, b.low), upper(a.high, b.high)}
			if p.low == nil || p.high == nil || p.low.compare(*p.high) < 0 {
				out = append(out, p)
			}
		}
	}
	sort.SliceStable(out, func(i, j int) bool {
		return out[i].low == nil || out[j].low != nil && out[i].low.compare(*out[j].low) < 0
	})
	return out
}

func between(low, high cut) VersionSet { return VersionSet{{&low, &high}} }

func outside(low, high cut) VersionSet { return VersionSet{{nil, &low}, {&high, nil}} }

// beginning is the cut below all pre-releases of v.
func beginning(v Version) cut {
	if v.pre == "" && v.Post < 0 && v.Dev < 0 {
		v.Dev = 0
	}
	return cut{v, 0}
}

// next is the release after v in its last part.
func next(v Version) Version {
	release := append([]int{}, v.Release...)
	release[len(release)-1]++
	return Version{epoch: v.epoch, Release: release, Post: -1, Dev: -1}
}

func (c Clause) set() (VersionSet, bool) {
	v := c.Version
	low, high := cut{v, 0}, cut{v, 1}
	if c.Wildcard {
		low, high = beginning(v), beginning(next(v))
	}
	switch c.Op {
	case "==":
		return between(low, high), true
	case "!=":
		return outside(low, high), true
	case "~=":
		prefix := Version{epoch: v.epoch, Release: v.Release[:len(v.Release)-1], Post: -1, Dev: -1}
		return between(cut{v, 0}, beginning(next(prefix))), true
	case ">=":
		return VersionSet{{&low, nil}}, true
	case "<=":
		return VersionSet{{nil, &high}}, true
	case ">":
		return VersionSet{{&cut{v, 2}, nil}}, true
	case "<":
		b := beginning(v)
		return VersionSet{{nil, &b}}, true
	}
	return nil, false
}

// SetOf is the set that a PEP 440 specifier admits. ok is false for what is
// none, and for "===", which compares text.
func SetOf(text string) (VersionSet, bool) {
	all, err := ParseSpecifiers(text)
	if err != nil || len(all) > 1 {
		return nil, false
	}
	out := everyVersion
	for _, list := range all {
		for _, c := range list {
			s, ok := c.set()
			if !ok {
				return nil, false
			}
			out = out.and(s)
		}
	}
	return out, true
}

// ReleasesOnly is the set with its bounds cut down to release numbers, as
// requires-python is compared.
func ReleasesOnly(text string) (VersionSet, bool) {
	all, err := ParseSpecifiers(text)
	if err != nil || len(all) > 1 {
		return nil, false
	}
	out := everyVersion
	for _, list := range all {
		for _, c := range list {
			c.Version = Version{epoch: c.Version.epoch, Release: c.Version.Release, Post: -1, Dev: -1}
			s, ok := c.set()
			if !ok {
				return nil, false
			}
			for i := range s {
				s[i] = Span{withoutDev(s[i].low), withoutDev(s[i].high)}
			}
			out = out.and(s)
		}
	}
	return out, true
}

func withoutDev(c *cut) *cut {
	if c == nil {
		return nil
	}
	plain := *c
	plain.version.Dev = -1
	return &plain
}

// Bounds is the lowest and the highest end of the set.
func (s VersionSet) Bounds() Span {
	if len(s) == 0 {
		return Span{}
	}
	return Span{s[0].low, s[len(s)-1].high}
}

// VersionsKey is equal for two specifiers that admit the same versions.
func VersionsKey(specifier string) string {
	if set, ok := SetOf(specifier); ok {
		return set.String()
	}
	return strings.Join(strings.Fields(specifier), "")
}
