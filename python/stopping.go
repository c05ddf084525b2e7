package python

import (
	"path"
	"strings"
)

// StopSignals are the names that stop_signal may have.
var StopSignals = []string{"TERM", "INT", "QUIT", "HUP", "USR1", "USR2", "WINCH"}

// StopSignal names the signal by which a program ends what it has begun and goes,
// where that is not TERM; "" for TERM. uWSGI takes TERM as a reload unless told
// otherwise, Huey's consumer interrupts its tasks on it, and Apache its requests
// (each project's documentation of its signals).
func (c Command) StopSignal() string {
	line, err := c.Parse()
	if err != nil || line.Script {
		return ""
	}
	words := line.Words()
	if len(words) == 0 {
		return ""
	}
	has := func(what string) bool { return contains(words, what) }
	switch program := strings.TrimSuffix(path.Base(words[0]), ".py"); {
	case program == "uwsgi" && !has("--die-on-term"):
		return "INT"
	case program == "huey_consumer", has("manage.py") && has("run_huey"):
		return "INT"
	case program == "apachectl", program == "httpd", program == "apache2", program == "mod_wsgi-express":
		return "WINCH"
	}
	return ""
}

// frontScript is the shell script of the repository that a command starts, and
// that stays in front of its program; "" for none.
func (d *detection) frontScript(words []string) string {
	if len(words) > 1 && contains([]string{"sh", "bash", "dash", "ash"}, path.Base(words[0])) && !strings.HasPrefix(words[1], "-") {
		words = words[1:]
	}
	if len(words) == 0 {
		return ""
	}
	file := path.Clean(words[0])
	if strings.HasPrefix(file, "/") || strings.HasPrefix(file, "..") || !d.tree.exists(file) {
		return ""
	}
	lines := d.tree.lines(file)
	shell := strings.HasSuffix(file, ".sh")
	if len(lines) > 0 && strings.HasPrefix(lines[0], "#!") {
		shell = strings.HasSuffix(strings.TrimSpace(lines[0]), "sh")
	}
	if !shell {
		return ""
	}
	for _, l := range lines {
		if strings.HasPrefix(strings.TrimSpace(l), "exec ") {
			return ""
		}
	}
	return file
}
