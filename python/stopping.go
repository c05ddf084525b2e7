package python

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/python/program"
	"github.com/slipway-dev/slipway/python/shell"
)

// Stop is how a process is asked to end, and what its program is told so that it does
// so in time: by the row of its program, and by what slipway.yaml says.
type Stop struct {
	Program      string `json:"program,omitempty"` // a row of docs/servers.md; "" for one that has none
	Signal       string `json:"signal"`
	LastSignal   string `json:"last_signal,omitempty"` // before SIGKILL
	GraceSeconds int    `json:"grace_seconds"`
	// Behind says that a shell stays in front of the program: TERM ends the shell, and
	// the signal is for what it leaves.
	Behind bool `json:"behind,omitempty"`
	// Env are variables of the program's own; Options hold lists of options, which the
	// service's own follow.
	Env     map[string]string `json:"env,omitempty"`
	Options map[string]string `json:"options,omitempty"`
}

// planStops settles how each process is stopped, and warns where no signal helps.
func (d *detection) planStops() {
	for _, name := range slices.Sorted(maps.Keys(d.project.Processes)) {
		command := d.project.Processes[name]
		kind, stop := program.Worker, Stop{Signal: "TERM"}
		if name == "web" {
			kind = program.Server
		}
		i, known := d.invocation(command)
		var p program.Program
		if known {
			p, known = program.Of(i)
		}
		if known {
			stop.Program, stop.LastSignal, stop.Behind = p.Name, p.Last, i.Behind
			if p.Signal != "" {
				stop.Signal = p.Signal
			}
			kind = p.Kind
		}
		stop.GraceSeconds = program.GraceOf(kind)
		if p.Grace > 0 {
			stop.GraceSeconds = p.Grace
		}
		stop.GraceSeconds = d.statedGrace(name, stop.GraceSeconds)
		if d.config != nil && d.config.Processes[name].StopSignal != "" {
			stop.Signal, stop.Behind = d.config.Processes[name].StopSignal, false
		}
		stop.Behind = stop.Behind && stop.Signal != "TERM"
		if known {
			stop.Env, stop.Options = bounds(p.Env, stop.GraceSeconds), bounds(p.Options, stop.GraceSeconds)
			d.ownBounds(&stop, i)
			d.warnOfStop(name, p)
		}
		d.project.Stops[name] = stop
	}
}

// statedGrace is what slipway.yaml gives a process, or else.
func (d *detection) statedGrace(name string, otherwise int) int {
	if d.config != nil && d.config.Processes[name].GraceSeconds > 0 {
		return d.config.Processes[name].GraceSeconds
	}
	return otherwise
}

// bounds puts the seconds in that open streams may go on for.
func bounds(of map[string]string, grace int) map[string]string {
	of = maps.Clone(of)
	for name, value := range of {
		of[name] = strings.ReplaceAll(value, "{limit}", strconv.Itoa(max(grace-program.Reserve, 1)))
	}
	return of
}

// ownBounds leaves a bound to a project that has one of its own: what the environment
// says would win over gunicorn's configuration file.
func (d *detection) ownBounds(stop *Stop, i program.Invocation) {
	if stop.Options["GUNICORN_CMD_ARGS"] == "" {
		return
	}
	file := cmp.Or(strings.TrimPrefix(i.Option("-c", "--config"), "file:"), "gunicorn.conf.py")
	if m := d.module(path.Join(i.Line.Dir, file)); m != nil {
		if _, stated := m.Last("graceful_timeout"); stated {
			stop.Options = nil
		}
	}
}

// warnOfStop says what no signal saves.
func (d *detection) warnOfStop(name string, p program.Program) {
	at := d.evidenceOf(name)
	switch {
	case p.Kind == program.Development && name == "web" && !d.warned("web.development_server"):
		d.warn(Problem{Code: "web.development_server", Message: "web is a development server (" + p.Name + "): slow, not meant to face users, and it cuts the requests that it has when it is stopped",
			File: at.File, Line: at.Line, Remedy: "use gunicorn or uvicorn; delete the line to have Slipway choose"})
	case p.WarnsOf(d.holdsOlder):
		d.warn(Problem{Code: "stop.cuts", Message: p.Warning, File: at.File, Line: at.Line, Remedy: p.Remedy})
	}
}

// shellScript is the shell script of the repository that a command starts; "" for none.
func (d *detection) shellScript(line shell.Line) string {
	words := line.Words()
	if len(words) > 1 && slices.Contains([]string{"sh", "bash", "dash", "ash"}, path.Base(words[0])) && !strings.HasPrefix(words[1], "-") {
		words = words[1:]
	}
	if len(words) == 0 {
		return ""
	}
	file := path.Join(line.Dir, words[0])
	if strings.HasPrefix(file, "/") || strings.HasPrefix(file, "..") || !d.tree.Exists(file) {
		return ""
	}
	lines := d.tree.Lines(file)
	shell := strings.HasSuffix(file, ".sh")
	if len(lines) > 0 && strings.HasPrefix(lines[0], "#!") {
		shell = strings.HasSuffix(strings.TrimSpace(lines[0]), "sh")
	}
	if !shell {
		return ""
	}
	return file
}

// frontScript is one that stays in front of its program; "" for none.
func (d *detection) frontScript(line shell.Line) string {
	file := d.shellScript(line)
	for _, l := range d.tree.Lines(file) {
		if strings.HasPrefix(strings.TrimSpace(l), "exec ") {
			return ""
		}
	}
	return file
}
