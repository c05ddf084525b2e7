package shell

import (
	"regexp"
	"strings"
)

// Statement is a command of a script.
type Statement struct {
	Text string
	Line int
}

// Statements splits a script at line ends and operators outside of quotes. Comments
// and here documents are left out.
func Statements(text string) (out []Statement) {
	var now strings.Builder
	line, began, quote, depth := 1, 1, byte(0), 0
	flush := func() {
		if s := strings.TrimSpace(now.String()); s != "" && s != "}" && s != "{" {
			out = append(out, Statement{s, began})
		}
		now.Reset()
	}
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '\n' {
			line++
		}
		if strings.IndexByte(" \t\r\n", c) >= 0 {
			if now.Len() == 0 && c != '\n' {
				continue
			}
		} else if now.Len() == 0 {
			began = line
		}
		next := byte(0)
		if i+1 < len(text) {
			next = text[i+1]
		}
		switch {
		case c == '\\' && next == '\n' && quote != '\'':
			if now.Len() > 0 {
				now.WriteByte(' ')
			}
			i++
			line++
		case c == '\\' && quote != '\'':
			now.WriteByte(c)
			if i++; i < len(text) {
				now.WriteByte(text[i])
			}
		case quote != 0:
			if c == quote {
				quote = 0
			}
			if c == '\n' {
				c = ' '
			}
			now.WriteByte(c)
		case c == '\'' || c == '"' || c == '`':
			quote = c
			now.WriteByte(c)
		case c == '#' && (i == 0 || strings.IndexByte(" \t\n;", text[i-1]) >= 0):
			for i+1 < len(text) && text[i+1] != '\n' {
				i++
			}
		case c == '$' && (next == '(' || next == '{'):
			depth++
			now.WriteString("$" + string(next))
			i++
		case depth > 0:
			if c == '(' || c == '{' {
				depth++
			} else if c == ')' || c == '}' {
				depth--
			}
			now.WriteByte(c)
		case c == '<' && next == '<':
			rest, _, _ := strings.Cut(text[i:], "\n")
			if m := hereDocument.FindStringSubmatch(rest); m != nil {
				if end := strings.Index(text[i:], "\n"+m[1]); end > 0 {
					line += strings.Count(text[i:i+end], "\n")
					i += end
				}
			}
			flush()
		case c == '&' && (i > 0 && text[i-1] == '>' || next == '>'):
			now.WriteByte(c)
		case c == '\n' || c == ';' || c == '|' || c == '&' || c == '(' || c == ')':
			flush()
		default:
			now.WriteByte(c)
		}
	}
	flush()
	return out
}

var hereDocument = regexp.MustCompile(`<<-?\s*['"]?(\w+)['"]?`)
