package python

import (
	"path"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/python/tree"
)

// mainPage is the only page of Streamlit that has others: it lies beside a directory
// pages/, or names them itself; "" for none.
func (d *detection) mainPage(files []string) string {
	for _, is := range []func(string) bool{
		func(f string) bool { return d.says(f, "navigation") },
		func(f string) bool { return d.tree.IsDir(path.Join(path.Dir(f), "pages")) },
	} {
		if main := slices.DeleteFunc(slices.Clone(files), func(f string) bool { return !is(f) }); len(main) == 1 {
			return main[0]
		}
	}
	return ""
}

// says tells whether a file calls something by this name.
func (d *detection) says(file, name string) bool {
	m := d.module(file)
	if m == nil {
		return false
	}
	for _, st := range m.All {
		for i, t := range st.Tokens {
			if t.Is(name) && i+1 < len(st.Tokens) && st.Tokens[i+1].Is("(") {
				return true
			}
		}
	}
	return false
}

// pagesOfPanel serves all pages of Panel, each at its own path, as its server does with
// several files: at / it lists them.
func (d *detection) pagesOfPanel(files []string) bool {
	const most = 20
	pages, names := []string{}, map[string]bool{}
	for _, f := range d.notImported(files) {
		name := path.Base(f)
		if !d.says(f, "servable") || strings.ContainsAny(f, " '\"$") {
			continue
		}
		if names[name] {
			return false // they would share a path
		}
		names[name] = true
		pages = append(pages, f)
	}
	if len(pages) < 2 || len(pages) > most {
		return false
	}
	line := d.lineOf(pages[0], "panel")
	d.setFramework(candidate{framework: "panel", file: pages[0], line: line})
	d.addProcess("web", Command(pageCommand("panel", strings.Join(pages, " "))), tree.Evidence{File: pages[0], Line: line}, "web.panel.several", Medium)
	d.warn(Problem{Code: "web.pages", Message: "several files are pages of Panel, and all are served, each at the path of its name: " + tree.ClipList(pages), File: pages[0], Line: line,
		Remedy: "if it is one of them, say which: " + d.stating("processes.web", pageCommand("panel", pages[0]))})
	return true
}
