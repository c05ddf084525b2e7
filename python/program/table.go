package program

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Line is the row as docs/servers.md has it.
func (p Program) Line() string {
	signal := cmp.Or(p.Signal, "TERM")
	if p.Last != "" {
		signal += ", at the end " + p.Last
	}
	grace := p.Grace
	if grace == 0 {
		grace = GraceOf(p.Kind)
	}
	var told []string
	for _, of := range []map[string]string{p.Env, p.Options} {
		for _, name := range slices.Sorted(maps.Keys(of)) {
			told = append(told, "`"+name+"="+strings.ReplaceAll(of[name], "{limit}", fmt.Sprint(grace-Reserve))+"`")
		}
	}
	note := p.Known
	if p.Warning != "" {
		note = strings.TrimPrefix(note+"; **"+p.Warning+"**: "+p.Remedy, "; ")
	}
	stream, exit := string(p.Stream), fmt.Sprint(p.Exit)
	if p.Exit < 0 {
		exit = fmt.Sprintf("signal %d", -p.Exit)
	}
	atExit := ""
	if p.Kind == Server || p.Kind == Development {
		atExit = map[bool]string{true: "yes", false: "no"}[p.AtExit]
	}
	seen := strings.Join(p.Pins, ", ")
	cells := []string{p.Name, signal, fmt.Sprint(grace), strings.Join(told, " "), string(p.Task), stream, atExit, exit, strings.Join(p.Ports, ", "), note, seen}
	return "| " + strings.Join(cells, " | ") + " |"
}
