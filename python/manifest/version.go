package manifest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Version is a PEP 440 version. The zero version is 0 and sorts lowest.
type Version struct {
	epoch   int
	Release []int
	pre     string // "a", "b", "rc", or ""
	preN    int
	Post    int // -1 when there is none
	Dev     int // -1 when there is none
	local   string
}

var versionPattern = regexp.MustCompile(`^v?(?:(\d+)!)?(\d+(?:\.\d+)*)(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?(\d*))?(?:-(\d+)|[-_.]?(post|rev|r)[-_.]?(\d*))?(?:[-_.]?(dev)[-_.]?(\d*))?(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?$`)

// ParseVersion reads a version as PEP 440 spells or normalises it.
func ParseVersion(s string) (Version, bool) {
	m := versionPattern.FindStringSubmatch(strings.ToLower(strings.TrimSpace(s)))
	if m == nil {
		return Version{}, false
	}
	v := Version{Post: -1, Dev: -1, local: m[10]}
	ok := true
	number := func(s string) int {
		if s == "" {
			return 0
		}
		n, err := strconv.Atoi(s)
		if err != nil {
			ok = false
		}
		return n
	}
	v.epoch = number(m[1])
	for _, part := range strings.Split(m[2], ".") {
		v.Release = append(v.Release, number(part))
	}
	switch m[3] {
	case "a", "alpha":
		v.pre = "a"
	case "b", "beta":
		v.pre = "b"
	case "c", "rc", "pre", "preview":
		v.pre = "rc"
	}
	v.preN = number(m[4])
	if m[5] != "" {
		v.Post = number(m[5])
	} else if m[6] != "" {
		v.Post = number(m[7])
	}
	if m[8] != "" {
		v.Dev = number(m[9])
	}
	return v, ok
}

// At is a part of the release, 0 beyond its end.
func (v Version) At(i int) int {
	if i < len(v.Release) {
		return v.Release[i]
	}
	return 0
}

// Compare orders two versions as PEP 440 does; local parts only as text.
func (v Version) Compare(w Version) int {
	if c := v.epoch - w.epoch; c != 0 {
		return sign(c)
	}
	for i := 0; i < len(v.Release) || i < len(w.Release); i++ {
		if c := v.At(i) - w.At(i); c != 0 {
			return sign(c)
		}
	}
	a, b := v.suffixKey(), w.suffixKey()
	for i := range a {
		if a[i] != b[i] {
			return sign(a[i] - b[i])
		}
	}
	return strings.Compare(v.local, w.local)
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}

// suffixKey orders dev < a < b < rc < final < post.
func (v Version) suffixKey() [4]int {
	pre := map[string]int{"a": 1, "b": 2, "rc": 3}[v.pre]
	if v.pre == "" {
		pre = 4
		if v.Post < 0 && v.Dev >= 0 {
			pre = 0
		}
	}
	dev := v.Dev
	if dev < 0 {
		dev = int(^uint(0) >> 1)
	}
	return [4]int{pre, v.preN, v.Post, dev}
}

// String is the normal form of PEP 440.
func (v Version) String() string {
	var b strings.Builder
	if v.epoch != 0 {
		fmt.Fprintf(&b, "%d!", v.epoch)
	}
	for i, n := range v.Release {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(strconv.Itoa(n))
	}
	if v.pre != "" {
		fmt.Fprintf(&b, "%s%d", v.pre, v.preN)
	}
	if v.Post >= 0 {
		fmt.Fprintf(&b, ".post%d", v.Post)
	}
	if v.Dev >= 0 {
		fmt.Fprintf(&b, ".dev%d", v.Dev)
	}
	if v.local != "" {
		b.WriteString("+" + v.local)
	}
	return b.String()
}

// Minor is "3.12" of 3.12.1.
func (v Version) Minor() string { return fmt.Sprintf("%d.%d", v.At(0), v.At(1)) }

// Clause is one clause of a specifier, such as ">=3.11".
type Clause struct {
	Op       string
	Version  Version
	Wildcard bool   // ==3.12.*
	Text     string // for ===
}

// Specifiers are alternatives (Poetry's "||") of clauses that must all hold.
// No clause at all admits every version.
type Specifiers [][]Clause

// ClausePattern splits a clause of specifiers into its operator, which may be missing, and
// its version.
var ClausePattern = regexp.MustCompile(`^(===|==|~=|!=|<=|>=|<|>|\^|~|=)?\s*(.+)$`)

// ParseSpecifiers reads PEP 440 specifiers and the constraints that Poetry
// and Pipenv add to them: "^3.9", "~3.9", "3.9.*", "*", "a || b", and a bare
// version, which means that release and whatever is below it.
func ParseSpecifiers(s string) (Specifiers, error) {
	var all Specifiers
	for _, alternative := range strings.Split(strings.ReplaceAll(s, "||", "|"), "|") {
		var set []Clause
		for _, clause := range strings.Split(spaceClauses(alternative), ",") {
			clause = strings.TrimSpace(clause)
			if clause == "" || clause == "*" {
				continue
			}
			parsed, err := parseClause(clause)
			if err != nil {
				return nil, err
			}
			set = append(set, parsed...)
		}
		all = append(all, set)
	}
	return all, nil
}

var spaceBeforeOperator = regexp.MustCompile(`([0-9*a-z])\s+([<>=!~^])`)

// spaceClauses puts the comma that Poetry lets people leave out.
func spaceClauses(s string) string { return spaceBeforeOperator.ReplaceAllString(s, "$1,$2") }

func parseClause(clause string) ([]Clause, error) {
	m := ClausePattern.FindStringSubmatch(clause)
	if m == nil {
		return nil, fmt.Errorf("%q is not a version specifier", clause)
	}
	op, text := m[1], strings.TrimSpace(m[2])
	if op == "===" {
		return []Clause{{Op: op, Text: text}}, nil
	}
	wildcard := false
	if cut, ok := strings.CutSuffix(text, ".*"); ok {
		text, wildcard = cut, true
	}
	v, ok := ParseVersion(text)
	if !ok {
		return nil, fmt.Errorf("%q is not a version specifier", clause)
	}
	switch op {
	case "", "=":
		return []Clause{{Op: "==", Version: v, Wildcard: true}}, nil
	case "^":
		upper := Version{Post: -1, Dev: -1}
		for i := range v.Release {
			if v.Release[i] != 0 || i == len(v.Release)-1 {
				upper.Release = append(upper.Release, v.Release[i]+1)
				break
			}
			upper.Release = append(upper.Release, 0)
		}
		return []Clause{{Op: ">=", Version: v}, {Op: "<", Version: upper}}, nil
	case "~":
		upper := Version{Post: -1, Dev: -1, Release: []int{v.At(0) + 1}}
		if len(v.Release) > 1 {
			upper.Release = []int{v.At(0), v.At(1) + 1}
		}
		return []Clause{{Op: ">=", Version: v}, {Op: "<", Version: upper}}, nil
	case "~=":
		if len(v.Release) < 2 {
			return nil, fmt.Errorf("%q needs two version parts, as in ~=%s.0", clause, text)
		}
	case "==", "!=":
	default:
		wildcard = false
	}
	return []Clause{{Op: op, Version: v, Wildcard: wildcard}}, nil
}

// Contains says whether v satisfies every clause of one alternative.
func (s Specifiers) Contains(v Version) bool {
	if len(s) == 0 {
		return true
	}
	for _, set := range s {
		ok := true
		for _, c := range set {
			ok = ok && c.admits(v)
		}
		if ok {
			return true
		}
	}
	return false
}

func (c Clause) admits(v Version) bool {
	if c.Op == "===" {
		return strings.EqualFold(c.Text, v.String())
	}
	w := c.Version
	if w.local == "" {
		v.local = ""
	}
	switch c.Op {
	case "==":
		return c.Wildcard && hasPrefix(v, w) || !c.Wildcard && v.Compare(w) == 0
	case "!=":
		return !(c.Wildcard && hasPrefix(v, w) || !c.Wildcard && v.Compare(w) == 0)
	case "~=":
		prefix := Version{epoch: w.epoch, Release: w.Release[:len(w.Release)-1], Post: -1, Dev: -1}
		return v.Compare(w) >= 0 && hasPrefix(v, prefix)
	case ">=":
		return v.Compare(w) >= 0
	case "<=":
		return v.Compare(w) <= 0
	case ">":
		return v.Compare(w) > 0
	case "<":
		return v.Compare(w) < 0
	}
	return false
}

func hasPrefix(v, prefix Version) bool {
	if v.epoch != prefix.epoch {
		return false
	}
	for i := range prefix.Release {
		if v.At(i) != prefix.Release[i] {
			return false
		}
	}
	return true
}
