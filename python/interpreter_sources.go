package python

import (
	"bytes"
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/slipway-dev/slipway/python/lock"
	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/tree"
)

// pythonWish is one stated version.
type pythonWish struct {
	tree.Evidence
	text    string
	version manifest.Version
	rule    string
	rivals  []string
	broken  bool // stated, but unreadable: already reported
}

func (w pythonWish) exact() bool { return len(w.version.Release) > 2 }

// satisfies says whether the wish, or for X.Y some patch release of it, is in set.
func (w pythonWish) satisfies(set manifest.Specifiers) bool {
	if w.exact() {
		return set.Contains(w.version)
	}
	for patch := 0; patch < 100; patch++ {
		if set.Contains(manifest.Version{Release: []int{w.version.At(0), w.version.At(1), patch}, Post: -1, Dev: -1}) {
			return true
		}
	}
	return false
}

// pythonRange is a constraint such as requires-python.
type pythonRange struct {
	tree.Evidence
	set manifest.Specifiers
	err error
}

var (
	pinPattern = regexp.MustCompile(`^(?:c?python[-@]?)?(\d+\.\d+(?:\.\d+)?)$`)
	anyPatch   = regexp.MustCompile(`\.[x*]$`) // 3.12.x
	dockerFrom = regexp.MustCompile(`(?i)^\s*FROM\s+(?:--platform=\S+\s+)?(?:\S*/)?(python:[\w.-]+)`)
)

// pythonWish returns the first source that states a version, in the order of
// precedence. The others that disagree become rivals, runtime.txt a warning.
func (d *detection) pythonWish() (pythonWish, bool) {
	var all []pythonWish
	if d.config != nil && d.config.Python != "" {
		at := d.stated("python")
		all = append(all, d.parsePin(d.config.Python, at.Evidence, "python."+at.rule))
	}
	all = append(all, d.versionFile()...)
	all = append(all, d.toolVersions()...)
	all = append(all, d.mise()...)
	all = append(all, d.poetryExact()...)
	all = append(all, d.pipenvPython()...)
	all = append(all, d.runtimeFile(len(all) > 0 || len(d.requiredPython()) > 0)...)
	locked := d.uvLockPython()
	if len(all) > 0 && len(locked) > 0 && !all[0].broken && all[0].version.Minor() != locked[0].version.Minor() {
		at := locked[0]
		d.problem(Problem{Code: "lock.stale", Message: "the lock has Python " + at.text + ", the project asks for " + all[0].text + " in " + all[0].Where() + " and states no requires-python: uv refuses such a lock",
			File: "pyproject.toml", Line: d.pyproject.Line("project", ""), Remedy: "add requires-python = \">=" + at.text + "\" to [project], or run uv lock with Python " + all[0].text})
	}
	all = append(all, locked...)
	if len(all) == 0 {
		return pythonWish{}, false
	}
	first := all[0]
	for _, other := range all[1:] {
		if !other.broken && !first.broken && other.version.Compare(first.version) != 0 {
			first.rivals = append(first.rivals, fmt.Sprintf("%s at %s", other.text, d.source(other.Evidence)))
		}
	}
	return first, true
}

// parsePin reads one version; what is wrong with it is reported.
func (d *detection) parsePin(text string, at tree.Evidence, rule string) pythonWish {
	text = strings.TrimSpace(text)
	w := pythonWish{Evidence: at, text: text, rule: rule}
	if m := pinPattern.FindStringSubmatch(anyPatch.ReplaceAllString(text, "")); m != nil {
		if v, ok := manifest.ParseVersion(m[1]); ok {
			w.version = v
			return w
		}
	}
	w.broken = true
	message := fmt.Sprintf("%s asks for Python %q, which is not a version", at.Where(), tree.Clip(text))
	switch {
	case strings.HasPrefix(text, "pypy") || strings.HasPrefix(text, "graalpy"):
		message = fmt.Sprintf("%s asks for %q, and only CPython is supported", at.Where(), tree.Clip(text))
	case strings.HasSuffix(text, "t") && pinPattern.MatchString(strings.TrimSuffix(text, "t")):
		message = fmt.Sprintf("%s asks for the free-threaded Python %q, which is not supported", at.Where(), tree.Clip(text))
	case regexp.MustCompile(`^(python-)?\d+$`).MatchString(text):
		message = fmt.Sprintf("%s asks for Python %q: a major version alone would change under the service", at.Where(), tree.Clip(text))
	case strings.ContainsAny(text, "<>=~^*|"):
		message = fmt.Sprintf("%s asks for Python %q: a range belongs in requires-python, this file takes one version", at.Where(), tree.Clip(text))
	}
	d.problem(Problem{Code: "python.unreadable", Message: message, File: at.File, Line: at.Line, Remedy: "write just the version, like 3.13"})
	return w
}

// versionFile reads .python-version byte by byte: what editors leave in such a
// file and nobody sees is a common reason for a version not being found.
func (d *detection) versionFile() []pythonWish {
	const name = ".python-version"
	data, ok := d.tree.Bytes(name, tree.MaxManifest)
	if !ok {
		return nil
	}
	broken := func(line int, code, message, remedy string) []pythonWish {
		d.problem(Problem{Code: code, Message: message, File: name, Line: line, Remedy: remedy})
		return []pythonWish{{broken: true, Evidence: tree.Evidence{File: name, Line: line}}}
	}
	rewrite := "write the file again as plain UTF-8 with just the version: echo 3.13 > .python-version"
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		return broken(1, "python.version_file.bom", ".python-version begins with a byte-order mark, an invisible character that some editors write", rewrite)
	case bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")):
		return broken(1, "python.version_file.utf16", ".python-version is UTF-16 text and has to be UTF-8 (PowerShell's > writes UTF-16)", rewrite)
	case !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0:
		return broken(1, "python.version_file.encoding", ".python-version is not UTF-8 text", rewrite)
	}
	var found []tree.Evidence
	for i, l := range strings.Split(tree.Text(data), "\n") {
		if at := strings.IndexFunc(l, invisible); at >= 0 {
			return broken(i+1, "python.version_file.invisible", ".python-version holds an invisible character, such as a zero-width space", rewrite)
		}
		l, _, _ = strings.Cut(l, "#")
		if l = strings.TrimSpace(l); l != "" {
			found = append(found, tree.Evidence{File: name, Line: i + 1, Text: l})
		}
	}
	switch len(found) {
	case 0:
		return broken(1, "python.version_file.empty", ".python-version states no version", "write one: echo 3.13 > .python-version")
	case 1:
		if _, isRange := d.versionRange(); isRange {
			return nil
		}
		return []pythonWish{d.parsePin(found[0].Text, found[0], "python.version_file")}
	}
	return broken(found[1].Line, "python.version_file.several", ".python-version states more than one version: "+found[0].Text+" and "+found[1].Text, "keep one of them")
}

// versionRange is a .python-version that states a range, as uv takes it.
func (d *detection) versionRange() (pythonRange, bool) {
	for i, l := range d.tree.Lines(".python-version") {
		l, _, _ = strings.Cut(l, "#")
		if l = strings.TrimSpace(l); l == "" {
			continue
		}
		set, err := manifest.ParseSpecifiers(l)
		return pythonRange{tree.Evidence{File: ".python-version", Line: i + 1, Text: l}, set, err}, err == nil && strings.ContainsAny(l, "<>=~!^")
	}
	return pythonRange{}, false
}

func invisible(r rune) bool {
	return r >= 0x200b && r <= 0x200f || r == 0x2060 || r == 0xfeff || r == 0xad || r < ' ' && r != '\t' || r == 0xa0
}

func (d *detection) toolVersions() []pythonWish {
	for i, l := range d.tree.Lines(".tool-versions") {
		l, _, _ = strings.Cut(l, "#")
		if f := strings.Fields(l); len(f) > 1 && f[0] == "python" {
			return []pythonWish{d.parsePin(f[1], tree.Evidence{File: ".tool-versions", Line: i + 1}, "python.tool_versions")}
		}
	}
	return nil
}

func (d *detection) mise() []pythonWish {
	for _, name := range []string{"mise.toml", ".mise.toml"} {
		p, problem := manifest.ReadPyproject(d.tree, name)
		if problem != nil || p.File == "" {
			continue
		}
		text := manifest.DigString(p.Data, "tools", "python")
		if text == "" {
			text = manifest.DigString(p.Data, "tools", "python", "version")
		}
		if list := manifest.DigStrings(p.Data, "tools", "python"); len(list) > 0 {
			text = list[0]
		}
		if text != "" && text != "latest" {
			return []pythonWish{d.parsePin(text, tree.Evidence{File: name, Line: p.Line("tools", "python")}, "python.mise")}
		}
	}
	return nil
}

// poetryExact is Poetry's python = "3.12", which means that one version.
func (d *detection) poetryExact() []pythonWish {
	text := manifest.DigString(d.pyproject.Data, "tool", "poetry", "dependencies", "python")
	if !pinPattern.MatchString(text) {
		return nil
	}
	return []pythonWish{d.parsePin(text, tree.Evidence{File: "pyproject.toml", Line: d.pyproject.Line("tool.poetry.dependencies", "python")}, "python.poetry")}
}

func (d *detection) pipenvPython() []pythonWish {
	p, problem := manifest.ReadPyproject(d.tree, "Pipfile")
	if problem != nil || p.File == "" || d.project.Manager != Pipenv {
		return nil
	}
	for _, key := range []string{"python_full_version", "python_version"} {
		if text := manifest.DigString(p.Data, "requires", key); text != "" && text != "*" && !strings.ContainsAny(text, "<>=~!") {
			return []pythonWish{d.parsePin(text, tree.Evidence{File: "Pipfile", Line: p.Line("requires", key)}, "python.pipenv")}
		}
	}
	return nil
}

// runtimeFile is Heroku's older way, and loses to any other.
func (d *detection) runtimeFile(beaten bool) []pythonWish {
	for i, l := range d.tree.Lines("runtime.txt") {
		if l = strings.TrimSpace(l); l == "" || strings.HasPrefix(l, "#") {
			continue
		}
		at := tree.Evidence{File: "runtime.txt", Line: i + 1}
		if beaten {
			d.warn(Problem{Code: "python.runtime_ignored", Message: "runtime.txt asks for " + tree.Clip(l) + " and is not used: another file states the version",
				File: at.File, Line: at.Line, Remedy: "git rm runtime.txt"})
			return nil
		}
		return []pythonWish{d.parsePin(l, at, "python.runtime")}
	}
	return nil
}

// requiredPython is every range that the project states for itself.
func (d *detection) requiredPython() []pythonRange {
	var out []pythonRange
	add := func(text string, at tree.Evidence) {
		if text == "" || text == "*" || pinPattern.MatchString(text) && at.File != "Pipfile" && strings.Contains(at.Text, "poetry") {
			return
		}
		at.Text = text
		set, err := manifest.ParseSpecifiers(text)
		out = append(out, pythonRange{at, set, err})
	}
	if r, ok := d.versionRange(); ok {
		out = append(out, r)
	}
	if d.project.Manager == Pipenv {
		if p, problem := manifest.ReadPyproject(d.tree, "Pipfile"); problem == nil {
			text := cmp.Or(manifest.DigString(p.Data, "requires", "python_full_version"), manifest.DigString(p.Data, "requires", "python_version"))
			add(text, tree.Evidence{File: "Pipfile", Line: p.Line("requires", "python")})
		}
	}
	add(manifest.DigString(d.pyproject.Data, "project", "requires-python"), tree.Evidence{File: "pyproject.toml", Line: d.pyproject.Line("project", "requires-python")})
	add(manifest.DigString(d.pyproject.Data, "tool", "poetry", "dependencies", "python"),
		tree.Evidence{File: "pyproject.toml", Line: d.pyproject.Line("tool.poetry.dependencies", "python"), Text: "poetry"})
	if len(out) == 0 {
		if s := manifest.ReadSetup(d.tree); s.RequiresPython != "" {
			add(s.RequiresPython, tree.Evidence{File: s.File, Line: s.RequiresLine})
		}
	}
	if len(out) == 0 && d.project.Lock != nil && d.project.Manager == PyLock {
		text, _ := d.tree.ReadLock("pylock.toml")
		if data, _, err := manifest.ParseTOML(text); err == nil {
			add(manifest.DigString(data, "requires-python"), tree.Evidence{File: "pylock.toml", Line: 1})
		}
	}
	return out
}

// uvLockPython is the version that uv wrote into the lock of a project that
// states none: with another interpreter it would call that lock stale.
func (d *detection) uvLockPython() []pythonWish {
	own := lock.UVOwnPython(d.lockData)
	if d.project.Manager != UV || d.project.Lock == nil || own == "" || manifest.DigString(d.pyproject.Data, "project", "requires-python") != "" {
		return nil
	}
	return []pythonWish{d.parsePin(own, tree.Evidence{File: d.tree.Relative(d.project.Lock.File), Line: lineWith(d.tree.Lines(d.tree.Relative(d.project.Lock.File)), "requires-python")}, "python.uv_lock")}
}

func lineWith(lines []string, text string) int {
	for i, l := range lines {
		if strings.Contains(l, text) {
			return i + 1
		}
	}
	return 1
}
