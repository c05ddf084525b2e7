package python

import (
	"io/fs"
	"time"

	"github.com/slipway-dev/slipway/python/lock"
	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/stated"
	"github.com/slipway-dev/slipway/python/tree"
)

// datePackages settles Project.PackagesAsOf, before anything speaks of it: only what no
// lock holds depends on a day, which dropDate looks at when that is known.
func (d *detection) datePackages() {
	said := ""
	if d.config != nil {
		said = d.config.PackagesAsOf
	}
	day := d.opts.Written
	if !d.opts.Today.IsZero() && day.After(d.opts.Today) {
		day = d.opts.Today // a clock was wrong
	}
	if at, err := time.Parse(time.DateOnly, said); err == nil && !d.opts.Today.IsZero() && at.After(d.opts.Today) {
		from := d.stated("packages_as_of")
		d.problem(Problem{Code: "config.value", Key: "packages_as_of", File: from.File, Line: from.Line,
			Message: "packages_as_of: " + said + " hasn't begun (by UTC), so what there is before it isn't known yet",
			Remedy:  "use a day up to " + d.opts.Today.UTC().Format(time.DateOnly) + ", or " + stated.NewestPackages})
	}
	switch {
	case said == stated.NewestPackages || d.tellsUVADay():
	case said != "" && said != stated.CommitPackages:
		d.project.PackagesAsOf = said
	case !day.IsZero():
		d.project.PackagesAsOf = day.UTC().Format(time.DateOnly)
	}
}

// tellsUVADay says that the repository itself tells uv up to when packages count.
func (d *detection) tellsUVADay() bool {
	in := lock.Input{Tree: d.tree, Root: d.pyproject.Data}
	return lock.UVSetting(in, "exclude-newer") != nil
}

// dropDate takes the day back where a lock holds all versions, or there are none.
func (d *detection) dropDate() {
	p := d.project
	if p.PackagesAsOf == "" {
		return
	}
	if p.Lock != nil || p.Install.RequireHashes || p.Manager == NoDeps || p.Manager == "" {
		p.PackagesAsOf = ""
		return
	}
	f := Finding{What: "packages", Value: "of before " + p.PackagesAsOf + ", where no version is stated", Rule: "packages.commit"}
	if d.config != nil && d.config.PackagesAsOf != "" && d.config.PackagesAsOf != stated.CommitPackages {
		at := d.stated("packages_as_of")
		f.Rule, f.File, f.Line = "packages."+at.rule, at.File, at.Line
	}
	d.find(f)
}

// DatedByCommit says that packages are those of the commit's day because nobody has said
// which to take.
func (p *Project) DatedByCommit() bool {
	return p.PackagesAsOf != "" && (p.Config == nil || p.Config.PackagesAsOf == "")
}

// anachronous says that packages of the commit's day would meet a Python that came
// later, as there is none of their days, or another is stated.
func (d *detection) anachronous() bool {
	day, err := time.Parse(time.DateOnly, d.project.PackagesAsOf)
	v, known := manifest.ParseVersion(d.project.Python.Version)
	return err == nil && known && (d.config == nil || d.config.PackagesAsOf == "") && v.At(1) > newestBy(day)
}

// followed says what becomes of versions that nothing holds, as the end of a warning.
func (d *detection) followed() string {
	if d.project.PackagesAsOf == "" {
		return "the next build may install others"
	}
	return "those of before " + d.project.PackagesAsOf + " are installed, without what was mended since"
}

// renewed is how today's versions are had, as the end of the remedy of such a warning.
func (d *detection) renewed() string {
	if d.project.PackagesAsOf == "" {
		return ""
	}
	return "; for today's: " + d.stating("packages_as_of", stated.NewestPackages)
}

// dateLimit is the Python that was the newest on the day of the packages: what was
// written for newer ones came later.
func (d *detection) dateLimit() (pythonLimit, bool) {
	day, err := time.Parse(time.DateOnly, d.project.PackagesAsOf)
	if err != nil {
		return pythonLimit{}, false
	}
	newest := newestBy(day)
	if newest == releasedOn[len(releasedOn)-1].minor {
		return pythonLimit{}, false
	}
	return pythonLimit{newest: newest, why: "its packages are of " + day.Format("January 2006"), remedy: "state versions that a newer Python takes in " + d.firstManifest(),
		Evidence: tree.Evidence{File: d.firstManifest(), Line: 1}}, true
}

// newestBy is the newest Python that people had tried by a day.
func newestBy(day time.Time) int {
	newest := releasedOn[0].minor
	for _, r := range releasedOn {
		if out, err := time.Parse(time.DateOnly, r.day); err == nil && out.Before(day.Add(afterwards)) {
			newest = r.minor
		}
	}
	return newest
}

// Held are the names, normalised, that requirement files hold to one version each, with
// what they include and the constraints.
func Held(fsys fs.FS, files []string) (map[string]bool, error) {
	t, err := tree.Open(fsys, ".")
	if err != nil {
		return nil, err
	}
	held := map[string]bool{}
	for _, f := range files {
		set := manifest.ReadRequirements(t, f)
		for _, r := range append(set.Requirements, set.Constraints...) {
			if _, ok := r.Pinned(); ok {
				held[manifest.Normalize(r.Name)] = true
			}
		}
	}
	return held, t.Failure()
}
