package slipway

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	scrubbed = "[secret]"
	// minScrubbed is the shortest value that is looked for: shorter ones would tear
	// ordinary words apart. minEncoded is that of what encodings make of a value.
	minScrubbed = 4
	minEncoded  = 6
)

// Scrub replaces every secret value in text by [secret]: as it is, in base64 of
// both alphabets wherever in the encoded bytes it begins, in hexadecimal, and
// with any of its characters escaped as in URLs or in JSON, also in JSON inside
// JSON. Values shorter than four characters are left alone. The time it takes
// grows with the text, not with how often a secret almost occurs.
func Scrub(text string, secrets []Secret) string {
	needles := newNeedles(secrets)
	if len(needles.all) == 0 || text == "" {
		return text
	}
	found := needles.in(view{text: text}, nil)
	for _, v := range views(text, needles.spaces) {
		found = needles.in(v, found)
	}
	if len(found) == 0 {
		return text
	}
	slices.SortFunc(found, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	var out strings.Builder
	for done, i := 0, 0; ; {
		if i == len(found) {
			out.WriteString(text[done:])
			return out.String()
		}
		s := found[i]
		for i++; i < len(found) && found[i].from < s.to; i++ {
			s.to = max(s.to, found[i].to)
		}
		out.WriteString(text[done:s.from])
		out.WriteString(scrubbed)
		done = s.to
	}
}

// ScrubReach is how much of a text one of the secrets can take: who scrubs a text
// in pieces lets them overlap by so much.
func ScrubReach(secrets []Secret) int {
	longest := 0
	for _, s := range secrets {
		longest = max(longest, len(s.value))
	}
	return 7 * longest // each byte as \\u0000
}

// span is a part of the text.
type span struct{ from, to int }

// needle is what is looked for. Beside it stand characters that hold a part of
// the value and a part of what is next to it.
type needle struct {
	text          string
	before, after int
}

// needles are found by their first four bytes, all in one pass.
type needles struct {
	all    []needle
	by     map[[minScrubbed]byte][]needle
	heads  [1 << 12]bool // of a hash of those bytes: most of a text goes no further
	spaces bool          // one of the values has a space in it
}

func head(text string, at int) int {
	return int((uint32(text[at])*0x9e3779b1 ^ uint32(text[at+1])*0x85ebca6b ^ uint32(text[at+2])*0xc2b2ae35 ^ uint32(text[at+3])*0x27d4eb2f) >> 20)
}

func newNeedles(secrets []Secret) *needles {
	n := &needles{by: map[[minScrubbed]byte][]needle{}}
	seen := map[string]bool{}
	add := func(one needle) {
		if seen[one.text] {
			return
		}
		seen[one.text] = true
		n.all = append(n.all, one)
		first := [minScrubbed]byte([]byte(one.text[:minScrubbed]))
		n.by[first] = append(n.by[first], one)
		n.heads[head(one.text, 0)] = true
	}
	for _, s := range secrets {
		if len(s.value) < minScrubbed || seen[s.value] {
			continue
		}
		n.spaces = n.spaces || strings.Contains(s.value, " ")
		add(needle{text: s.value})
		for _, one := range encoded(s.value) {
			if len(one.text) >= minEncoded {
				add(one)
			}
		}
	}
	return n
}

// encoded is a value in base64 and in hexadecimal. In base64 three bytes become
// four characters, so what a value becomes depends on where in its three it begins.
func encoded(value string) []needle {
	lower := hex.EncodeToString([]byte(value))
	list := []needle{{text: lower}, {text: strings.ToUpper(lower)}}
	for offset := range 3 {
		bytes := append(make([]byte, offset, offset+len(value)), value...)
		from, to := (offset*8+5)/6, len(bytes)*8/6 // what the value alone decides
		if to-from < minEncoded {
			continue
		}
		one := needle{before: min(offset, 1), after: min(len(bytes)*8%6, 1)}
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			one.text = encoding.EncodeToString(bytes)[from:to]
			list = append(list, one)
		}
	}
	return list
}

// in adds where the needles are in a view.
func (n *needles) in(v view, found []span) []span {
	text, effort := v.text, 0
	for at := 0; at+minScrubbed <= len(text); at++ {
		if !n.heads[head(text, at)] {
			continue
		}
		for _, one := range n.by[[minScrubbed]byte([]byte(text[at:at+minScrubbed]))] {
			if strings.HasPrefix(text[at:], one.text) {
				found = append(found, v.span(at, one))
			}
			effort += len(one.text)
		}
		if effort > 16*len(text)+1<<20 { // made for this: the slower way is slow for every text alike
			return n.bySearch(v, at, found)
		}
	}
	return found
}

func (n *needles) bySearch(v view, from int, found []span) []span {
	for _, one := range n.all {
		for at := from; ; at++ {
			next := strings.Index(v.text[at:], one.text)
			if next < 0 {
				break
			}
			at += next
			s := v.span(at, one)
			if last := len(found) - 1; last >= 0 && found[last].from <= s.from && s.from <= found[last].to {
				found[last].to = max(found[last].to, s.to)
			} else {
				found = append(found, s)
			}
		}
	}
	return found
}

// view is the text with escapes of one kind taken out of it.
type view struct {
	text string
	at   []int32 // where in the text each of its bytes begins, and where it ends; nil where it is the text
}

func (v view) span(at int, one needle) span {
	from, to := max(at-one.before, 0), min(at+len(one.text)+one.after, len(v.text))
	if v.at != nil {
		from, to = int(v.at[from]), int(v.at[to])
	}
	return span{from, to}
}

// views are those that differ from the text itself.
func views(text string, spaces bool) []view {
	var list []view
	if strings.Contains(text, "%") {
		list = append(list, view{text: text}.decoded(func(s string) (string, int) { return percentEscape(s, false) }))
	}
	if spaces && strings.Contains(text, "+") {
		list = append(list, view{text: text}.decoded(func(s string) (string, int) { return percentEscape(s, true) }))
	}
	if strings.Contains(text, `\`) {
		once := view{text: text}.decoded(backslash)
		list = append(list, once)
		if strings.Contains(once.text, `\`) {
			list = append(list, once.decoded(backslash))
		}
	}
	return list
}

// decoded takes out escapes. one says what the first of s stands for, and how many
// bytes of s that takes; 0 for none.
func (v view) decoded(one func(s string) (string, int)) view {
	out := view{at: make([]int32, 0, len(v.text)+1)}
	var b strings.Builder
	where := func(i int) int32 {
		if v.at != nil {
			return v.at[i]
		}
		return int32(i) // #nosec G115 -- texts are bounded far below
	}
	for i := 0; i < len(v.text); {
		means, n := one(v.text[i:])
		if n == 0 {
			means, n = v.text[i:i+1], 1
		}
		for range len(means) {
			out.at = append(out.at, where(i))
		}
		b.WriteString(means)
		i += n
	}
	out.at = append(out.at, where(len(v.text)))
	out.text = b.String()
	return out
}

func percentEscape(s string, plus bool) (string, int) {
	switch {
	case plus && s[0] == '+':
		return " ", 1
	case s[0] != '%' || len(s) < 3:
		return "", 0
	}
	code, err := strconv.ParseUint(s[1:3], 16, 8)
	if err != nil {
		return "", 0
	}
	return string([]byte{byte(code)}), 3
}

func backslash(s string) (string, int) {
	if s[0] != '\\' || len(s) < 2 {
		return "", 0
	}
	if i := strings.IndexByte(`bfnrt"\/'`, s[1]); i >= 0 {
		return "\b\f\n\r\t\"\\/'"[i : i+1], 2
	}
	r, n := unicodeEscape(s)
	if n == 0 {
		return "", 0
	}
	if utf16.IsSurrogate(r) {
		second, m := unicodeEscape(s[n:])
		if pair := utf16.DecodeRune(r, second); pair != utf8.RuneError {
			return string(pair), n + m
		}
	}
	return string(r), n
}

func unicodeEscape(s string) (rune, int) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, 0
	}
	code, err := strconv.ParseUint(s[2:6], 16, 16)
	if err != nil {
		return 0, 0
	}
	return rune(code), 6
}
