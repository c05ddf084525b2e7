package python

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// version is a PEP 440 version. The zero version is 0 and sorts lowest.
type version struct {
	epoch   int
	release []int
	pre     string // "a", "b", "rc", or ""
	preN    int
	post    int // -1 when there is none
	dev     int // -1 when there is none
	local   string
}

var versionPattern = regexp.MustCompile(`^v?(?:(\d+)!)?(\d+(?:\.\d+)*)(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?(\d*))?(?:-(\d+)|[-_.]?(post|rev|r)[-_.]?(\d*))?(?:[-_.]?(dev)[-_.]?(\d*))?(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?$`)

// parseVersion reads a version as PEP 440 spells or normalises it.
func parseVersion(s string) (version, bool) {
	m := versionPattern.FindStringSubmatch(strings.ToLower(strings.TrimSpace(s)))
	if m == nil {
		return version{}, false
	}
	v := version{post: -1, dev: -1, local: m[10]}
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
		v.release = append(v.release, number(part))
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
		v.post = number(m[5])
	} else if m[6] != "" {
		v.post = number(m[7])
	}
	if m[8] != "" {
		v.dev = number(m[9])
	}
	return v, ok
}

func (v version) at(i int) int {
	if i < len(v.release) {
		return v.release[i]
	}
	return 0
}

// compare orders two versions as PEP 440 does; local parts only as text.
func (v version) compare(w version) int {
	if c := v.epoch - w.epoch; c != 0 {
		return sign(c)
	}
	for i := 0; i < len(v.release) || i < len(w.release); i++ {
		if c := v.at(i) - w.at(i); c != 0 {
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
func (v version) suffixKey() [4]int {
	pre := map[string]int{"a": 1, "b": 2, "rc": 3}[v.pre]
	if v.pre == "" {
		pre = 4
		if v.post < 0 && v.dev >= 0 {
			pre = 0
		}
	}
	dev := v.dev
	if dev < 0 {
		dev = int(^uint(0) >> 1)
	}
	return [4]int{pre, v.preN, v.post, dev}
}

// String is the normal form of PEP 440.
func (v version) String() string {
	var b strings.Builder
	if v.epoch != 0 {
		fmt.Fprintf(&b, "%d!", v.epoch)
	}
	for i, n := range v.release {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(strconv.Itoa(n))
	}
	if v.pre != "" {
		fmt.Fprintf(&b, "%s%d", v.pre, v.preN)
	}
	if v.post >= 0 {
		fmt.Fprintf(&b, ".post%d", v.post)
	}
	if v.dev >= 0 {
		fmt.Fprintf(&b, ".dev%d", v.dev)
	}
	if v.local != "" {
		b.WriteString("+" + v.local)
	}
	return b.String()
}

// minor is "3.12" of 3.12.1.
func (v version) minor() string { return fmt.Sprintf("%d.%d", v.at(0), v.at(1)) }

// specifier is one clause, such as ">=3.11".
type specifier struct {
	op       string
	version  version
	wildcard bool   // ==3.12.*
	text     string // for ===
}

// specifiers are alternatives (Poetry's "||") of clauses that must all hold.
// No clause at all admits every version.
type specifiers [][]specifier

var clausePattern = regexp.MustCompile(`^(===|==|~=|!=|<=|>=|<|>|\^|~|=)?\s*(.+)$`)

// parseSpecifiers reads PEP 440 specifiers and the constraints that Poetry
// and Pipenv add to them: "^3.9", "~3.9", "3.9.*", "*", "a || b", and a bare
// version, which means that release and whatever is below it.
func parseSpecifiers(s string) (specifiers, error) {
	var all specifiers
	for _, alternative := range strings.Split(strings.ReplaceAll(s, "||", "|"), "|") {
		var set []specifier
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

func parseClause(clause string) ([]specifier, error) {
	m := clausePattern.FindStringSubmatch(clause)
	if m == nil {
		return nil, fmt.Errorf("%q is not a version specifier", clause)
	}
	op, text := m[1], strings.TrimSpace(m[2])
	if op == "===" {
		return []specifier{{op: op, text: text}}, nil
	}
	wildcard := false
	if cut, ok := strings.CutSuffix(text, ".*"); ok {
		text, wildcard = cut, true
	}
	v, ok := parseVersion(text)
	if !ok {
		return nil, fmt.Errorf("%q is not a version specifier", clause)
	}
	switch op {
	case "", "=":
		return []specifier{{op: "==", version: v, wildcard: true}}, nil
	case "^":
		upper := version{post: -1, dev: -1}
		for i := range v.release {
			if v.release[i] != 0 || i == len(v.release)-1 {
				upper.release = append(upper.release, v.release[i]+1)
				break
			}
			upper.release = append(upper.release, 0)
		}
		return []specifier{{op: ">=", version: v}, {op: "<", version: upper}}, nil
	case "~":
		upper := version{post: -1, dev: -1, release: []int{v.at(0) + 1}}
		if len(v.release) > 1 {
			upper.release = []int{v.at(0), v.at(1) + 1}
		}
		return []specifier{{op: ">=", version: v}, {op: "<", version: upper}}, nil
	case "~=":
		if len(v.release) < 2 {
			return nil, fmt.Errorf("%q needs two version parts, as in ~=%s.0", clause, text)
		}
	case "==", "!=":
	default:
		wildcard = false
	}
	return []specifier{{op: op, version: v, wildcard: wildcard}}, nil
}

// contains says whether v satisfies every clause of one alternative.
func (s specifiers) contains(v version) bool {
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

func (c specifier) admits(v version) bool {
	if c.op == "===" {
		return strings.EqualFold(c.text, v.String())
	}
	w := c.version
	if w.local == "" {
		v.local = ""
	}
	switch c.op {
	case "==":
		return c.wildcard && hasPrefix(v, w) || !c.wildcard && v.compare(w) == 0
	case "!=":
		return !(c.wildcard && hasPrefix(v, w) || !c.wildcard && v.compare(w) == 0)
	case "~=":
		prefix := version{epoch: w.epoch, release: w.release[:len(w.release)-1], post: -1, dev: -1}
		return v.compare(w) >= 0 && hasPrefix(v, prefix)
	case ">=":
		return v.compare(w) >= 0
	case "<=":
		return v.compare(w) <= 0
	case ">":
		return v.compare(w) > 0
	case "<":
		return v.compare(w) < 0
	}
	return false
}

func hasPrefix(v, prefix version) bool {
	if v.epoch != prefix.epoch {
		return false
	}
	for i := range prefix.release {
		if v.at(i) != prefix.release[i] {
			return false
		}
	}
	return true
}
