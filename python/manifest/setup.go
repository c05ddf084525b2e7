package manifest

import (
	"regexp"
	"strings"

	"github.com/slipway-dev/slipway/python/tree"
)

// Setup is what setup.py and setup.cfg state in a form that can
// be read without running them.
type Setup struct {
	File           string
	Production     []Dependency
	Extras         map[string][]Dependency
	RequiresPython string
	RequiresLine   int
}

var (
	setupList     = regexp.MustCompile(`(?s)install_requires\s*=\s*\[(.*?)\]`)
	setupExtras   = regexp.MustCompile(`(?s)extras_require\s*=\s*\{(.*?)\}`)
	setupExtra    = regexp.MustCompile(`(?s)["']([A-Za-z0-9._-]+)["']\s*:\s*\[(.*?)\]`)
	setupPython   = regexp.MustCompile(`(?m)python_requires\s*=\s*["']([^"']+)["']\s*(?:[,)#]|$)`)
	quotedText    = regexp.MustCompile(`"([^"\n]+)"|'([^'\n]+)'`)
	setupComments = regexp.MustCompile(`(?m)#.*$`)
)

// ReadSetup reads literal lists only; a computed one stays unknown.
func ReadSetup(t tree.Tree) Setup {
	s := Setup{Extras: map[string][]Dependency{}}
	if text, ok := t.Read("setup.cfg"); ok {
		s.readCfg(text)
	}
	text, ok := t.Read("setup.py")
	if !ok {
		return s
	}
	if s.File == "" {
		s.File = "setup.py"
	}
	text = setupComments.ReplaceAllString(text, "")
	if m := setupList.FindStringSubmatchIndex(text); m != nil {
		for _, q := range quotedText.FindAllStringSubmatchIndex(text[m[2]:m[3]], -1) {
			item := strings.Trim(text[m[2]+q[0]:m[2]+q[1]], `"'`)
			s.add(item, tree.Evidence{File: "setup.py", Line: lineAt(text, m[2]+q[0]), Text: item})
		}
	}
	s.readExtras(text)
	if m := setupPython.FindStringSubmatchIndex(text); m != nil && s.RequiresPython == "" {
		s.File, s.RequiresPython, s.RequiresLine = "setup.py", text[m[2]:m[3]], lineAt(text, m[0])
	}
	return s
}

// readExtras reads the lists of a literal extras_require.
func (s *Setup) readExtras(text string) {
	m := setupExtras.FindStringSubmatchIndex(text)
	if m == nil {
		return
	}
	for _, e := range setupExtra.FindAllStringSubmatchIndex(text[m[2]:m[3]], -1) {
		name := Normalize(text[m[2]+e[2] : m[2]+e[3]])
		from := m[2] + e[4]
		for _, q := range quotedText.FindAllStringIndex(text[from:m[2]+e[5]], -1) {
			item := strings.Trim(text[from+q[0]:from+q[1]], `"'`)
			if dep, ok := ParseRequirement(item); ok {
				dep.Evidence = tree.Evidence{File: "setup.py", Line: lineAt(text, from+q[0]), Text: item}
				s.Extras[name] = append(s.Extras[name], dep)
			}
		}
	}
}

func lineAt(text string, offset int) int { return strings.Count(text[:offset], "\n") + 1 }

func (s *Setup) add(text string, at tree.Evidence) {
	if dep, ok := ParseRequirement(text); ok {
		dep.Evidence = at
		s.Production = append(s.Production, dep)
	}
}

func (s *Setup) readCfg(text string) {
	section, key := "", ""
	for i, raw := range strings.Split(text, "\n") {
		line, _ := CutComment(raw)
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
		at := tree.Evidence{File: "setup.cfg", Line: i + 1, Text: value}
		switch {
		case value == "":
		case section == "options" && key == "install_requires":
			s.File = "setup.cfg"
			for _, item := range strings.Split(value, "\n") {
				s.add(item, at)
			}
		case section == "options" && key == "python_requires":
			s.File, s.RequiresPython, s.RequiresLine = "setup.cfg", value, i+1
		case section == "options.extras_require":
			if dep, ok := ParseRequirement(value); ok {
				dep.Evidence = at
				s.Extras[Normalize(key)] = append(s.Extras[Normalize(key)], dep)
			}
		}
	}
}
