package python

import (
	"strings"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokenName tokenKind = iota
	tokenNumber
	tokenString // text is the value; plain says that it can be trusted
	tokenOperator
)

// token is one token of Python source.
type token struct {
	kind  tokenKind
	text  string
	line  int
	plain bool // a string without interpolation: not an f-string
	bytes bool
}

func (t token) is(text string) bool { return t.kind != tokenString && t.text == text }

func (t token) opens() bool  { return t.is("(") || t.is("[") || t.is("{") }
func (t token) closes() bool { return t.is(")") || t.is("]") || t.is("}") }

// statement is a logical line: what stands between two newlines outside
// brackets, or between semicolons.
type statement struct {
	indent int
	line   int
	tokens []token
}

func (s statement) starts(words ...string) bool {
	if len(s.tokens) < len(words) {
		return false
	}
	for i, w := range words {
		if !s.tokens[i].is(w) {
			return false
		}
	}
	return true
}

// maxTokens bounds the work on one file.
const maxTokens = 200_000

// scanner reads Python source without ever failing: what it doesn't know
// becomes an operator of one character, and an unclosed string or bracket ends
// with the file.
type scanner struct {
	src    string
	pos    int
	line   int
	depth  int
	count  int
	indent int
	out    []statement
	now    []token
}

// statements splits source into logical lines.
func statements(src string) []statement {
	s := &scanner{src: src, line: 1}
	s.margin()
	for s.pos < len(s.src) && s.count < maxTokens {
		s.next()
	}
	s.end()
	unalias(s.out)
	return s.out
}

// unalias gives back their own names to os and to what of it tells of variables, where
// a file has called them otherwise: "import os as o", "from os import environ as env".
func unalias(all []statement) {
	own := map[string]string{}
	for _, s := range all {
		from := s.starts("from", "os", "import")
		if !from && !s.starts("import") {
			continue
		}
		for i := 1; i+2 < len(s.tokens); i++ {
			name, as, called := s.tokens[i], s.tokens[i+1], s.tokens[i+2]
			if as.is("as") && (from && (name.is("environ") || name.is("getenv")) || !from && name.is("os") && !s.tokens[i-1].is(".")) {
				own[called.text] = name.text
			}
		}
	}
	if len(own) == 0 {
		return
	}
	for _, s := range all {
		for i, t := range s.tokens {
			if real, ok := own[t.text]; ok && t.kind == tokenName && (i == 0 || !s.tokens[i-1].is(".")) {
				s.tokens[i].text = real
			}
		}
	}
}

// margin measures the indentation at the start of a line.
func (s *scanner) margin() {
	s.indent = 0
	for s.pos < len(s.src) {
		switch s.src[s.pos] {
		case ' ':
			s.indent++
		case '\t':
			s.indent += 8 - s.indent%8
		case '\f':
			s.indent = 0
		default:
			return
		}
		s.pos++
	}
}

func (s *scanner) end() {
	if len(s.now) > 0 {
		s.out = append(s.out, statement{indent: s.indent, line: s.now[0].line, tokens: s.now})
		s.now = nil
	}
}

func (s *scanner) emit(t token) {
	s.count++
	s.now = append(s.now, t)
}

func (s *scanner) next() {
	c := s.src[s.pos]
	switch {
	case c == '\n':
		s.pos++
		s.line++
		if s.depth == 0 {
			s.end()
			s.margin()
		}
	case c == ' ' || c == '\t' || c == '\f' || c == '\r':
		s.pos++
	case c == '#':
		for s.pos < len(s.src) && s.src[s.pos] != '\n' {
			s.pos++
		}
	case c == '\\' && s.pos+1 < len(s.src) && s.src[s.pos+1] == '\n':
		s.pos += 2
		s.line++
	case c == ';' && s.depth == 0:
		s.pos++
		s.end()
	case c == '"' || c == '\'':
		s.text("")
	case nameByte(c) && (c < '0' || c > '9'):
		start := s.pos
		for s.pos < len(s.src) && nameByte(s.src[s.pos]) {
			s.pos++
		}
		word := s.src[start:s.pos]
		if s.pos < len(s.src) && (s.src[s.pos] == '"' || s.src[s.pos] == '\'') && stringPrefix(word) {
			s.text(strings.ToLower(word))
			return
		}
		s.emit(token{kind: tokenName, text: word, line: s.line})
	case c >= '0' && c <= '9':
		start := s.pos
		for s.pos < len(s.src) && (nameByte(s.src[s.pos]) || s.src[s.pos] == '.') {
			s.pos++
		}
		s.emit(token{kind: tokenNumber, text: s.src[start:s.pos], line: s.line})
	default:
		s.operator(c)
	}
}

func (s *scanner) operator(c byte) {
	switch c {
	case '(', '[', '{':
		s.depth++
	case ')', ']', '}':
		if s.depth > 0 {
			s.depth--
		}
	}
	size := 1
	for _, long := range []string{"==", "!=", "<=", ">=", "->", ":=", "+=", "-=", "|=", "**", "//"} {
		if strings.HasPrefix(s.src[s.pos:], long) {
			size = 2
			break
		}
	}
	s.emit(token{kind: tokenOperator, text: s.src[s.pos : s.pos+size], line: s.line})
	s.pos += size
}

func nameByte(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= utf8.RuneSelf
}

func stringPrefix(word string) bool {
	switch strings.ToLower(word) {
	case "r", "u", "b", "f", "t", "br", "rb", "fr", "rf", "tr", "rt":
		return true
	}
	return false
}

// text reads a string literal whose prefix has been read. Neighbouring
// literals become one, as Python does it.
func (s *scanner) text(prefix string) {
	start := s.line
	quote := s.src[s.pos : s.pos+1]
	long := strings.HasPrefix(s.src[s.pos:], quote+quote+quote)
	if long {
		quote += quote[:1] + quote[:1]
	}
	s.pos += len(quote)
	raw := strings.Contains(prefix, "r")
	var b strings.Builder
	for s.pos < len(s.src) {
		if strings.HasPrefix(s.src[s.pos:], quote) {
			s.pos += len(quote)
			break
		}
		c := s.src[s.pos]
		if c == '\n' {
			if !long { // unclosed: the line ends it
				break
			}
			s.line++
		}
		if c == '\\' && s.pos+1 < len(s.src) {
			s.escape(&b, raw)
			continue
		}
		b.WriteByte(c)
		s.pos++
	}
	plain := !strings.ContainsAny(prefix, "ft")
	if n := len(s.now); n > 0 && s.now[n-1].kind == tokenString && s.depth > 0 {
		s.now[n-1].text += b.String()
		s.now[n-1].plain = s.now[n-1].plain && plain
		return
	}
	s.emit(token{kind: tokenString, text: b.String(), line: start, plain: plain, bytes: strings.Contains(prefix, "b")})
}

func (s *scanner) escape(b *strings.Builder, raw bool) {
	c := s.src[s.pos+1]
	if c == '\n' {
		s.line++
	}
	s.pos += 2
	if raw {
		b.WriteByte('\\')
		b.WriteByte(c)
		return
	}
	switch c {
	case '\n':
	case 'n':
		b.WriteByte('\n')
	case 't':
		b.WriteByte('\t')
	case '\\', '\'', '"':
		b.WriteByte(c)
	default: // others don't occur in what is looked for; keep them as written
		b.WriteByte('\\')
		b.WriteByte(c)
	}
}
