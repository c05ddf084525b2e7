package python

import (
	"fmt"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/python/lock"
	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/tree"
)

// Pin is one version that a project holds a package to.
type Pin struct{ Name, Version string }

// PinFacts is what a package index tells of a pin.
type PinFacts struct {
	Pin
	RequiresPython string    // "" for any
	Wheels         []string  // file names
	Uploaded       time.Time // its first file; zero when the index doesn't say
	Superseded     bool      // there is a newer version
}

// releasedOn is when each Python came out, from https://peps.python.org/.
var releasedOn = []struct {
	minor int
	day   string
}{
	{6, "2016-12-23"}, {7, "2018-06-27"}, {8, "2019-10-14"}, {9, "2020-10-05"}, {10, "2021-10-04"}, {11, "2022-10-24"}, {12, "2023-10-02"}, {13, "2024-10-07"}, {14, "2025-10-07"},
}

// newestMinor bounds the Pythons that are thought of.
const newestMinor = 30

// afterwards is how long after a Python has come out pins may be of the time before.
const afterwards = 90 * 24 * time.Hour

// AskedPins are the pins of which an index could tell what Python they need: those
// of a project that leaves the choice open, and whose lock doesn't say it.
func (p *Project) AskedPins() []Pin { return p.asked }

// askPins settles AskedPins.
func (d *detection) askPins() {
	if len(d.options) > 0 {
		return // they come from another index than the machine's
	}
	for _, p := range d.locked {
		if len(p.Wheels) > 0 || p.Sdist {
			return
		}
		if p.Version != "" && p.Source == "" && (d.production == nil || d.production[p.Name]) && everywhere(p.Marker) {
			d.project.asked = append(d.project.asked, Pin{p.Name, p.Version})
		}
	}
	for _, dep := range d.deps.Production {
		if v, ok := dep.Pinned(); ok && dep.URL == "" && everywhere(dep.Marker) && len(d.locked) == 0 {
			d.project.asked = append(d.project.asked, Pin{dep.Name, v})
		}
	}
}

// everywhere says that a marker holds on every machine and Python that there may be:
// Pipenv notes the oldest Python with most packages.
func everywhere(marker string) bool {
	return marker == "" || strings.Contains(marker, "python_version") && !strings.ContainsAny(marker, "<") && !strings.Contains(marker, "==") &&
		!strings.Contains(marker, "platform") && !strings.Contains(marker, "os_name") && !strings.Contains(marker, "extra") && !strings.Contains(marker, "implementation")
}

// indexLimits are what the index says of the pins against newer Pythons.
func (d *detection) indexLimits() []pythonLimit {
	var out []pythonLimit
	proven := 0 // the newest that some compiled pin has a wheel for
	for _, f := range d.opts.Pins {
		at := d.pinEvidence(f.Name)
		newest := newestMinor
		for newest > 0 && len(f.Wheels) > 0 && len(lock.WithoutWheel([]lock.Package{{Name: f.Name, Wheels: f.Wheels}}, newest)) > 0 {
			newest--
		}
		if newest > 0 && newest < newestMinor {
			proven = max(proven, newest)
			out = append(out, pythonLimit{newest, fmt.Sprintf("%s %s has no wheel for Python 3.%d", f.Name, f.Version, newest+1), "ask for a newer " + f.Name + " in " + at.Where(), at})
		}
		set, err := manifest.ParseSpecifiers(f.RequiresPython)
		if err != nil {
			continue
		}
		newest = newestMinor
		for newest > 0 && !admitsMinor(set, newest) {
			newest--
		}
		if newest > 0 && newest < newestMinor {
			out = append(out, pythonLimit{newest, fmt.Sprintf("%s %s requires Python %s", f.Name, f.Version, f.RequiresPython), "ask for a newer " + f.Name + " in " + at.Where(), at})
		}
	}
	if age, ok := d.ageLimit(proven); ok {
		out = append(out, age)
	}
	return out
}

// ageLimit is the Python that was the newest when the pins were made: nobody has
// tried them with another. Pins that nothing newer came after have no age.
func (d *detection) ageLimit(proven int) (pythonLimit, bool) {
	var made PinFacts
	superseded := 0
	for _, f := range d.opts.Pins {
		if f.Superseded {
			superseded++
		}
		if f.Uploaded.After(made.Uploaded) {
			made = f
		}
	}
	if made.Uploaded.IsZero() || superseded*2 < len(d.opts.Pins) || len(d.opts.Pins)*2 < len(d.deps.Production) {
		return pythonLimit{}, false
	}
	newest := max(newestBy(made.Uploaded), oldestFetched) // pins of before run there as well
	if newest == releasedOn[len(releasedOn)-1].minor {
		return pythonLimit{}, false
	}
	at := d.pinEvidence(made.Name)
	return pythonLimit{max(newest, proven), fmt.Sprintf("the newest of its pins, %s %s, is of %s", made.Name, made.Version, made.Uploaded.Format("January 2006")), "pin newer versions in " + at.Where(), at}, true
}

// tooOld says that some pin needs a newer Python than 3.minor.
func (d *detection) tooOld(minor int) bool {
	for _, f := range d.opts.Pins {
		set, err := manifest.ParseSpecifiers(f.RequiresPython)
		if err != nil || admitsMinor(set, minor) {
			continue
		}
		for newer := minor + 1; newer <= newestMinor; newer++ {
			if admitsMinor(set, newer) {
				return true
			}
		}
	}
	return false
}

// admitsMinor says that some release of 3.minor is in the set.
func admitsMinor(set manifest.Specifiers, minor int) bool {
	return pythonWish{version: manifest.Version{Release: []int{3, minor}, Post: -1, Dev: -1}}.satisfies(set)
}

func (d *detection) pinEvidence(name string) tree.Evidence {
	if dep, ok := d.deps.Get(name); ok {
		return dep.Evidence
	}
	file := strings.TrimSpace(d.firstManifest())
	if d.project.Lock != nil {
		file = d.tree.Relative(d.project.Lock.File)
	}
	return tree.Evidence{File: file, Line: 1}
}
