// Package shell takes command lines and shell scripts apart as their authors type them,
// and puts command lines together. It runs nothing, and no shell.
package shell

import (
	"path"
	"strings"

	slipway "github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python/tree"
)

// Word is one word of a command line, with its variables not yet replaced.
type Word struct {
	parts []wordPart
}

// wordPart is text, or a variable when name is set.
type wordPart struct {
	text      string // or the default of ${name:-default}
	name      string
	defaulted bool
	quoted    bool // an empty quoted part still makes a word
}

// String is the word as an author might type it, without quotes.
func (w Word) String() string {
	var b strings.Builder
	for _, p := range w.parts {
		switch {
		case p.name == "":
			b.WriteString(p.text)
		case p.defaulted:
			b.WriteString("${" + p.name + ":-" + p.text + "}")
		default:
			b.WriteString("$" + p.name)
		}
	}
	return b.String()
}

// expand replaces variables. ok is false when nothing is left of a word that
// consisted of unset, unquoted variables: a shell would drop it too.
func (w Word) expand(env func(string) string) (s string, ok bool) {
	var b strings.Builder
	for _, p := range w.parts {
		if p.name == "" {
			b.WriteString(p.text)
			ok = ok || p.quoted || p.text != ""
			continue
		}
		v := env(p.name)
		if v == "" && p.defaulted {
			v = p.text
		}
		b.WriteString(v)
		ok = ok || v != "" || p.quoted
	}
	return b.String(), ok
}

// assignmentOf splits NAME=value; the name has to be written out.
func (w Word) assignmentOf() (name string, ok bool) {
	if len(w.parts) == 0 || w.parts[0].name != "" || w.parts[0].quoted {
		return "", false
	}
	name, _, ok = strings.Cut(w.parts[0].text, "=")
	return name, ok && Identifier(name)
}

// Identifier tells whether s is a name in Python and in a shell, of ASCII letters alone.
func Identifier(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '_' && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// Line is a parsed command: Dir is the directory that it goes to first ("" for
// none), Env are leading NAME=value words, Args the rest. Script says that the
// line is shell and has to go to /bin/sh whole, its Dir included.
type Line struct {
	Dir    string
	Env    []Word
	Args   []Word
	Script bool
}

// Words returns the arguments as text, with variables as written.
func (l Line) Words() []string {
	out := make([]string, len(l.Args))
	for i, w := range l.Args {
		out[i] = w.String()
	}
	return out
}

// MaxCommand bounds a command line; Linux allows 128 KiB for one argument.
const MaxCommand = 32 << 10

// Keywords make a line a script although its punctuation would pass.
var Keywords = map[string]bool{
	"if": true, "for": true, "while": true, "until": true, "case": true, "cd": true, "export": true, "set": true, "source": true,
	".": true, "eval": true, "trap": true, "ulimit": true, "umask": true, "wait": true, "exit": true, "!": true, "{": true, "alias": true,
}

// Parse splits a command into words. It fails on an empty command and on a
// quote that is never closed.
func (c Command) Parse() (Line, error) {
	dir, rest := GoesTo(string(c))
	if dir == "" {
		return parseLine(string(c))
	}
	line, err := parseLine(rest)
	if err != nil || line.Script {
		line, err = parseLine(string(c))
	}
	line.Dir = dir
	return line, err
}

func parseLine(text string) (Line, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return Line{}, slipway.Errorf(slipway.Invalid, "the command is empty; write the program to start")
	}
	if len(text) > MaxCommand || strings.ContainsRune(text, 0) {
		return Line{}, slipway.Errorf(slipway.Invalid, "the command is longer than %d bytes or holds a NUL; put it in a script and name the script", MaxCommand)
	}
	p := commandParser{text: text}
	if err := p.run(); err != nil {
		return Line{}, err
	}
	line := Line{Args: p.words, Script: p.script}
	for len(line.Args) > 0 {
		if _, ok := line.Args[0].assignmentOf(); !ok {
			break
		}
		line.Env, line.Args = append(line.Env, line.Args[0]), line.Args[1:]
	}
	if len(line.Args) == 0 && !line.Script {
		return Line{}, slipway.Errorf(slipway.Invalid, "the command sets variables and starts nothing; add the program to start")
	}
	if len(line.Args) > 0 && Keywords[line.Args[0].String()] {
		line.Script = true
	}
	if len(line.Args) > 1 && line.Args[0].String() == "exec" && !line.Script {
		line.Args = line.Args[1:] // without a shell every command is exec'd
	}
	return line, nil
}

// Expand returns the argument list to start. env gives the value of a
// variable, "" when it is unset. A command with leading NAME=value words starts
// through env(1), which replaces itself; one that is shell through /bin/sh -c,
// which sees the variables of its own environment. One that goes to a directory
// first starts through a shell that replaces itself.
func (c Command) Expand(env func(string) string) ([]string, error) {
	line, err := c.Parse()
	if err != nil {
		return nil, err
	}
	if line.Script {
		return []string{"/bin/sh", "-c", strings.TrimSpace(string(c))}, nil
	}
	var args []string
	if line.Dir != "" {
		args = append(args, "/bin/sh", "-c", `cd -- "$0" && exec "$@"`, rooted(line.Dir))
	}
	if len(line.Env) > 0 {
		args = append(args, "env")
		for _, w := range line.Env {
			s, _ := w.expand(env)
			args = append(args, s)
		}
	}
	first := len(args)
	for _, w := range line.Args {
		if s, ok := w.expand(env); ok {
			args = append(args, s)
		}
	}
	if len(args) == first || args[first] == "" {
		return nil, slipway.Errorf(slipway.Invalid, "nothing is left of the command %q once its variables are replaced; set them", tree.Clip(string(c)))
	}
	return args, nil
}

type commandParser struct {
	text   string
	pos    int
	words  []Word
	now    Word
	open   bool
	script bool
}

func (p *commandParser) add(part wordPart) {
	p.open = true
	n := len(p.now.parts)
	if n > 0 && part.name == "" && p.now.parts[n-1].name == "" && p.now.parts[n-1].quoted == part.quoted {
		p.now.parts[n-1].text += part.text
		return
	}
	p.now.parts = append(p.now.parts, part)
}

func (p *commandParser) close() {
	if p.open {
		p.words = append(p.words, p.now)
	}
	p.now, p.open = Word{}, false
}

func (p *commandParser) run() error {
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		switch c {
		case ' ', '\t':
			p.close()
			p.pos++
		case '\n':
			p.script = true
			p.close()
			p.pos++
		case '\'':
			end := strings.IndexByte(p.text[p.pos+1:], '\'')
			if end < 0 {
				return unclosed(p.text, "'")
			}
			p.add(wordPart{text: p.text[p.pos+1 : p.pos+1+end], quoted: true})
			p.pos += end + 2
		case '"':
			if err := p.double(); err != nil {
				return err
			}
		case '\\':
			p.pos++
			if p.pos < len(p.text) {
				if p.text[p.pos] != '\n' {
					p.add(wordPart{text: p.text[p.pos : p.pos+1], quoted: true})
				}
				p.pos++
			}
		case '$':
			p.variable(false)
		case '|', '&', ';', '<', '>', '(', ')', '`', '*', '?', '[':
			p.script = true
			p.add(wordPart{text: string(c)})
			p.pos++
		case '#', '~':
			if !p.open { // a comment or a home directory only at the start of a word
				p.script = true
			}
			p.add(wordPart{text: string(c)})
			p.pos++
		default:
			p.add(wordPart{text: string(c)})
			p.pos++
		}
	}
	p.close()
	return nil
}

func unclosed(text, quote string) error {
	return slipway.Errorf(slipway.Invalid, "the command %q opens a %s and never closes it; close it", tree.Clip(text), quote)
}

func (p *commandParser) double() error {
	p.pos++
	p.add(wordPart{quoted: true})
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; c {
		case '"':
			p.pos++
			return nil
		case '\\':
			if p.pos+1 < len(p.text) && strings.IndexByte("$`\"\\", p.text[p.pos+1]) >= 0 {
				p.pos++
			}
			p.add(wordPart{text: p.text[p.pos : p.pos+1], quoted: true})
			p.pos++
		case '$':
			p.variable(true)
		case '`':
			p.script = true
			p.pos++
		default:
			p.add(wordPart{text: string(c), quoted: true})
			p.pos++
		}
	}
	return unclosed(p.text, `"`)
}

// variable reads $NAME, ${NAME} or ${NAME:-default}; any other use of $ makes
// the line a script.
func (p *commandParser) variable(quoted bool) {
	rest := p.text[p.pos+1:]
	end := 0
	for end < len(rest) && Identifier(rest[:end+1]) {
		end++
	}
	if end > 0 {
		p.add(wordPart{name: rest[:end], quoted: quoted})
		p.pos += 1 + end
		// unquoted, a shell would split the value into words; PORT and HOST have none
		return
	}
	if strings.HasPrefix(rest, "{") {
		if inside, _, ok := strings.Cut(rest[1:], "}"); ok {
			name, value, defaulted := strings.Cut(inside, ":-")
			if Identifier(name) && (!defaulted || !strings.ContainsAny(value, "${`\"'\\")) {
				p.add(wordPart{name: name, text: value, defaulted: defaulted, quoted: quoted})
				p.pos += len(inside) + 3
				return
			}
		}
	}
	p.script = p.script || rest != "" && rest[0] != ' ' && rest[0] != '"'
	p.add(wordPart{text: "$", quoted: quoted})
	p.pos++
}

// Command is one command line as its author would type it. Words, quotes and
// $NAME or ${NAME:-default} are understood without a shell; anything else
// (pipes, &&, redirections) is handed to /bin/sh as the author's own script.
type Command string

// GoesTo splits "cd DIR && ...": the directory, when it is written out, and what
// is carried out there. dir is "" for any other command.
func GoesTo(command string) (dir, rest string) {
	first, rest, ok := strings.Cut(strings.TrimSpace(command), "&&")
	words := Split(first)
	if !ok || len(words) < 2 || words[0] != "cd" || strings.ContainsAny(first, "$`;|&()<>*?[]~\n") {
		return "", ""
	}
	if words[1] == "--" {
		words = words[1:]
	}
	if len(words) != 2 || Bare(words[1]) == "" || strings.HasPrefix(words[1], "-") {
		return "", ""
	}
	return path.Clean(Bare(words[1])), rest
}

// rooted keeps a shell from looking for a directory elsewhere (CDPATH).
func rooted(dir string) string {
	if path.IsAbs(dir) {
		return dir
	}
	return "./" + dir
}

// Directory is where the command goes before it starts anything, relative to where
// it is started; "" when it stays.
func (c Command) Directory() string {
	line, err := c.Parse()
	if err != nil {
		return ""
	}
	return line.Dir
}
