package python

import (
	"maps"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/tree"
)

// takeExtra has production install the project's own extra that alone brings a
// distribution without which what is served doesn't start. It is false where several do,
// or where the owners say which extras are installed.
func (d *detection) takeExtra(distribution string, at tree.Evidence) bool {
	in := &d.project.Install
	if d.config != nil && d.config.Extras != nil || in.RequireHashes || d.project.Manager == Pipenv || d.project.Manager == PyLock {
		return false
	}
	var with []string
	for _, extra := range slices.Sorted(maps.Keys(d.deps.Extras)) {
		if dep, ok := manifest.FindDependency(d.deps.Extras[extra], distribution); ok {
			if strings.HasPrefix(dep.File, "setup.") && len(in.Requirements)+len(in.Ranges) > 0 || in.Ranges != nil {
				return false // only the project's own build brings it, and that isn't asked for
			}
			with = append(with, extra)
		}
	}
	if len(with) != 1 || slices.Contains(in.Extras, with[0]) {
		return false
	}
	in.Extras = append(in.Extras, with[0])
	d.setProduction()
	d.find(Finding{What: "extra", Value: with[0], File: at.File, Line: at.Line, Rule: "install.extra.imported", Confidence: Medium})
	d.warn(Problem{Code: "install.extra", Message: at.File + " imports " + distribution + ", which only the extra " + with[0] + " of the project brings: it is installed", File: at.File, Line: at.Line,
		Remedy: "say which extras are: " + d.stating("extras", "["+with[0]+"]")})
	return true
}
