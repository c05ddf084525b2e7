package python

import (
	"strings"
	"testing"
	"testing/fstest"
)

const (
	uvManifest = `[project]
name = "shop"
version = "1.0.0"
requires-python = ">=3.11"
dependencies = ["alpha>=1,<3", "beta>=1"]

[project.optional-dependencies]
html = ["gamma>=1"]

[dependency-groups]
dev = ["delta>=1"]

[tool.uv]
# settings

[[tool.uv.index]]
name = "local"
url = "https://packages.example/simple"
default = true
`
	uvLock = `version = 1
revision = 5
requires-python = ">=3.11"
# options

[[package]]
name = "alpha"
version = "2.0.1"
source = { registry = "https://packages.example/simple" }
wheels = [{ url = "https://packages.example/files/alpha-2.0.1-py3-none-any.whl", hash = "sha256:00" }]

[[package]]
name = "shop"
version = "1.0.0"
source = { virtual = "." }
dependencies = [{ name = "alpha" }, { name = "beta" }]

[package.metadata]
requires-dist = [
    { name = "alpha", specifier = ">=1,<3" },
    { name = "beta", specifier = ">=1" },
    { name = "gamma", marker = "extra == 'html'", specifier = ">=1" },
]
provides-extras = ["html"]

[package.metadata.requires-dev]
dev = [{ name = "delta", specifier = ">=1" }]
`
)

// TestWhatMakesAUvLockStale holds the answers that uv 0.13.9 gave to the same
// changes; TestLongLockFreshness asks it again.
func TestWhatMakesAUvLockStale(t *testing.T) {
	for _, c := range []struct {
		name, old, new string // in the manifest; a name that begins with "lock:" changes the lock
		says           string // part of the reason, "" for fresh
	}{
		{"nothing", "# settings", "# more", ""},
		{"a longer bound", `>=3.11"`, `>=3.11.0"`, ""},
		{"something left out in between", `>=3.11"`, `>=3.11,!=3.11.3"`, ""},
		{"another end", `>=3.11"`, `>=3.11,<4"`, "the lock has requires-python >=3.11, the project asks for >=3.11,<4"},
		{"no requires-python", "requires-python = \">=3.11\"\n", "", ""},
		{"another spelling", `"alpha>=1,<3"`, `"Alpha >=1.0, <3.0"`, ""},
		{"another order", `"alpha>=1,<3", "beta>=1"`, `"beta>=1", "alpha<3,>=1"`, ""},
		{"a compatible release", `"alpha>=1,<3"`, `"alpha~=1.0"`, "the lock has alpha>=1,<3, the project asks for alpha~=1.0"},
		{"a marker that always holds", `"beta>=1"`, `"beta>=1; python_version >= '3.8'"`, ""},
		{"a marker", `"beta>=1"`, `"beta>=1; sys_platform == 'linux'"`, "without a marker"},
		{"its version", `version = "1.0.0"`, `version = "1.0.1"`, "the lock has shop 1.0.0, the project asks for shop 1.0.1"},
		{"its version's spelling", `version = "1.0.0"`, `version = "1.0"`, ""},
		{"its name", `name = "shop"`, `name = "store"`, "the lock has the project shop, the project asks for store"},
		{"its name's case", `name = "shop"`, `name = "Shop"`, ""},
		{"one more", `"beta>=1"`, `"beta>=1", "delta"`, "the lock has no delta"},
		{"one less", `, "beta>=1"`, ``, "the project asks for no beta"},
		{"an extra's name", "html =", "page =", "html"},
		{"an empty extra", "html =", "none = []\nhtml =", "extras: html"},
		{"a group's bound", `"delta>=1"`, `"delta>=1.1"`, "in group dev"},
		{"an empty group", "dev =", "lint = []\ndev =", "dependency groups: dev"},
		{"scripts", "[dependency-groups]", "[project.scripts]\nx = \"x:y\"\n\n[dependency-groups]", ""},
		{"a build system", "[dependency-groups]", "[build-system]\nrequires = [\"setuptools\"]\n\n[dependency-groups]", "no package"},
		{"a constraint", "# settings", `constraint-dependencies = ["alpha<2"]`, "(constraint-dependencies)"},
		{"an override", "# settings", `override-dependencies = ["delta==1.0"]`, "(override-dependencies)"},
		{"a build constraint", "# settings", `build-constraint-dependencies = ["setuptools<90"]`, "(build-constraint-dependencies)"},
		{"an exclusion", "# settings", `exclude-dependencies = ["delta"]`, "exclude-dependencies"},
		{"the resolution", "# settings", `resolution = "lowest-direct"`, "the lock has resolution = highest"},
		{"the resolution as it is", "# settings", `resolution = "highest"`, ""},
		{"pre-releases", "# settings", `prerelease = "allow"`, "prerelease"},
		{"a day", "# settings", `exclude-newer = "2025-01-01"`, "no exclude-newer"},
		{"lock: a day from outside", "# options", "[options]\nexclude-newer = \"2025-01-01T00:00:00Z\"", "the lock has exclude-newer = 2025-01-01T00:00:00Z"},
		{"environments", "# settings", `environments = ["sys_platform == 'linux'"]`, "environments"},
		{"conflicts", "# settings", `conflicts = [[{extra = "html"}, {group = "dev"}]]`, "conflicts"},
		{"default groups", "# settings", `default-groups = []`, "default-groups"},
		{"the index", "packages.example/simple", "packages.example/mirror", "alpha from https://packages.example/simple"},
		{"one more index", "default = true\n", "default = true\n\n[[tool.uv.index]]\nname = \"more\"\nurl = \"https://more.example/\"\n", ""},
		{"a path", "# settings", "sources = {beta = {path = \"libs/beta\"}}", "beta from libs/beta"},
		{"lock: a newer format", "version = 1\n", "version = 2\n", "unknown"},
	} {
		manifest, lock := uvManifest, uvLock
		if text := &manifest; strings.HasPrefix(c.name, "lock:") {
			text = &lock
			*text = strings.Replace(*text, c.old, c.new, 1)
		} else {
			*text = strings.Replace(*text, c.old, c.new, 1)
		}
		p, err := Detect(fstest.MapFS{"pyproject.toml": {Data: []byte(manifest)}, "uv.lock": {Data: []byte(lock)}}, Options{Interpreters: defaultInterpreters()})
		if err != nil || p.Lock == nil {
			t.Fatal(c.name, err, p.Problems)
		}
		switch fresh := p.Lock.Fresh; {
		case c.says == "unknown":
			if fresh != nil {
				t.Errorf("%s: fresh is %v, and it can't be told", c.name, *fresh)
			}
		case fresh == nil || *fresh != (c.says == "") || !strings.Contains(p.Lock.Reason, c.says):
			t.Errorf("%s: %q, want %q; %+v", c.name, p.Lock.Reason, c.says, p.Lock)
		}
	}
	// a lock made by another Python than the newest fixes the interpreter
	lock := strings.Replace(uvLock, `requires-python = ">=3.11"`, `requires-python = ">=3.12"`, 1)
	manifest := strings.Replace(uvManifest, "requires-python = \">=3.11\"\n", "", 1)
	p, err := Detect(fstest.MapFS{"pyproject.toml": {Data: []byte(manifest)}, "uv.lock": {Data: []byte(lock)}}, Options{Interpreters: defaultInterpreters()})
	if err != nil || p.Python.Version != "3.12.1" {
		t.Errorf("python is %+v, want that of the lock; %v %v", p.Python, p.Problems, err)
	}
}
