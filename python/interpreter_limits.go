package python

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/tree"
)

// pythonLimit says that nothing newer than 3.newest will do.
type pythonLimit struct {
	newest int
	why    string // "numpy 1.21.2 has no wheel for anything newer"
	remedy string
	tree.Evidence
}

// firstWheels are the first versions of packages with a Linux wheel for
// CPython 3.11, 3.12 and 3.13. They are compiled, and an older version seldom
// builds where it has no wheel.
var firstWheels = map[string][3]string{
	"numpy": {"1.23.2", "1.26.0", "2.1.0"}, "pandas": {"1.5.0", "2.1.1", "2.2.3"}, "psycopg2-binary": {"2.9.5", "2.9.9", "2.9.10"},
	"psycopg-binary": {"3.1.4", "3.1.12", "3.2.2"}, "lxml": {"4.9.1", "4.9.3", "5.3.0"}, "pillow": {"9.2.0", "10.0.0", "10.4.0"},
	"greenlet": {"1.1.3", "3.0.0", "3.1.0"}, "gevent": {"22.10.1", "23.7.0", "24.10.1"}, "grpcio": {"1.49.1", "1.59.0", "1.66.2"},
	"pyyaml": {"6.0", "6.0.1", "6.0.2"}, "scikit-learn": {"1.1.3", "1.3.1", "1.5.2"}, "scipy": {"1.9.2", "1.11.2", "1.14.1"},
	"uvloop": {"0.17.0", "0.18.0", "0.21.0"}, "httptools": {"0.5.0", "0.6.1", "0.6.2"}, "asyncpg": {"0.27.0", "0.29.0", "0.30.0"},
	"orjson": {"3.7.7", "3.9.3", "3.10.7"}, "matplotlib": {"3.6.0", "3.7.3", "3.9.2"}, "pyarrow": {"10.0.1", "14.0.0", "18.0.0"},
	"hiredis": {"2.1.0", "2.3.2", "3.1.0"}, "regex": {"2022.9.11", "2023.10.3", "2024.9.11"}, "shapely": {"1.8.5", "2.0.2", "2.0.6"},
	"cffi": {"1.15.1", "1.16.0", "1.17.0"}, "msgpack": {"1.0.5", "1.0.6", "1.1.0"},
}

// importLimits are versions below which a package can't be imported by newer
// Pythons, the lowest first: mostly for a module of the standard library that they
// no longer have.
var importLimits = map[string][]struct {
	below  string
	newest int
	does   string
}{
	"django": {
		{"1.11", 7, "makes classes in a way that Python 3.8 no longer takes"}, {"1.11.17", 6, "has syntax that Python 3.7 no longer takes"},
		{"3.2", 11, "imports distutils, which Python 3.12 no longer has"}, {"4.0", 12, "imports cgi, which Python 3.13 no longer has"},
	},
}

// removedModules left the standard library with CPython 3.N. Another
// distribution may bring one back.
var removedModules = map[string]struct {
	gone int
	back []string
}{
	"asynchat": {12, []string{"pyasynchat"}}, "asyncore": {12, []string{"pyasyncore"}}, "imp": {12, nil}, "smtpd": {12, nil}, "distutils": {12, []string{"setuptools"}},
	"aifc": {13, []string{"standard-aifc"}}, "audioop": {13, []string{"audioop-lts"}}, "cgi": {13, []string{"legacy-cgi"}}, "cgitb": {13, []string{"legacy-cgi", "standard-cgitb"}},
	"chunk": {13, []string{"standard-chunk"}}, "crypt": {13, []string{"legacy-crypt", "standard-crypt"}}, "imghdr": {13, []string{"standard-imghdr"}}, "mailcap": {13, []string{"standard-mailcap"}},
	"nntplib": {13, []string{"standard-nntplib"}}, "pipes": {13, []string{"standard-pipes"}}, "sndhdr": {13, []string{"standard-sndhdr"}}, "spwd": {13, nil},
	"sunau": {13, []string{"standard-sunau"}}, "telnetlib": {13, []string{"standard-telnetlib"}}, "uu": {13, []string{"standard-uu"}}, "xdrlib": {13, []string{"standard-xdrlib"}}, "lib2to3": {13, nil},
}

// pythonLimits are what the project's pins and its own source say against
// newer Pythons. Locks with wheels speak for themselves.
func (d *detection) pythonLimits() []pythonLimit {
	var out []pythonLimit
	if len(d.opts.Pins) > 0 {
		out = d.indexLimits() // instead of what is known of some packages' wheels
	}
	for _, dep := range d.deps.Production {
		text, pinned := dep.Pinned()
		if !pinned || len(d.locked) > 0 {
			continue
		}
		if len(d.opts.Pins) == 0 {
			out = append(out, wheelLimit(dep, text)...)
		}
		out = append(out, importLimit(dep, text)...)
	}
	if dated, ok := d.dateLimit(); ok {
		out = append(out, dated)
	}
	if d.opts.Newest > 0 {
		out = append(out, pythonLimit{newest: d.opts.Newest, why: d.opts.NewestWhy, remedy: "use newer versions of what asks for it"})
	}
	files := d.sources()
	for _, f := range files[:min(len(files), maxStarted)] {
		for _, imported := range d.startImports(f) {
			head, _, _ := strings.Cut(imported.name, ".")
			gone, removed := removedModules[head]
			if _, _, own := d.locate(f, head); !removed || own || d.installsAny(gone.back) {
				continue
			}
			remedy := "import something else in " + f
			if len(gone.back) > 0 {
				remedy = "add " + gone.back[0] + " to the dependencies"
			}
			out = append(out, pythonLimit{gone.gone - 1, fmt.Sprintf("%s imports %s, which Python 3.%d no longer has", f, head, gone.gone), remedy, imported.Evidence})
		}
	}
	return out
}

func (d *detection) installsAny(names []string) bool {
	for _, n := range names {
		if d.installs(n) {
			return true
		}
	}
	return false
}

func wheelLimit(dep manifest.Dependency, text string) []pythonLimit {
	for i, first := range firstWheels[dep.Name] {
		if earlier(text, first) {
			return []pythonLimit{{10 + i, dep.Name + " " + text + " has no wheel for Python 3." + strconv.Itoa(11+i), "ask for " + dep.Name + " " + first + " or newer in " + dep.File, dep.Evidence}}
		}
	}
	return nil
}

func importLimit(dep manifest.Dependency, text string) []pythonLimit {
	for _, l := range importLimits[dep.Name] {
		if earlier(text, l.below) {
			return []pythonLimit{{l.newest, dep.Name + " " + text + " " + l.does, "ask for " + dep.Name + " " + l.below + " or newer in " + dep.File, dep.Evidence}}
		}
	}
	return nil
}

// earlier compares two versions; what is none is no earlier one.
func earlier(a, b string) bool {
	v, ok := manifest.ParseVersion(a)
	w, known := manifest.ParseVersion(b)
	return ok && known && v.Compare(w) < 0
}

// strictest is the limit that allows the oldest Python only.
func strictest(limits []pythonLimit) (pythonLimit, bool) {
	if len(limits) == 0 {
		return pythonLimit{}, false
	}
	lowest := limits[0]
	for _, l := range limits[1:] {
		if l.newest < lowest.newest {
			lowest = l
		}
	}
	return lowest, true
}

// within leaves out the interpreters that are too new for the project. When
// none is left, all are given back and the matter is reported.
func (d *detection) within(list []installed) (fit []installed, limit pythonLimit, limited bool) {
	limit, ok := strictest(d.pythonLimits())
	list = d.newEnough(list)
	if !ok {
		return list, limit, false
	}
	for _, i := range list {
		if i.version.At(1) <= limit.newest {
			fit = append(fit, i)
		}
	}
	if len(fit) > 0 {
		return fit, limit, len(fit) < len(list)
	}
	if limit.newest < oldestFetched || !d.fetch("3."+strconv.Itoa(limit.newest), limit.Evidence) {
		d.tooNew(limit, "installed here: "+d.installedList())
	}
	nearest := list[len(list)-1].version.Minor()
	for _, i := range list {
		if i.version.Minor() == nearest {
			fit = append(fit, i)
		}
	}
	return fit, limit, false
}

// newEnough leaves out the interpreters that some pin no longer runs on, unless that
// would be all.
func (d *detection) newEnough(list []installed) (fit []installed) {
	for _, i := range list {
		if !d.tooOld(i.version.At(1)) {
			fit = append(fit, i)
		}
	}
	if len(fit) == 0 {
		return list
	}
	return fit
}

// tooNew warns of a Python that is newer than the project can use.
func (d *detection) tooNew(limit pythonLimit, chosen string) {
	d.warn(Problem{Code: "python.too_new", Message: fmt.Sprintf("this needs Python 3.%d or older: %s; %s", limit.newest, limit.why, chosen),
		File: limit.File, Line: limit.Line, Remedy: limit.remedy + ", or have Python 3." + strconv.Itoa(limit.newest) + " installed"})
}

// pastLife warns that an interpreter gets no more security fixes.
func (d *detection) pastLife(i installed, at tree.Evidence) {
	day, over := pastEnd(i.version.Minor(), d.opts.Today)
	if !over {
		return
	}
	p := Problem{Code: "python.end_of_life", Message: fmt.Sprintf("Python %s has had no security fixes since %s; installed here: %s", i.version.Minor(), day, d.installedList()),
		File: at.File, Line: at.Line, Remedy: "ask for a newer one in " + cmp.Or(at.Where(), ".python-version")}
	if d.config != nil && d.config.Strict {
		p.Message += "; strict: true in slipway.yaml refuses it"
		d.problem(p)
		return
	}
	d.warn(p)
}

// withOlder adds the Pythons past their end of life when no living one is old
// enough for the project.
func (d *detection) withOlder(living, all []installed) []installed {
	limit, ok := strictest(d.pythonLimits())
	if !ok {
		return living
	}
	for _, i := range living {
		if i.version.At(1) <= limit.newest {
			return living
		}
	}
	for _, i := range all {
		if i.version.At(0) == 3 && i.version.At(1) <= limit.newest && !d.tooOld(i.version.At(1)) {
			return append(append([]installed{}, living...), i) // the newest of them
		}
	}
	return living
}
