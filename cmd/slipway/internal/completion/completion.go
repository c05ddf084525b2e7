// Package completion proposes to shells how a command goes on, with names that a
// server knows.
package completion

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// Commands serve shells.
type Commands struct {
	Completion completionCommand `cmd:"" help:"Print what a shell needs to complete commands."`
	Complete   completeCommand   `cmd:"" name:"__complete" hidden:"" help:"Propose words to a shell."`
}

// completionCommand prints what a shell needs to complete commands.
type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help has examples.
func (completionCommand) Help() string {
	return `Prints a script that makes the shell complete commands, flags, and the names of services, environments and releases. Names come from the platform, as you; without one there are none.

Examples:
  echo 'source <(slipway completion bash)' >> ~/.bashrc
  slipway completion zsh > "${fpath[1]}/_slipway"
  slipway completion fish > ~/.config/fish/completions/slipway.fish`
}

//go:embed slipway.bash
var bashCompletion string

//go:embed slipway.zsh
var zshCompletion string

//go:embed slipway.fish
var fishCompletion string

// Run prints the script.
func (c *completionCommand) Run(a *cli.App) error {
	_, err := fmt.Fprint(a.Stdout, map[string]string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}[c.Shell])
	return err
}

// completeCommand is asked by those scripts: the words after slipway, up to the
// one that the cursor is on.
type completeCommand struct {
	Shell string   `arg:""`
	Words []string `arg:"" optional:"" passthrough:""`
}

// proposal is one way to go on.
type proposal struct{ value, help string }

// files stands for "a file": the shell knows better.
const files = ":files"

// Run prints proposals as the shell wants them. It never fails: there is
// nobody to read why.
func (c *completeCommand) Run(a *cli.App) error {
	words := c.Words
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	if c.Shell == "bash" {
		words = rejoined(words)
	}
	current := ""
	if len(words) > 0 {
		current, words = words[len(words)-1], words[:len(words)-1]
	}
	for _, p := range propose(a, words, current) {
		if !strings.HasPrefix(p.value, current) && p.value != files {
			continue
		}
		switch {
		case p.value == files:
		case c.Shell == "bash":
			// Bash replaces what is behind the last = or : of the word.
			if i := strings.LastIndexAny(current, "=:"); i >= 0 {
				p.value = p.value[i+1:]
			}
		case c.Shell == "zsh":
			p.value = strings.ReplaceAll(p.value, ":", `\:`) + ":" + p.help
		case p.help != "":
			p.value += "\t" + p.help
		}
		if _, err := fmt.Fprintln(a.Stdout, clean1(p.value)); err != nil {
			return nil
		}
	}
	return nil
}

// clean1 keeps a proposal on its line; the tab parts it from its help.
func clean1(s string) string {
	value, help, described := strings.Cut(s, "\t")
	if !described {
		return cli.Clean(value)
	}
	return cli.Clean(value) + "\t" + cli.Clean(help)
}

// rejoined puts together what bash takes apart at = and :.
func rejoined(words []string) (out []string) {
	glue := false
	for _, w := range words {
		switch {
		case (w == "=" || w == ":") && len(out) > 0:
			out[len(out)-1] += w
			glue = true
		case glue:
			out[len(out)-1] += w
			glue = false
		default:
			out = append(out, w)
		}
	}
	return out
}

// typed is what the words before the cursor come to.
type typed struct {
	node  *kong.Node
	args  []string   // positional arguments so far
	needs *kong.Flag // waits for its value
	flags map[string]string
}

// read walks the words down the tree of commands.
func read(root *kong.Node, words []string) typed {
	t := typed{node: root, flags: map[string]string{}}
	plain := false
	for _, w := range words {
		if t.needs != nil {
			t.flags[t.needs.Name], t.needs = w, nil
			continue
		}
		if !plain && strings.HasPrefix(w, "-") && w != "-" {
			if w == "--" {
				plain = true
				continue
			}
			name, value, set := strings.Cut(w, "=")
			f := t.flag(name)
			switch {
			case f == nil:
			case set:
				t.flags[f.Name] = value
			case f.IsBool():
				t.flags[f.Name] = "true"
			default:
				t.needs = f
			}
			continue
		}
		if child := t.child(w); child != nil && len(t.args) == 0 {
			t.node = child
			continue
		}
		t.args = append(t.args, w)
	}
	return t
}

func (t typed) flag(word string) *kong.Flag {
	for _, group := range t.node.AllFlags(true) {
		for _, f := range group {
			if word == "--"+f.Name || f.Short != 0 && word == "-"+string(f.Short) {
				return f
			}
		}
	}
	return nil
}

func (t typed) child(word string) *kong.Node {
	for _, n := range t.node.Children {
		if n.Type == kong.CommandNode && n.Name == word {
			return n
		}
	}
	return nil
}

// propose lists what may stand where the cursor is.
func propose(a *cli.App, words []string, current string) []proposal {
	t := read(a.Parser.Model.Node, words)
	as := *a
	as.Settings.Server, as.Profile = first(t.flags["server"], a.Server), first(t.flags["profile"], a.Profile)
	if data := t.flags["data"]; data != "" {
		as.Data, as.DataNamed = kong.ExpandPath(data), true
	}
	if t.needs != nil {
		return valuesOf(&as, t, t.needs.Value)
	}
	if name, _, set := strings.Cut(current, "="); set && strings.HasPrefix(name, "--") {
		f := t.flag(name)
		if f == nil {
			return nil
		}
		list := valuesOf(&as, t, f.Value)
		for i := range list {
			if list[i].value != files {
				list[i].value = name + "=" + list[i].value
			}
		}
		return list
	}
	var list []proposal
	if strings.HasPrefix(current, "-") {
		for _, group := range t.node.AllFlags(true) {
			for _, f := range group {
				if _, given := t.flags[f.Name]; !f.Hidden && (!given || f.IsSlice()) {
					list = append(list, proposal{"--" + f.Name, f.Help})
				}
			}
		}
		return list
	}
	if len(t.args) == 0 {
		for _, n := range t.node.Children {
			if n.Type == kong.CommandNode && !n.Hidden {
				list = append(list, proposal{n.Name, n.Help})
			}
		}
		if t.node.Name == "help" {
			list = append(list, propose(a, nil, "")...)
		}
	}
	if at := min(len(t.args), len(t.node.Positional)-1); at >= 0 && (at == len(t.args) || t.node.Positional[at].IsSlice()) {
		list = append(list, valuesOf(&as, t, t.node.Positional[at])...)
	}
	return list
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
