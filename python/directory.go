package python

import (
	"path"
	"strings"

	"github.com/slipway-dev/slipway/python/shell"
)

// within is a command that runs in a directory below the service's own.
func within(dir, command string) Command {
	if dir == "" || dir == "." {
		return Command(command)
	}
	return Command("cd " + shell.Quote([]string{dir}) + " && " + command)
}

// below is a directory as it is named from another one. What doesn't lie below it
// is reached from the service's own.
func below(dir, name string) string {
	switch {
	case dir == "" || dir == ".":
		return path.Clean(name)
	case name == dir:
		return "."
	}
	if rest, ok := strings.CutPrefix(name, dir+"/"); ok {
		return rest
	}
	return path.Join(strings.Repeat("../", strings.Count(dir, "/")+1), name)
}

// workDir is the directory, below the service's own, in which all commands of the
// application run that nobody has written: that of Django's manage.py, or the one
// that the stated web command goes to. An application finds files beside itself
// by it, and tools their settings.
func (d *detection) workDir() string {
	if f := d.django(); f.manage != "" {
		return path.Dir(f.manage)
	}
	return d.webDir()
}

// webDir is the directory that a stated web command goes to: by cd, or by its
// server's option.
func (d *detection) webDir() string {
	line, err := d.project.Processes["web"].Parse()
	if err != nil {
		return "."
	}
	dir := path.Join(".", line.Dir)
	words := line.Words()
	for i, w := range words {
		name, value, has := strings.Cut(w, "=")
		if !has && i+1 < len(words) {
			value = words[i+1]
		}
		if name == "--chdir" || name == "--working-dir" {
			dir = path.Join(line.Dir, value)
		}
	}
	if path.IsAbs(dir) || strings.HasPrefix(dir, "..") || !d.tree.IsDir(dir) {
		return "."
	}
	return dir
}
