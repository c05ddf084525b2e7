package python

import (
	"regexp"
	"strings"
)

// setupDeclarations is what setup.py and setup.cfg state in a form that can
// be read without running them.
type setupDeclarations struct {
	file           string
	production     []Dependency
	extras         map[string][]Dependency
	requiresPython string
	requiresLine   int
}

var (
	setupList     = regexp.MustCompile(`(?s)install_requires\s*=\s*\[(.*?)\]`)
	setupExtras   = regexp.MustCompile(`(?s)extras_require\s*=\s*\{(.*?)\}`)
	setupExtra    = regexp.MustCompile(`(?s)["']([A-Za-z0-9._-]+)["']\s*:\s*\[(.*?)\]`)
	setupPython   = regexp.MustCompile(`(?m)python_requires\s*=\s*["']([^"']+)["']\s*(?:[,)#]|$)`)
	quotedText    = regexp.MustCompile(`"([^"\n]+)"|'([^'\n]+)'`)
	setupComments = regexp.MustCompile(`(?m)#.*$`)
)

// readSetup reads literal lists only; a computed one stays unknown.
func readSetup(t tree) setupDeclarations {
	s := setupDeclarations{extras: map[string][]Dependency{}}
	if text, ok := t.read("setup.cfg"); ok {
		s.readCfg(text)
	}
	text, ok := t.read("setup.py")
	if !ok {
		return s
	}
	if s.file == "" {
		s.file = "setup.py"
	}
	text = setupComments.ReplaceAllString(text, "")
	if m := setupList.FindStringSubmatchIndex(text); m != nil {
		for _, q := range quotedText.FindAllStringSubmatchIndex(text[m[2]:m[3]], -1) {
			item := strings.Trim(text[m[2]+q[0]:m[2]+q[1]], `"'`)
			s.add(item, Evidence{File: "setup.py", Line: lineAt(text, m[2]+q[0]), Text: item})
		}
	}
	s.readExtras(text)
	if m := setupPython.FindStringSubmatchIndex(text); m != nil && s.requiresPython == "" {
		s.file, s.requiresPython, s.requiresLine = "setup.py", text[m[2]:m[3]], lineAt(text, m[0])
	}
	return s
}

// readExtras reads the lists of a literal extras_require.
func (s *setupDeclarations) readExtras(text string) {
	m := setupExtras.FindStringSubmatchIndex(text)
	if m == nil {
		return
	}
	for _, e := range setupExtra.FindAllStringSubmatchIndex(text[m[2]:m[3]], -1) {
		name := normalizeName(text[m[2]+e[2] : m[2]+e[3]])
		from := m[2] + e[4]
		for _, q := range quotedText.FindAllStringIndex(text[from:m[2]+e[5]], -1) {
			item := strings.Trim(text[from+q[0]:from+q[1]], `"'`)
			if dep, ok := parseRequirement(item); ok {
				dep.Evidence = Evidence{File: "setup.py", Line: lineAt(text, from+q[0]), Text: item}
				s.extras[name] = append(s.extras[name], dep)
			}
		}
	}
}

func lineAt(text string, offset int) int { return strings.Count(text[:offset], "\n") + 1 }

func (s *setupDeclarations) add(text string, at Evidence) {
	if dep, ok := parseRequirement(text); ok {
		dep.Evidence = at
		s.production = append(s.production, dep)
	}
}

func (s *setupDeclarations) readCfg(text string) {
	section, key := "", ""
	for i, raw := range strings.Split(text, "\n") {
		line, _ := cutComment(raw)
		indented := raw != "" && (raw[0] == ' ' || raw[0] == '\t')
		value := line
		switch {
		case line == "":
			continue
		case strings.HasPrefix(line, "["):
			section, key = strings.Trim(line, "[]"), ""
			continue
		case !indented:
			name, rest, ok := strings.Cut(line, "=")
			if !ok {
				continue
			}
			key, value = strings.TrimSpace(name), strings.TrimSpace(rest)
		}
		at := Evidence{File: "setup.cfg", Line: i + 1, Text: value}
		switch {
		case value == "":
		case section == "options" && key == "install_requires":
			s.file = "setup.cfg"
			for _, item := range strings.Split(value, "\n") {
				s.add(item, at)
			}
		case section == "options" && key == "python_requires":
			s.file, s.requiresPython, s.requiresLine = "setup.cfg", value, i+1
		case section == "options.extras_require":
			if dep, ok := parseRequirement(value); ok {
				dep.Evidence = at
				s.extras[normalizeName(key)] = append(s.extras[normalizeName(key)], dep)
			}
		}
	}
}
