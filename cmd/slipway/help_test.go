package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// TestEveryCommandHasAnExample walks all commands: each has a sentence, and an
// example of itself that can be parsed.
func TestEveryCommandHasAnExample(t *testing.T) {
	parser := func() *kong.Kong {
		var line commandLine
		k, err := kong.New(&line, kong.Name("slipway"), groups, kong.Exit(func(int) { t.Error("an example asks for help") }), kong.Writers(&bytes.Buffer{}, &bytes.Buffer{}))
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	commands := 0
	var walk func(n *kong.Node)
	walk = func(n *kong.Node) {
		if n.Hidden {
			return
		}
		if n.Type == kong.CommandNode && n.Help == "" {
			t.Errorf("%s: no sentence says what it does", n.FullPath())
		}
		for _, f := range n.Flags {
			if f.Help == "" && !f.Hidden {
				t.Errorf("%s: --%s has no help", n.FullPath(), f.Name)
			}
		}
		if n.Leaf() {
			commands++
			own := 0
			_, examples, found := strings.Cut(n.Detail, "Examples:\n")
			if !found {
				t.Errorf("%s: its help has no examples", n.FullPath())
				return
			}
			for line := range strings.Lines(examples) {
				if strings.Contains(line+" ", "slipway "+n.Path()+" ") || strings.Contains(line, "slipway "+n.Path()+"\n") {
					own++
				}
				command, ok := strings.CutPrefix(strings.TrimSpace(line), "slipway ")
				if words := shellWords(command); ok && words[0] != "help" {
					if _, err := parser().Parse(words); err != nil {
						t.Errorf("%s: the example %q can't be typed: %v", n.FullPath(), strings.TrimSpace(line), err)
					}
				}
			}
			if own == 0 {
				t.Errorf("%s: no example of itself in\n%s", n.FullPath(), examples)
			}
		}
		for _, child := range n.Children {
			walk(child)
		}
	}
	walk(parser().Model.Node)
	if commands < 50 {
		t.Errorf("only %d commands were found", commands)
	}
}

// shellWords splits a line as a shell would, up to a redirection or a pipe.
func shellWords(line string) (words []string) {
	word, quote, begun := "", rune(0), false
	end := func() {
		if begun {
			words, word, begun = append(words, word), "", false
		}
	}
	for _, c := range line {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word += string(c)
		case c == '\'' || c == '"':
			quote, begun = c, true
		case c == ' ':
			end()
		case !begun && (c == '<' || c == '>' || c == '|' || c == '#'):
			return words
		case c == ')':
			end()
			return words
		default:
			word, begun = word+string(c), true
		}
	}
	end()
	return words
}
