package shell

import "strings"

// Quote makes a command line of words, quoted for a shell where that needs it; variables
// in it are not replaced any more.
func Quote(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = w
		if w == "" || strings.ContainsAny(w, " \t'\"()|&;<>*?[]#$`\\") {
			out[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(out, " ")
}

// Split splits at white space outside quotes and keeps the quotes.
func Split(text string) []string {
	var out []string
	var now strings.Builder
	quote := byte(0)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quote == 0 && (c == ' ' || c == '\t'):
			if now.Len() > 0 {
				out = append(out, now.String())
			}
			now.Reset()
			continue
		case c == '\\' && quote != '\'' && i+1 < len(text):
			now.WriteByte(c)
			i++
			c = text[i]
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case c == quote:
			quote = 0
		}
		now.WriteByte(c)
	}
	if now.Len() > 0 {
		out = append(out, now.String())
	}
	return out
}

// Bare is a word without its quotes.
func Bare(word string) string {
	if n := len(word); n > 1 && (word[0] == '\'' || word[0] == '"') && word[n-1] == word[0] {
		if word[0] == '"' {
			return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(word[1 : n-1])
		}
		return word[1 : n-1]
	}
	return word
}

// Chain splits a line at &&, ||, ;, |, & and line ends outside quotes. ok is
// false for what only a shell can read.
func Chain(text string) (parts, marks []string, ok bool) {
	quote, start := byte(0), 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && quote != '\'':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '`' || c == '(' || c == ')' || c == '{' && !strings.HasPrefix(text[max(i-1, 0):], "$"):
			return nil, nil, false
		case c == '&' && (i > 0 && (text[i-1] == '>' || text[i-1] == '<') || i+1 < len(text) && text[i+1] == '>'):
		case c == '&' || c == '|' || c == ';' || c == '\n':
			n := 1
			if i+1 < len(text) && text[i+1] == c && c != '\n' {
				n = 2
			}
			parts, marks = append(parts, text[start:i]), append(marks, text[i:i+n])
			i += n - 1
			start = i + 1
		}
	}
	return append(parts, text[start:]), marks, quote == 0
}
