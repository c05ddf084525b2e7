package python

import (
	"fmt"
	"sort"
	"strings"
)

// cut is a place between versions: before version, after it, or after it and
// everything that PEP 440 counts as the same release.
type cut struct {
	version version
	side    int // 0 before, 1 after, 2 after its local and post releases too
}

func (c cut) compare(o cut) int {
	if n := c.version.compare(o.version); n != 0 {
		return n
	}
	return sign(c.side - o.side)
}

func (c cut) String() string {
	v := c.version
	for len(v.release) > 1 && v.release[len(v.release)-1] == 0 {
		v.release = v.release[:len(v.release)-1]
	}
	return fmt.Sprintf("%s/%d", v, c.side)
}

// span is the versions between two cuts; a nil one is no bound.
type span struct{ low, high *cut }

// versionSet is a set of versions as spans in order. Two specifiers that admit
// the same versions have equal sets, however they are spelt.
type versionSet []span

var everyVersion = versionSet{{}}

func (s versionSet) String() string {
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

func (s versionSet) and(o versionSet) versionSet {
	var out versionSet
	for _, a := range s {
		for _, b := range o {
			p := span{lower(a.low, b.low), upper(a.high, b.high)}
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

func between(low, high cut) versionSet { return versionSet{{&low, &high}} }

func outside(low, high cut) versionSet { return versionSet{{nil, &low}, {&high, nil}} }

// beginning is the cut below all pre-releases of v.
func beginning(v version) cut {
	if v.pre == "" && v.post < 0 && v.dev < 0 {
		v.dev = 0
	}
	return cut{v, 0}
}

// next is the release after v in its last part.
func next(v version) version {
	release := append([]int{}, v.release...)
	release[len(release)-1]++
	return version{epoch: v.epoch, release: release, post: -1, dev: -1}
}

func (c specifier) set() (versionSet, bool) {
	v := c.version
	low, high := cut{v, 0}, cut{v, 1}
	if c.wildcard {
		low, high = beginning(v), beginning(next(v))
	}
	switch c.op {
	case "==":
		return between(low, high), true
	case "!=":
		return outside(low, high), true
	case "~=":
		prefix := version{epoch: v.epoch, release: v.release[:len(v.release)-1], post: -1, dev: -1}
		return between(cut{v, 0}, beginning(next(prefix))), true
	case ">=":
		return versionSet{{&low, nil}}, true
	case "<=":
		return versionSet{{nil, &high}}, true
	case ">":
		return versionSet{{&cut{v, 2}, nil}}, true
	case "<":
		b := beginning(v)
		return versionSet{{nil, &b}}, true
	}
	return nil, false
}

// setOf is the set that a PEP 440 specifier admits. ok is false for what is
// none, and for "===", which compares text.
func setOf(text string) (versionSet, bool) {
	all, err := parseSpecifiers(text)
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

// releasesOnly is the set with its bounds cut down to release numbers, as
// requires-python is compared.
func releasesOnly(text string) (versionSet, bool) {
	all, err := parseSpecifiers(text)
	if err != nil || len(all) > 1 {
		return nil, false
	}
	out := everyVersion
	for _, list := range all {
		for _, c := range list {
			c.version = version{epoch: c.version.epoch, release: c.version.release, post: -1, dev: -1}
			s, ok := c.set()
			if !ok {
				return nil, false
			}
			for i := range s {
				s[i] = span{withoutDev(s[i].low), withoutDev(s[i].high)}
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
	plain.version.dev = -1
	return &plain
}

// bounds is the lowest and the highest end of the set.
func (s versionSet) bounds() span {
	if len(s) == 0 {
		return span{}
	}
	return span{s[0].low, s[len(s)-1].high}
}
