package python

import (
	"io/fs"
	"strings"

	"github.com/slipway-dev/slipway/python/syntax"
	"github.com/slipway-dev/slipway/python/tree"
)

// lfsPointer is how a file begins that Git LFS keeps elsewhere.
const lfsPointer = "version https://git-lfs.github.com/spec/"

const (
	// maxPointers bounds how many files are looked at for pointers of Git LFS.
	maxPointers = 20000
	// A pointer has two lines after the first, an object's id and a size, and
	// seldom extensions; the specification keeps it below 1024 bytes.
	smallestPointer, largestPointer = 60, 1024
)

// refuseSpellings reports what no tool could read: files of Git LFS that were
// not fetched, files of other platforms that are broken, Python 2.
func (d *detection) refuseSpellings() {
	d.refusePointers()
	for _, f := range []string{"app.json", "railway.json", "railpack.json", "zbpack.json"} {
		if text, ok := d.tree.Read(f); ok && d.json(f) == nil && strings.TrimSpace(text) != "" {
			d.warn(Problem{Code: "suggestion.unreadable", Message: f + " is not valid JSON, and nothing in it is used", File: f, Remedy: "correct " + f + " or delete it"})
		}
	}
	for i, l := range d.tree.Lines("setup.cfg") {
		if l = strings.TrimSpace(l); l == "" || strings.HasPrefix(l, "#") || strings.HasPrefix(l, ";") {
			continue
		}
		if !strings.HasPrefix(l, "[") && d.usesSetup() {
			d.problem(Problem{Code: "setup.syntax", Message: "setup.cfg has a line before its first [section]: " + tree.Clip(l), File: "setup.cfg", Line: i + 1, Remedy: "write [metadata] above it, or delete the line"})
		}
		break
	}
	d.refuseOldPython()
}

func (d *detection) usesSetup() bool {
	return d.manifests.setup != "" || d.pyproject.Has("build-system") && d.project.Install.Project
}

// refusePointers looks for what Git LFS puts in the place of files, whatever
// .gitattributes says today: it may lie anywhere above them, or be gone.
func (d *detection) refusePointers() {
	var found []string
	looked := 0
	_ = fs.WalkDir(d.tree.Fsys, d.tree.Dir, func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil
		case e.IsDir() && tree.SkippedDirs[e.Name()]:
			return fs.SkipDir
		case looked >= maxPointers || len(found) > 20:
			return fs.SkipAll
		case e.IsDir():
			return nil
		}
		looked++
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && info.Size() >= smallestPointer && info.Size() <= largestPointer {
			if data, err := fs.ReadFile(d.tree.Fsys, name); err == nil && strings.HasPrefix(string(data), lfsPointer) {
				found = append(found, d.tree.Relative(name))
			}
		}
		return nil
	})
	if len(found) > 0 {
		d.problem(Problem{Code: "source.lfs", Message: "Git LFS keeps " + tree.ClipList(found) + ", and the repository holds only a pointer to it",
			File: found[0], Line: 1, Remedy: "commit the file itself: git lfs migrate export --include=\"" + found[0] + "\" --everything"})
	}
}

// refuseOldPython says so when what starts is written for Python 2.
func (d *detection) refuseOldPython() {
	files := d.startedFiles()
	if len(files) == 0 {
		files = d.sources()
		files = files[:min(len(files), 20)]
	}
	for _, f := range files {
		m := d.module(f)
		if m == nil {
			continue
		}
		for _, st := range m.All {
			if what := oldSyntax(st); what != "" {
				d.problem(Problem{Code: "python.two", Message: f + " is written for Python 2: " + what, File: f, Line: st.Line, Remedy: "rewrite that line of " + f + " for Python 3; 2to3 shows how"})
				return
			}
		}
	}
}

// boundNames are what people call an exception that they catch.
var boundNames = map[string]bool{"e": true, "ex": true, "exc": true, "err": true, "error": true, "exception": true}

// oldSyntax names what only Python 2 can read.
func oldSyntax(st syntax.Statement) string {
	t := st.Tokens
	switch {
	case len(t) > 1 && t[0].Is("print") && (t[1].Kind == syntax.TokenString || t[1].Kind == syntax.TokenName && !t[1].Is("if") && !t[1].Is("in") && !t[1].Is("is") && !t[1].Is("and") && !t[1].Is("or") && !t[1].Is("not")):
		return "a print statement"
	case len(t) == 5 && t[0].Is("except") && t[1].Kind == syntax.TokenName && t[2].Is(",") && boundNames[t[3].Text] && t[4].Is(":"): // of two classes it is Python 3.14
		return "except with a comma"
	case len(t) > 3 && t[0].Is("raise") && t[1].Kind == syntax.TokenName && t[2].Is(",") && t[3].Kind == syntax.TokenString:
		return "raise with a comma"
	case len(t) > 1 && t[0].Is("exec") && t[1].Kind == syntax.TokenString:
		return "an exec statement"
	}
	return ""
}
