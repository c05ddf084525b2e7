package python

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/python/shell"
	"github.com/slipway-dev/slipway/python/tree"
)

// listens is how a server's command says where it listens.
type listens struct {
	bind    []string // options that take host and port at once
	port    []string // options that take the port alone
	first   bool     // options stand before the application
	without bool     // it takes PORT by itself when nothing is said
	plain   bool     // host and port are an argument, not an option
	more    string   // what it needs besides where it is told its host
}

// listeners are the programs of serverPrograms, and those of frameworks that have a
// server of their own. An option of the first list comes before its host alone (-b of
// daphne is a host, so it has none).
var listeners = map[string]listens{
	"gunicorn":       {bind: []string{"--bind", "-b"}, without: true},
	"hypercorn":      {bind: []string{"--bind", "-b"}},
	"waitress-serve": {bind: []string{"--listen"}, port: []string{"--port"}, first: true},
	"uvicorn":        {port: []string{"--port"}},
	"daphne":         {port: []string{"-p", "--port"}},
	"granian":        {port: []string{"--port"}},
	"fastapi run":    {port: []string{"--port"}},
	"fastapi dev":    {port: []string{"--port"}},
	"flask run":      {port: []string{"-p", "--port"}},
	"streamlit run":  {port: []string{"--server.port"}, more: " --server.headless true"},
	"panel serve":    {port: []string{"--port"}},
	"chainlit run":   {port: []string{"--port"}},
	"sanic":          {port: []string{"--port", "-p"}},
	"runserver":      {plain: true},
}

// hostOptions are the options for a host, where they aren't --host.
var hostOptions = map[string]string{"streamlit run": "--server.address", "panel serve": "--address", "daphne": "-b"}

// plainAddress is what runserver of Django takes.
var plainAddress = regexp.MustCompile(`^(?:[\w.\[\]:]*:)?\d{2,5}$`)

// namesPort is a command that is told its port: $PORT, ${PORT:-80}, a variable of its own
// such as APP_PORT.
var namesPort = regexp.MustCompile(`(?:\b|_)PORT\b`)

// listenerOf finds the program of a command's words, and where its arguments begin.
func listenerOf(words []string) (name string, l listens, from int, ok bool) {
	i := prefixed(words)
	if i+2 < len(words) && strings.HasPrefix(path.Base(shell.Bare(words[i])), "python") && words[i+1] == "-m" {
		i += 2
	}
	if i >= len(words) {
		return "", l, 0, false
	}
	if strings.HasPrefix(path.Base(shell.Bare(words[i])), "python") && i+1 < len(words) && path.Base(words[i+1]) == "manage.py" {
		i++
	}
	if i+1 < len(words) && path.Base(words[i]) == "manage.py" {
		i++
	}
	name = path.Base(shell.Bare(words[i]))
	if l, ok = listeners[name]; ok {
		return name, l, i + 1, true
	}
	for j := i + 1; j < len(words); j++ { // flask --app shop run
		if l, ok = listeners[name+" "+shell.Bare(words[j])]; ok {
			return name + " " + shell.Bare(words[j]), l, j + 1, true
		}
	}
	return "", l, 0, false
}

// atPort has a server that says where it listens, or takes its own default, listen at
// the port of its instance: at another one it would be found by nobody, and two
// environments on one machine would share it.
func (d *detection) atPort(c Command, at tree.Evidence) Command {
	text := string(c)
	parts, _, ok := shell.Chain(text)
	if !ok || namesPort.MatchString(text) || len(parts) == 0 || strings.Contains(text, " -- ") {
		return c
	}
	last := strings.TrimSpace(parts[len(parts)-1])
	words := shell.Split(last)
	name, l, from, ok := listenerOf(words)
	if !ok || !strings.HasSuffix(strings.TrimSpace(text), last) {
		return c
	}
	out, was := l.replaced(words, from)
	if was == "" {
		config := strings.Contains(text, "--config") || strings.Contains(text, " -c ")
		file, line, value := "", 0, ""
		if l.without {
			file, line, value = d.gunicornBind(c)
		}
		switch {
		case file != "":
			was, at = value, tree.Evidence{File: file, Line: line}
		case l.without || config:
			return c
		}
		out = l.told(name, words, from)
	}
	now := Command(strings.TrimSuffix(strings.TrimSpace(text), last) + strings.Join(out, " "))
	d.warn(Problem{Code: "web.port_overruled", Message: fmt.Sprintf("web listens at %s; it is started with the port that it is given in its place: %s", cmp.Or(was, "the port that "+name+" takes by itself"), tree.Clip(string(now))),
		File: at.File, Line: at.Line, Remedy: "write $PORT there"})
	return now
}

// replaced is the command with $PORT in the place of each port, and what was there.
func (l listens) replaced(words []string, from int) (out []string, was string) {
	out = append([]string{}, words[:from]...)
	for i := from; i < len(words); i++ {
		option, value, joined := strings.Cut(words[i], "=")
		instead := ""
		switch {
		case slices.Contains(l.bind, option):
			instead = address + ":$PORT"
		case slices.Contains(l.port, option):
			instead = "$PORT"
		case l.plain && plainAddress.MatchString(option):
			out, was = append(out, address+":$PORT"), option
			continue
		}
		switch {
		case instead == "" || !joined && i+1 == len(words):
			out = append(out, words[i])
			continue
		case !joined:
			i++
			value = words[i]
		}
		if was != "" && instead != "$PORT" {
			continue // a second address
		}
		was = shell.Bare(value)
		if joined {
			out = append(out, option+"="+instead)
		} else {
			out = append(out, option, instead)
		}
	}
	return out, was
}

// told is the command with the options for host and port.
func (l listens) told(name string, words []string, from int) []string {
	add := ""
	joined := strings.Join(words, " ")
	switch host := cmp.Or(hostOptions[name], "--host"); {
	case l.plain:
		add = address + ":$PORT"
	case len(l.bind) > 0 && !l.first:
		add = l.bind[0] + " " + address + ":$PORT"
	case l.first:
		add = l.bind[0] + "=" + address + ":$PORT"
	case strings.Contains(joined, " "+host+" ") || strings.Contains(joined, " "+host+"="):
		add = l.port[0] + " $PORT"
	default:
		add = host + " " + address + " " + l.port[0] + " $PORT" + l.more
	}
	if l.first {
		return append(append(append([]string{}, words[:from]...), add), words[from:]...)
	}
	return append(append([]string{}, words...), add)
}
