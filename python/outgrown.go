package python

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/tree"
)

// outgrown are the words by which a build from source, or an import, fails on a
// Python that is newer than what it was written for: what it asks for, and the
// newest Python that has it (the "Removed" and "Porting" parts of What's New in
// Python 3.N).
var outgrown = []struct {
	pattern *regexp.Regexp
	newest  int
	what    string
}{
	{regexp.MustCompile(`cannot import name '(?:Mapping|MutableMapping|Iterable|Callable|Sequence|Container|Hashable|MutableSet|Iterator|Sized|Set)' from 'collections'|module 'collections' has no attribute`), 9, "classes of collections.abc in collections"},
	{regexp.MustCompile(`module 'fractions' has no attribute 'gcd'|cannot import name 'gcd' from 'fractions'`), 8, "fractions.gcd"},
	{regexp.MustCompile(`module 'time' has no attribute 'clock'`), 7, "time.clock"},
	{regexp.MustCompile(`module 'cgi' has no attribute 'escape'|cannot import name 'escape' from 'cgi'`), 7, "cgi.escape"},
	{regexp.MustCompile(`module 'platform' has no attribute '(?:linux_distribution|dist)'|cannot import name 'linux_distribution' from 'platform'`), 7, "platform.linux_distribution"},
	{regexp.MustCompile(`module 'base64' has no attribute '(?:en|de)codestring'|cannot import name '(?:en|de)codestring' from 'base64'`), 8, "base64.encodestring"},
	{regexp.MustCompile(`type object '_?(?:asyncio\.)?Task' has no attribute '(?:all_tasks|current_task)'`), 8, "asyncio.Task.all_tasks"},
	{regexp.MustCompile(`As of 3\.10, the \*loop\* parameter was removed|(?:Lock|Event|Condition|Semaphore|Queue)\.__init__\(\) got an unexpected keyword argument .loop.`), 9, "the parameter loop of asyncio"},
	{regexp.MustCompile(`translation\(\) got an unexpected keyword argument 'codeset'`), 10, "the parameter codeset of gettext"},
	{regexp.MustCompile(`'(?:not|if|in|is|or|and|from|global|class|import|for|else|with|as|async|await|lambda|return|while|None|True|False)' is not a valid parameter name`), 10, "parameters that are named as keywords"},
	{regexp.MustCompile(`module 'ssl' has no attribute 'wrap_socket'`), 11, "ssl.wrap_socket"},
	{regexp.MustCompile(`_evaluate\(\) missing 1 required keyword-only argument: 'recursive_guard'`), 11, "ForwardRef._evaluate as it was"},
	{regexp.MustCompile(`directly inherits TypingOnly but has additional attributes`), 12, "classes without __static_attributes__"},
	{regexp.MustCompile(`module 'pkgutil' has no attribute '(?:get|find)_loader'`), 13, "pkgutil.get_loader"},
	{regexp.MustCompile(`required field "?type_ignores"? missing from Module`), 7, "modules of ast without type_ignores"},
	{regexp.MustCompile(`__class__ not set defining`), 7, "classes that are made without __classcell__"},
	{regexp.MustCompile(`Generator expression must be parenthesized`), 6, "generators without brackets among arguments"},
	{regexp.MustCompile(`module 'asyncio' has no attribute 'coroutine'|cannot import name 'coroutine' from 'asyncio'`), 10, "asyncio.coroutine"},
	{regexp.MustCompile(`module 'inspect' has no attribute '(?:getargspec|formatargspec)'|cannot import name '(?:getargspec|formatargspec)' from 'inspect'`), 10, "inspect.getargspec"},
	{regexp.MustCompile(`longintrepr\.h: No such file|PyFrameObject[^\n]{0,80} has no member named|no member named .(?:exc_type|use_tracing|recursion_depth|frame).`), 10, "structures of the interpreter"},
	{regexp.MustCompile(`module 'pkgutil' has no attribute 'ImpImporter'`), 11, "pkgutil.ImpImporter"},
	{regexp.MustCompile(`module 'configparser' has no attribute 'SafeConfigParser'|cannot import name 'SafeConfigParser'`), 11, "configparser.SafeConfigParser"},
	{regexp.MustCompile(`no member named .(?:ob_digit|curexc_type|curexc_value)|PyUnicode_(?:AS_UNICODE|GET_SIZE|AsUnicode)|Py_UNICODE_`), 11, "structures of the interpreter"},
	{regexp.MustCompile(`too few arguments to function .{0,3}_PyLong_AsByteArray|_PyInterpreterState_GetConfig|implicit declaration of function .{0,3}_Py(?:Dict_SetItem_KnownHash|Unicode_FastCopyCharacters)`), 12, "functions of the interpreter"},
}

var missingModule = regexp.MustCompile(`No module named '?([A-Za-z_]\w*)`)

// Outgrown reads from what a build or a program printed that it needs an older
// Python than 3.minor: the newest that has what it asks for, and a sentence about it.
func Outgrown(output string, minor int) (newest int, why string, ok bool) {
	newest = minor
	for _, m := range missingModule.FindAllStringSubmatch(output, 20) {
		if gone, removed := removedModules[m[1]]; removed && gone.gone-1 < newest {
			newest, why = gone.gone-1, fmt.Sprintf("%s, which Python 3.%d no longer has", m[1], gone.gone)
		}
	}
	for _, o := range outgrown {
		if o.newest < newest && o.pattern.MatchString(output) {
			newest, why = o.newest, fmt.Sprintf("%s, which Python 3.%d no longer has", o.what, o.newest+1)
		}
	}
	return newest, why, newest < minor
}

// Outgrown is Outgrown for the project's Python, with a sentence.
func (p *Project) Outgrown(output string) (newest int, sentence string, ok bool) {
	v, known := manifest.ParseVersion(p.Python.Version)
	if !known {
		return 0, "", false
	}
	newest, what, ok := Outgrown(output, v.At(1))
	return newest, "something asks for " + what, ok
}

// AtMost says that this is Python 3.minor, or an older one.
func (p Python) AtMost(minor int) bool {
	v, ok := manifest.ParseVersion(p.Version)
	return ok && v.At(0) == 3 && v.At(1) <= minor
}

// KeepSetuptools has a setuptools with pkg_resources installed, for an import that
// failed for want of it. It says false when one is asked for already.
func (p *Project) KeepSetuptools(output string) bool {
	asks := func(text string) bool { return strings.HasPrefix(text, "setuptools") }
	if !strings.Contains(output, "No module named 'pkg_resources") || slices.ContainsFunc(p.Install.Packages, asks) {
		return false
	}
	p.Install.Packages = append(p.Install.Packages, oldSetuptools)
	if !slices.ContainsFunc(p.Test.Packages, asks) {
		p.Test.Packages = append(p.Test.Packages, oldSetuptools)
	}
	return true
}

// NeedsOlder is the sentence that a project needs an older Python, "" when nothing
// in output says so. have are the Pythons to choose from.
func (p *Project) NeedsOlder(output string, have []Interpreter) string {
	v, ok := manifest.ParseVersion(p.Python.Version)
	if !ok {
		return ""
	}
	newest, why, ok := Outgrown(output, v.At(1))
	if !ok {
		return p.tooNew()
	}
	return fmt.Sprintf("this needs Python 3.%d or older: something asks for %s; %s", newest, why, olderRemedy(newest, have))
}

// tooNew is what detection has said of it.
func (p *Project) tooNew() string {
	for _, w := range p.Warnings {
		if w.Code == "python.too_new" {
			return w.Message + "; " + w.Remedy
		}
	}
	return ""
}

func olderRemedy(newest int, have []Interpreter) string {
	best := manifest.Version{}
	for _, i := range have {
		if v, ok := manifest.ParseVersion(i.Version); ok && v.At(0) == 3 && v.At(1) <= newest && (len(best.Release) == 0 || v.Compare(best) > 0) {
			best = v
		}
	}
	if len(best.Release) == 0 {
		return fmt.Sprintf("have Python 3.%d installed, and put 3.%d in .python-version", newest, newest)
	}
	return "put " + best.Minor() + " in .python-version"
}

// pkgResources are the versions below which a package imports pkg_resources when it
// is loaded, which setuptools has only below 82 (seen in their sources).
var pkgResources = map[string]string{
	"gunicorn": "21", "dash": "2.14", "apscheduler": "3.11", "drf-yasg": "1.21.6", "flask-restplus": "99", "djangorestframework-simplejwt": "5.3",
}

// oldSetuptools is what is installed for them.
const oldSetuptools = "setuptools<82"

// keepSetuptools installs a setuptools with pkg_resources beside what imports it,
// where nothing of the project says which one.
func (d *detection) keepSetuptools() {
	if _, stated := d.deps.Has("setuptools"); stated || d.installs("setuptools") || d.project.Manager == NoDeps {
		return
	}
	what, at := "", tree.Evidence{}
	for _, dep := range d.deps.Production {
		if text, pinned := dep.Pinned(); pinned && earlier(text, pkgResources[dep.Name]) {
			what, at = dep.Name+" "+text, dep.Evidence
		}
	}
	for _, p := range d.locked {
		if (d.production == nil || d.production[p.Name]) && earlier(p.Version, pkgResources[p.Name]) {
			what, at = p.Name+" "+p.Version, tree.Evidence{File: d.project.Lock.File, Line: 1}
		}
	}
	for _, f := range d.startedFiles() {
		for _, imported := range d.startImports(f) {
			if head, _, _ := strings.Cut(imported.name, "."); head == "pkg_resources" && what == "" {
				what, at = f, imported.Evidence
			}
		}
	}
	if what == "" {
		return
	}
	d.project.Install.Packages = append(d.project.Install.Packages, oldSetuptools)
	d.project.Test.Packages = append(d.project.Test.Packages, oldSetuptools)
	d.warn(Problem{Code: "setuptools.pkg_resources", Message: what + " imports pkg_resources, which setuptools has no longer since 82; Slipway installs " + oldSetuptools,
		File: at.File, Line: at.Line, Remedy: "use a newer version, or add " + oldSetuptools + " to the dependencies"})
}
