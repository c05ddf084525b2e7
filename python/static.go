package python

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"path"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python/stated"
)

// Static says how the static files of a project are collected: those of Django's
// staticfiles.
type Static struct {
	Settings string             `json:"settings"` // the settings module, "" when slipway.yaml gives it
	Dir      slipway.SourcePath `json:"dir"`      // that manage.py lies in
	// Serves says that the application was seen to serve them itself. One that does
	// so by its middleware tells only when it is asked.
	Serves bool `json:"serves"`
	// Collected says that a build command collects them.
	Collected bool `json:"collected"`
}

// planStatic settles whether there are static files to collect. What they are, and
// who serves them, the settings tell when they are read in the build.
func (d *detection) planStatic() {
	f := d.django()
	if f.manage == "" || d.project.Processes["web"] == "" || f.settings == "" && !d.statedSettings() {
		return
	}
	if d.config != nil && d.config.StaticFiles == stated.StaticByApplication {
		at := d.stated("static_files")
		d.find(Finding{What: "static files", Value: "left to the application", File: at.File, Line: at.Line, Rule: "static." + at.rule})
		return
	}
	s := &Static{Settings: f.settings, Dir: slipway.SourcePath(path.Join(d.tree.Dir, path.Dir(f.manage)))}
	for _, file := range []string{f.wsgi, f.asgi} {
		text, _ := d.tree.Read(file)
		for _, name := range []string{"whitenoise", "servestatic", "dj_static"} {
			s.Serves = s.Serves || file != "" && strings.Contains(text, name)
		}
	}
	if d.config != nil && d.config.Build != nil {
		for _, c := range d.config.Build.Commands {
			s.Collected = s.Collected || strings.Contains(string(c), "collectstatic")
		}
	}
	d.project.Static = s
	d.find(Finding{What: "static files", Value: "collected in the build", File: cmp.Or(f.settingsFile, f.manage), Line: 1, Rule: "static.django"})
}

//go:embed collectstatic.py
var collectStatic string

// CollectStatic is what a builder runs, in the directory of manage.py and with a time
// limit, to have static files collected: `python -c code args...`. place is a directory that
// doesn't exist and may be made; one line of JSON, a StaticResult, is written to
// answer.
func (p *Project) CollectStatic(source, place, answer string) (code string, args []string, ok bool) {
	if p.Static == nil {
		return "", nil, false
	}
	flag := func(b bool) string {
		if b {
			return "1"
		}
		return ""
	}
	return collectStatic, []string{p.Static.Settings, p.Static.Dir.In(source), source, place, flag(p.Static.Serves), flag(p.Static.Collected), answer}, true
}

// StaticResult is what became of collecting static files.
type StaticResult struct {
	URL   string `json:"url"`  // the path below which pages expect them
	Root  string `json:"root"` // where they lie
	Files int    `json:"files"`
	Left  string `json:"left"`  // why nobody has to serve them, "" when the edge has to
	Error string `json:"error"` // why they could not be collected
}

// ReadStaticResult decodes what the script wrote.
func ReadStaticResult(data []byte) (StaticResult, error) {
	var r StaticResult
	err := json.Unmarshal(data, &r)
	return r, err
}

// StaticPath tells whether the edge can serve files below a path: one that isn't all
// of the service.
func StaticPath(url string) bool {
	return len(url) > 2 && strings.HasPrefix(url, "/") && strings.HasSuffix(url, "/") && path.Clean(url)+"/" == url
}
