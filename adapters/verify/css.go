package verify

import (
	"net/url"
	"path"
	"strings"
)

// namedBy reads what a style sheet has browsers fetch: the sheets that it imports,
// and fonts and images. Of a font that it has in several formats it is the one that
// browsers of today take.
func namedBy(css string) (imports, others []string) {
	r := sheetReader{text: css}
	for r.at < len(r.text) {
		rest := r.text[r.at:]
		switch {
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest[2:], "*/")
			if end < 0 {
				return r.imports, r.finish()
			}
			r.at += end + 4
		case rest[0] == '"' || rest[0] == '\'':
			text := r.quoted()
			if r.importing {
				r.imports, r.importing = append(r.imports, text), false
			}
		case prefixed(rest, "@import"):
			r.at, r.importing = r.at+len("@import"), true
		case prefixed(rest, "@namespace"):
			r.at += max(strings.IndexByte(rest, ';'), len("@namespace"))
		case prefixed(rest, "@font-face"):
			r.at, r.inFont = r.at+len("@font-face"), true
		case prefixed(rest, "url(") && !r.inName():
			r.address()
		case rest[0] == '}':
			r.font()
			r.at++
		default:
			if rest[0] == ';' {
				r.importing = false
			}
			r.at++
		}
	}
	return r.imports, r.finish()
}

// sheetReader goes through a style sheet once.
type sheetReader struct {
	text            string
	at              int
	imports, others []string
	importing       bool // after @import, before what it imports
	inFont          bool // within @font-face
	sources         []string
}

func prefixed(text, prefix string) bool {
	return len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix)
}

// inName tells whether the reader stands inside a longer name, as in my-url(.
func (r *sheetReader) inName() bool {
	if r.at == 0 {
		return false
	}
	c := r.text[r.at-1]
	return c == '-' || c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// quoted reads a string and goes behind it.
func (r *sheetReader) quoted() string {
	quote, from := r.text[r.at], r.at+1
	for r.at++; r.at < len(r.text); r.at++ {
		switch r.text[r.at] {
		case '\\':
			r.at++
		case '\n':
			return "" // it was never closed
		case quote:
			r.at++
			return r.text[from : r.at-1]
		}
	}
	return ""
}

// address reads url(...).
func (r *sheetReader) address() {
	r.at += len("url(")
	for r.at < len(r.text) && strings.IndexByte(" \t\r\n", r.text[r.at]) >= 0 {
		r.at++
	}
	text := ""
	if r.at < len(r.text) && (r.text[r.at] == '"' || r.text[r.at] == '\'') {
		text = r.quoted()
	} else if end := strings.IndexByte(r.text[r.at:], ')'); end >= 0 {
		text = strings.TrimSpace(r.text[r.at : r.at+end])
		r.at += end
	}
	switch {
	case text == "" || strings.ContainsAny(text, "\\\n"):
	case r.importing:
		r.imports, r.importing = append(r.imports, text), false
	case r.inFont:
		r.sources = append(r.sources, text)
	case !strings.HasPrefix(text, "#"):
		r.others = append(r.others, text)
	}
}

// fontFormats are the ones that browsers fetch, the one that they like best first.
var fontFormats = []string{".woff2", ".woff", ".ttf", ".otf"}

// font ends @font-face.
func (r *sheetReader) font() {
	best, rank := "", len(fontFormats)
	for _, s := range r.sources {
		u, err := url.Parse(s)
		if err != nil {
			continue
		}
		for n, format := range fontFormats[:rank] {
			if strings.EqualFold(path.Ext(u.Path), format) {
				best, rank = s, n
				break
			}
		}
	}
	if best == "" && len(r.sources) == 1 {
		best = r.sources[0]
	}
	if best != "" {
		r.others = append(r.others, best)
	}
	r.inFont, r.sources = false, nil
}

func (r *sheetReader) finish() []string {
	if r.inFont {
		r.font()
	}
	return r.others
}
