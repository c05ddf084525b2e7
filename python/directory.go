package python

import (
	"path"
	"strings"
)

// goesTo splits "cd DIR && ...": the directory, when it is written out, and what
// is carried out there. dir is "" for any other command.
func goesTo(command string) (dir, rest string) {
	first, rest, ok := strings.Cut(strings.TrimSpace(command), "&&")
	words := rawWords(first)
	if !ok || len(words) < 2 || words[0] != "cd" || strings.ContainsAny(first, "$`;|&()<>*?[]~\n") {
		return "", ""
	}
	if words[1] == "--" {
		words = words[1:]
	}
	if len(words) != 2 || bare(words[1]) == "" || strings.HasPrefix(words[1], "-") {
		return "", ""
	}
	return path.Clean(bare(words[1])), rest
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

// rooted keeps a shell from looking for a directory elsewhere (CDPATH).
func rooted(dir string) string {
	if path.IsAbs(dir) {
		return dir
	}
	return "./" + dir
}

// within is a command that runs in a directory below the service's own.
func within(dir, command string) Command {
	if dir == "" || dir == "." {
		return Command(command)
	}
	return Command("cd " + quoteWords([]string{dir}) + " && " + command)
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
	if path.IsAbs(dir) || strings.HasPrefix(dir, "..") || !d.tree.isDir(dir) {
		return "."
	}
	return dir
}
