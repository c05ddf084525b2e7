// Package syntax reads Python source without Python: tokens, statements, what a module has
// at its top level, the variables that it reads, the migrations that it holds, and the
// templates that ask for variables beside it. It tells what stands there, not what that
// means for a deploy.
package syntax

import (
	"strings"
	"unicode/utf8"
)

// TokenKind says what a token is.
type TokenKind uint8

// The kinds of tokens. What is no name, number or string is an operator.
const (
	TokenName TokenKind = iota
	TokenNumber
	TokenString // text is the value; plain says that it can be trusted
	TokenOperator
)

// Token is one token of Python source.
type Token struct {
	Kind  TokenKind
	Text  string
	Line  int
	Plain bool // a string without interpolation: not an f-string
	Bytes bool
}

// Is tells whether a token is this name or operator; no string is.
func (t Token) Is(text string) bool { return t.Kind != TokenString && t.Text == text }

// Opens tells whether a token opens a bracket.
func (t Token) Opens() bool { return t.Is("(") || t.Is("[") || t.Is("{") }

// Closes tells whether a token closes a bracket.
func (t Token) Closes() bool { return t.Is(")") || t.Is("]") || t.Is("}") }

// Statement is a logical line: what stands between two newlines outside
// brackets, or between semicolons.
type Statement struct {
	Indent int
	Line   int
	Tokens []Token
}

// Starts tells whether a statement begins with these names or operators.
func (s Statement) Starts(words ...string) bool {
	if len(s.Tokens) < len(words) {
		return false
	}
	for i, w := range words {
		if !s.Tokens[i].Is(w) {
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
	out    []Statement
	now    []Token
}

// Statements splits source into logical lines.
func Statements(src string) []Statement {
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
func unalias(all []Statement) {
	own := map[string]string{}
	for _, s := range all {
		from := s.Starts("from", "os", "import")
		if !from && !s.Starts("import") {
			continue
		}
		for i := 1; i+2 < len(s.Tokens); i++ {
			name, as, called := s.Tokens[i], s.Tokens[i+1], s.Tokens[i+2]
			if as.Is("as") && (from && (name.Is("environ") || name.Is("getenv")) || !from && name.Is("os") && !s.Tokens[i-1].Is(".")) {
				own[called.Text] = name.Text
			}
		}
	}
	if len(own) == 0 {
		return
	}
	for _, s := range all {
		for i, t := range s.Tokens {
			if real, ok := own[t.Text]; ok && t.Kind == TokenName && (i == 0 || !s.Tokens[i-1].Is(".")) {
				s.Tokens[i].Text = real
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
		s.out = append(s.out, Statement{Indent: s.indent, Line: s.now[0].Line, Tokens: s.now})
		s.now = nil
	}
}

func (s *scanner) emit(t Token) {
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
		s.emit(Token{Kind: TokenName, Text: word, Line: s.line})
	case c >= '0' && c <= '9':
		start := s.pos
		for s.pos < len(s.src) && (nameByte(s.src[s.pos]) || s.src[s.pos] == '.') {
			s.pos++
		}
		s.emit(Token{Kind: TokenNumber, Text: s.src[start:s.pos], Line: s.line})
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
	s.emit(Token{Kind: TokenOperator, Text: s.src[s.pos : s.pos+size], Line: s.line})
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

// Text reads a string literal whose prefix has been read. Neighbouring
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
	if n := len(s.now); n > 0 && s.now[n-1].Kind == TokenString && s.depth > 0 {
		s.now[n-1].Text += b.String()
		s.now[n-1].Plain = s.now[n-1].Plain && plain
		return
	}
	s.emit(Token{Kind: TokenString, Text: b.String(), Line: start, Plain: plain, Bytes: strings.Contains(prefix, "b")})
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
