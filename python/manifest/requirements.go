package manifest

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/python/tree"
)

// maxRequirementFiles bounds how many files one requirements file may include.
const maxRequirementFiles = 100

// Requirement is one line of a requirements file that installs something.
type Requirement struct {
	Dependency
	Editable bool
	Hashes   []string // "sha256:..."
	Via      []string // what pip-compile or uv noted as the reason, if anything
}

// Requirements is a requirements file with everything it includes.
type Requirements struct {
	File         string
	Requirements []Requirement
	Constraints  []Requirement // from -c
	Files        []string      // the closure, in the order read, file itself first
	Includes     []string      // files that file names with -r
	Options      []Option
	Problems     []tree.Problem
	Header       string // the comment lines at the top of file
}

// Option is a line such as --extra-index-url.
type Option struct {
	Name, Value string
	tree.Evidence
}

// ReadRequirements reads a requirements file and what it includes, once each.
// A missing include or a line that cannot be understood becomes a problem. What is
// returned is shared: nobody changes it.
func ReadRequirements(t tree.Tree, file string) Requirements {
	return tree.Once(t, "requirements\x00"+t.Path(".")+"\x00"+file, func() Requirements { // what it says of files is relative to the tree
		r := &requirementReader{tree: t, seen: map[string]bool{}}
		r.set.File = file
		r.read(file, false, tree.Evidence{})
		r.set.Requirements, r.set.Constraints, r.set.Files = slices.Clip(r.set.Requirements), slices.Clip(r.set.Constraints), slices.Clip(r.set.Files)
		return r.set
	})
}

type requirementReader struct {
	tree tree.Tree
	seen map[string]bool
	set  Requirements
}

func (r *requirementReader) read(file string, constraint bool, from tree.Evidence) {
	if r.seen[file] {
		return
	}
	r.seen[file] = true
	text, ok := r.tree.Read(file)
	switch {
	case !ok && from.File == "":
		r.fault("requirements.missing", tree.Evidence{File: file}, "there is no file "+file+" to read, or it is too large", "add "+file+" or correct its name")
		return
	case !ok:
		r.fault("requirements.missing", from, from.File+" includes "+file+", which is not in the repository", "commit "+file+" or delete the line")
		return
	case len(r.set.Files) >= maxRequirementFiles:
		r.fault("requirements.too_many", from, "more than 100 requirements files include each other", "put the requirements in fewer files")
		return
	case strings.ContainsRune(text, 0) || strings.ContainsRune(text, '\uFFFD') && len(text) > 0 && text[0] == 0xff:
		r.fault("requirements.encoding", tree.Evidence{File: file, Line: 1}, file+" is not UTF-8 text", "save "+file+" as UTF-8")
		return
	}
	r.set.Files = append(r.set.Files, file)
	if len(r.set.Files) == 1 {
		r.set.Header = leadingComments(text)
	}
	for _, l := range logicalLines(text) {
		r.line(file, l, constraint)
	}
}

func (r *requirementReader) fault(code string, at tree.Evidence, message, remedy string) {
	r.set.Problems = append(r.set.Problems, tree.Problem{Code: code, Message: message, File: at.File, Line: at.Line, Remedy: remedy})
}

func (r *requirementReader) line(file string, l logicalLine, constraint bool) {
	at := tree.Evidence{File: file, Line: l.number, Text: l.text}
	if l.text == "" {
		if list := r.target(constraint); l.via != "" && len(*list) > 0 {
			last := &(*list)[len(*list)-1]
			if last.File == file {
				last.Via = append(last.Via, l.via)
			}
		}
		return
	}
	if strings.HasPrefix(l.text, "<<<<<<<") || strings.HasPrefix(l.text, ">>>>>>>") || l.text == "=======" {
		r.fault("requirements.conflict", at, file+" holds a merge conflict", "resolve the conflict and commit "+file)
		return
	}
	if strings.HasPrefix(l.text, "-") {
		r.option(at, l, constraint)
		return
	}
	r.add(at, l.text, l.via, false, constraint)
}

func (r *requirementReader) target(constraint bool) *[]Requirement {
	if constraint {
		return &r.set.Constraints
	}
	return &r.set.Requirements
}

func (r *requirementReader) add(at tree.Evidence, text, via string, editable, constraint bool) {
	req, ok := parseRequirementLine(text)
	if !ok {
		r.fault("requirements.syntax", at, at.File+" has a line that is not a requirement: "+tree.Clip(text), "correct the line or make it a comment")
		return
	}
	req.Evidence, req.Editable = at, editable
	if via != "" {
		req.Via = append(req.Via, via)
	}
	list := r.target(constraint)
	*list = append(*list, req)
}

func (r *requirementReader) option(at tree.Evidence, l logicalLine, constraint bool) {
	name, value := splitOption(l.text)
	switch name {
	case "-r", "--requirement":
		target := joinInclude(at.File, value)
		if !constraint && at.File == r.set.File {
			r.set.Includes = append(r.set.Includes, target)
		}
		if IsRemote(value) {
			r.fault("requirements.remote", at, at.File+" includes a file from the network, which can change under a release", "commit that file and include it by name")
			return
		}
		r.read(target, constraint, at)
	case "-c", "--constraint":
		if !IsRemote(value) {
			r.read(joinInclude(at.File, value), true, at)
			return
		}
		r.set.Options = append(r.set.Options, Option{"--constraint", value, at})
	case "-e", "--editable":
		r.add(at, value, l.via, true, constraint)
	case "-i":
		r.set.Options = append(r.set.Options, Option{"--index-url", value, at})
	case "-f":
		r.set.Options = append(r.set.Options, Option{"--find-links", value, at})
	default:
		r.set.Options = append(r.set.Options, Option{name, value, at})
	}
}

func joinInclude(from, name string) string { return path.Join(path.Dir(from), name) }

// IsRemote tells whether a reference has a scheme; file: URLs have one as well.
func IsRemote(s string) bool { return strings.Contains(s, "://") }

// splitOption splits "-rfile", "-r file", "--name=value" and "--name value".
func splitOption(s string) (name, value string) {
	if strings.HasPrefix(s, "--") {
		if i := strings.IndexAny(s, "= \t"); i > 0 {
			return s[:i], unquote(strings.TrimLeft(s[i:], "= \t"))
		}
		return s, ""
	}
	if len(s) < 2 {
		return s, ""
	}
	return s[:2], unquote(strings.TrimLeft(s[2:], "= \t"))
}

func unquote(s string) string {
	s = strings.TrimSpace(s)
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}

// logicalLine is a line with its continuations joined and its comment cut off.
type logicalLine struct {
	number int
	text   string
	via    string // the text of a "# via" comment
}

func logicalLines(text string) []logicalLine {
	var out []logicalLine
	pending, start, inVia := "", 0, false
	for i, raw := range strings.Split(text, "\n") {
		if pending == "" {
			start = i + 1
		}
		body, comment := CutComment(raw)
		if pending == "" && body == "" {
			via, named := strings.CutPrefix(comment, "via")
			inVia = comment != "" && (named || inVia && !strings.Contains(comment, ":"))
			if !named {
				via = comment
			}
			if via = strings.TrimSpace(via); inVia && via != "" {
				out = append(out, logicalLine{number: start, via: via})
			}
			continue
		}
		inVia = false
		if cut, more := strings.CutSuffix(body, `\`); more {
			pending += strings.TrimSpace(cut) + " "
			continue
		}
		l := logicalLine{number: start, text: strings.TrimSpace(pending + body)}
		if via, ok := strings.CutPrefix(comment, "via "); ok {
			l.via = strings.TrimSpace(via)
		}
		pending = ""
		out = append(out, l)
	}
	if s := strings.TrimSpace(pending); s != "" {
		out = append(out, logicalLine{number: start, text: s})
	}
	return out
}

// CutComment splits at a "#" that begins the line or follows white space.
func CutComment(line string) (body, comment string) {
	for i := 0; i < len(line); i++ {
		if line[i] == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			return strings.TrimSpace(line[:i]), strings.TrimSpace(line[i+1:])
		}
	}
	return strings.TrimSpace(line), ""
}

func leadingComments(text string) string {
	var b strings.Builder
	for _, l := range strings.Split(text, "\n") {
		l = strings.TrimSpace(l)
		if l != "" && !strings.HasPrefix(l, "#") {
			break
		}
		b.WriteString(l + "\n")
	}
	return b.String()
}

var (
	hashOption     = regexp.MustCompile(`\s--hash[= ]\s*([A-Za-z0-9]+:[0-9A-Fa-f]+)`)
	lineOption     = regexp.MustCompile(`\s--(config-settings?|global-option|install-option)[= ].*$`)
	requirementRE  = regexp.MustCompile(`^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[([^\]]*)\])?\s*(.*)$`)
	specifierRE    = regexp.MustCompile(`^(===|==|~=|!=|<=|>=|<|>)\s*[A-Za-z0-9.*+!_-]+$`)
	eggFragment    = regexp.MustCompile(`[#&]egg=([A-Za-z0-9._-]+)(?:\[([^\]]*)\])?`)
	repositoryName = regexp.MustCompile(`/([A-Za-z0-9._-]+?)(?:\.git)?(?:@[^/]*)?(?:#.*)?$`)
	wheelName      = regexp.MustCompile(`([A-Za-z0-9._]+)-[0-9][^/-]*(?:-[^/]+)?\.whl`)
)

// parseRequirementLine reads what may stand on a line of a requirements file.
func parseRequirementLine(text string) (Requirement, bool) {
	var req Requirement
	text = " " + text
	for _, m := range hashOption.FindAllStringSubmatch(text, -1) {
		req.Hashes = append(req.Hashes, m[1])
	}
	text = lineOption.ReplaceAllString(hashOption.ReplaceAllString(text, ""), "")
	dep, ok := ParseRequirement(strings.TrimSpace(text))
	req.Dependency = dep
	return req, ok
}

// ParseRequirement reads a PEP 508 requirement, a URL or a path. Markers are
// kept as text.
func ParseRequirement(text string) (Dependency, bool) {
	text = unquote(text)
	dep := Dependency{Evidence: tree.Evidence{Text: text}}
	if text == "" {
		return dep, false
	}
	if isReference(text) {
		dep.URL = text
		if body, marker, ok := strings.Cut(text, " ;"); ok {
			dep.URL, dep.Marker = strings.TrimSpace(body), strings.TrimSpace(marker)
		}
		dep.Name, dep.Extras = nameFromReference(dep.URL)
		return dep, true
	}
	m := requirementRE.FindStringSubmatch(text)
	if m == nil {
		return dep, false
	}
	dep.Name, dep.Extras = Normalize(m[1]), ParseExtras(m[2])
	rest := strings.TrimSpace(m[3])
	if url, ok := strings.CutPrefix(rest, "@"); ok {
		dep.URL = strings.TrimSpace(url)
		if body, marker, ok := strings.Cut(dep.URL, " ;"); ok {
			dep.URL, dep.Marker = strings.TrimSpace(body), strings.TrimSpace(marker)
		}
		return dep, dep.URL != ""
	}
	spec, marker, _ := strings.Cut(rest, ";")
	dep.Marker = strings.TrimSpace(marker)
	spec = strings.TrimSpace(spec)
	spec = strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(spec, "("), ")"))
	var clauses []string
	for _, c := range strings.Split(spec, ",") {
		c = strings.TrimSpace(c)
		if c == "" {
			continue
		}
		if !specifierRE.MatchString(c) {
			return dep, false
		}
		clauses = append(clauses, strings.Join(strings.Fields(c), ""))
	}
	dep.Specifier = strings.Join(clauses, ",")
	return dep, true
}

func isReference(s string) bool {
	head, _, _ := strings.Cut(s, "@")
	if strings.Contains(s, "://") && !strings.Contains(strings.TrimSpace(head), " ") && !nameBeforeAt(head) {
		return true
	}
	return strings.HasPrefix(s, ".") || strings.HasPrefix(s, "/") || strings.HasPrefix(s, "file:") ||
		(strings.HasSuffix(s, ".whl") || strings.HasSuffix(s, ".tar.gz") || strings.HasSuffix(s, ".zip")) && !strings.Contains(s, "@")
}

func nameBeforeAt(head string) bool {
	m := requirementRE.FindStringSubmatch(strings.TrimSpace(head))
	return m != nil && m[3] == ""
}

// ParseExtras reads what stands between brackets: normalised, sorted, each once.
func ParseExtras(s string) []string {
	var out []string
	for _, e := range strings.Split(s, ",") {
		if e = Normalize(e); e != "" {
			out = append(out, e)
		}
	}
	return SortedUnique(out)
}

func nameFromReference(url string) (string, []string) {
	if m := eggFragment.FindStringSubmatch(url); m != nil {
		return Normalize(m[1]), ParseExtras(m[2])
	}
	if m := wheelName.FindStringSubmatch(url); m != nil {
		return Normalize(m[1]), nil
	}
	if strings.Contains(url, "://") {
		if m := repositoryName.FindStringSubmatch(url); m != nil {
			return Normalize(m[1]), nil
		}
	}
	return "", nil
}

// Pinned returns the exact version a requirement is held to.
func (d Dependency) Pinned() (string, bool) {
	v, ok := strings.CutPrefix(d.Specifier, "==")
	v = strings.TrimPrefix(v, "=")
	if !ok || strings.ContainsAny(v, ",*") {
		return "", false
	}
	return v, true
}
