package python

import (
	"strconv"

	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/tree"
)

// oldestFetched is the oldest Python 3 that is fetched: uv's builds begin there.
const oldestFetched = 8

// fetch has a build fetch a version, where the platform may; false when it may not.
func (d *detection) fetch(version string, at tree.Evidence) bool {
	if !d.opts.Fetch {
		return false
	}
	d.project.Python.Fetch = version
	d.find(Finding{What: "python", Value: version + ", which the build fetches", File: at.File, Line: at.Line, Rule: "python.fetched"})
	return true
}

// fetchWithin fetches the best version that all ranges admit.
func (d *detection) fetchWithin(required []pythonRange) bool {
	wanted := append([]string{}, houseDefaults...)
	for n := releasedOn[len(releasedOn)-1].minor; n >= oldestFetched; n-- {
		wanted = append(wanted, "3."+strconv.Itoa(n))
	}
	for _, minor := range wanted {
		v, _ := manifest.ParseVersion(minor)
		fits := true
		for _, r := range required {
			fits = fits && pythonWish{version: v}.satisfies(r.set)
		}
		if fits {
			return d.fetch(minor, required[0].Evidence)
		}
	}
	return false
}
