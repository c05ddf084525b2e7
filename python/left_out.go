package python

import (
	"maps"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/python/manifest"
)

// standardOnIndex are modules of every Python 3 whose names manifests ask the index for
// all the same: what is there under such a name is of Python 2, for nobody, or nothing,
// and is never imported where Python has its own, which comes first. Names that mean
// something else there (datetime), are of some Python 3 only (dataclasses), or bring
// something beside it (configparser, backports.configparser), are not among them.
var standardOnIndex = func() map[string]bool {
	names := map[string]bool{}
	for _, n := range strings.Fields(`
	abc argparse ast asyncio base64 bisect builtins calendar cmath codecs collections colorsys concurrent contextlib copy csv ctypes
	decimal difflib email enum errno fnmatch fractions ftplib functools gc getopt getpass gettext glob gzip hashlib heapq hmac html http imaplib
	importlib inspect io ipaddress itertools json keyword linecache locale logging lzma math mimetypes multiprocessing numbers operator optparse
	os pathlib pickle pkgutil platform poplib pprint queue random re sched secrets selectors shelve shlex shutil signal smtplib
	socket socketserver sqlite3 ssl stat statistics string struct subprocess sys sysconfig tarfile tempfile textwrap threading time timeit
	tkinter traceback types typing unicodedata unittest urllib uuid venv warnings weakref webbrowser wsgiref xml xmlrpc zipfile zipimport zlib
	`) {
		names[n] = true
	}
	return names
}()

// ofPythonTwo are distributions that bring to Python 2 what Python 3 has, and that the
// index gives to no other; and a name that Debian's pip writes for its own setuptools.
var ofPythonTwo = map[string]string{
	"futures": "concurrent.futures, which is part of Python", "functools32": "functools, which is part of Python", "pkg-resources": "pkg_resources, which comes with setuptools",
}

// leaveOut has what Python brings itself not be installed.
func (d *detection) leaveOut() {
	in, t := &d.project.Install, &d.project.Test
	if in.RequireHashes && (d.project.Manager == Pip || d.project.Manager == PipTools) {
		return // a file whose hashes count is installed whole, or not
	}
	look := func(list []manifest.Dependency, out *[]string) {
		for _, dep := range list {
			what := ofPythonTwo[dep.Name]
			if standardOnIndex[dep.Name] {
				what = "part of Python"
			}
			if what == "" || dep.URL != "" || slices.Contains(in.Without, dep.Name) || slices.Contains(t.Without, dep.Name) {
				continue
			}
			*out = append(*out, dep.Name)
			d.warn(Problem{Code: "requirements.standard", Message: dep.Name + " is " + what + ", and nothing that the index has under that name is for Python 3: it is left out",
				File: dep.File, Line: dep.Line, Remedy: "delete it there"})
		}
	}
	look(d.deps.Production, &in.Without)
	for _, sets := range []map[string][]manifest.Dependency{d.deps.Groups, d.deps.Extras, d.deps.Files} {
		for _, name := range slices.Sorted(maps.Keys(sets)) {
			look(sets[name], &t.Without)
		}
	}
}
