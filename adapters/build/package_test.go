package build

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/artifact"
)

const (
	shopTable   = "[project]\nname = \"shop\"\nversion = \"1.5\"\nrequires-python = \">=3.10\"\n\n[project.scripts]\nshop = \"shop.cli:main\"\n\n[project.entry-points.\"shop.plugins\"]\nfirst = \"shop.cli\"\n\n"
	shopProgram = "import importlib.metadata as m\nimport shop\n\n\ndef main():\n    print(m.version('shop'), [e.name for e in m.entry_points(group='shop.plugins')], shop.__file__.split('/source/')[-1])\n"
	shopRuns    = "processes: {web: shop}\n"
)

// shop is a package in a directory, with a program that tells of itself.
func shop(dir string, more ...files) files {
	return with(files{dir + "shop/__init__.py": "", dir + "shop/cli.py": shopProgram, "slipway.yaml": shopRuns}, more...)
}

// in runs a program as the node would, with the release's own paths.
func in(t *testing.T, a slipway.Artifact, args ...string) string {
	t.Helper()
	source := filepath.Join(a.Path, "source")
	var search []string
	for _, dir := range append(a.Manifest.SearchPath, a.Manifest.Package) {
		if dir != "" {
			search = append(search, dir.In(source))
		}
	}
	cmd := exec.CommandContext(t.Context(), "/usr/bin/env", args...)
	cmd.Dir = a.Manifest.Dir.In(source)
	cmd.Env = []string{"PYTHONDONTWRITEBYTECODE=1", "PYTHONPATH=" + strings.Join(search, ":"),
		"PATH=" + filepath.Join(a.Path, "venv", "bin") + ":" + filepath.Join(a.Manifest.Package.In(source), "bin") + ":/usr/bin:/bin"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// TestTheProjectItself: a package is installed with every backend, so that its
// programs, its metadata and its plugins are there, while the code that runs is the
// source's.
func TestTheProjectItself(t *testing.T) {
	backend := func(requires, name string) string {
		return "[build-system]\nrequires = [\"" + requires + "\"]\nbuild-backend = \"" + name + "\"\n"
	}
	for name, tc := range map[string]struct {
		files files
		from  string
	}{
		"setuptools, src":  {shop("src/", files{"pyproject.toml": shopTable + backend("setuptools>=77", "setuptools.build_meta")}), "src/shop/__init__.py"},
		"setuptools, flat": {shop("", files{"pyproject.toml": shopTable}), "shop/__init__.py"},
		"hatchling":        {shop("", files{"pyproject.toml": shopTable + backend("hatchling", "hatchling.build")}), "shop/__init__.py"},
		"poetry-core":      {shop("", files{"pyproject.toml": shopTable + backend("poetry-core>=2", "poetry.core.masonry.api")}), "shop/__init__.py"},
		"flit-core": {shop("", files{"shop/__init__.py": "\"\"\"A shop.\"\"\"\n", "pyproject.toml": strings.Replace(shopTable, "requires-python", "description = \"a shop\"\nrequires-python", 1) + backend("flit_core>=3.2", "flit_core.buildapi")}),
			"shop/__init__.py"},
		"pdm-backend":  {shop("", files{"pyproject.toml": shopTable + backend("pdm-backend", "pdm.backend")}), "shop/__init__.py"},
		"requirements": {shop("", files{"pyproject.toml": shopTable + backend("hatchling", "hatchling.build"), "requirements.txt": "iniconfig==2.1.0\n"}), "shop/__init__.py"},
		"the install":  {shop("", files{"pyproject.toml": shopTable + backend("hatchling", "hatchling.build"), "requirements.txt": ".\n"}), "shop/__init__.py"},
		"asks for more": {shop("", files{"pyproject.toml": shopTable + backend("hatchling", "hatchling.build") + "\n[tool.hatch.build.hooks.custom]\ndependencies = [\"iniconfig\"]\n",
			"hatch_build.py": "import iniconfig\nfrom hatchling.builders.hooks.plugin.interface import BuildHookInterface\n\n\nclass Hook(BuildHookInterface):\n    pass\n"}), "shop/__init__.py"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, log := mustBuild(t, project(t, tc.files))
			if got, want := in(t, a, "shop"), "1.5 ['first'] "+tc.from; got != want {
				t.Errorf("%q, want %q\n%s", got, want, log)
			}
			if own := a.Manifest.Package != ""; own != (name != "the install") {
				t.Errorf("installed by itself: %v\n%s", own, log)
			}
		})
	}
}

// TestTheProjectsEnvironment: a change of the source leaves the environment of the
// dependencies as it is, and one source has one package, whatever its build does.
func TestTheProjectsEnvironment(t *testing.T) {
	setup := "import time\nfrom setuptools import setup\nfrom setuptools.command.build_py import build_py\n\n\nclass Build(build_py):\n    def run(self):\n        super().run()\n" +
		"        for name, text in (('made', f'at = {time.time_ns()}'), ('version', 'v = \"1.5\"'), ('parts/deep', '')):\n            path = f'{self.build_lib}/shop/{name}.py'\n            self.mkpath(path.rpartition('/')[0])\n            open(path, 'w').write(text)\n\n\nsetup(cmdclass={'build_py': Build})\n"
	dir := project(t, shop("src/", files{"setup.py": setup, "src/shop/version.py": "v = None\n", "pyproject.toml": shopTable + "[build-system]\nrequires = [\"setuptools>=77\"]\n"}))
	first, log := mustBuild(t, dir)
	look := "from shop import version, made; import shop.parts.deep; print(version.v, made.at, made.__file__.split('/source/')[-1])"
	said := in(t, first, "python", "-c", look)
	if !strings.HasPrefix(said, "1.5 ") || !strings.HasSuffix(said, " src/shop/made.py") {
		t.Errorf("%q\n%s", said, log)
	}
	if again, log := mustBuild(t, dir); again.Digest != first.Digest {
		t.Errorf("the same source is another release\n%s", log)
	}
	write(t, dir, files{"src/shop/new.py": ""})
	second, log := mustBuild(t, dir)
	if !second.Reused || second.Digest == first.Digest || in(t, second, "python", "-c", look) == said {
		t.Errorf("the environment was reused: %v\n%s", second.Reused, log)
	}
	if err := artifact.Verify(t.Context(), shared.o.Data, second.Digest); err != nil {
		t.Error(err)
	}
	report, err := shared.Test(t.Context(), slipway.TestRequest{Artifact: second.Digest, RunID: runID("t", t)}, io.Discard)
	if err != nil || report.Total != 0 {
		t.Errorf("%+v %v", report, err)
	}
}

// TestAProjectThatCannotBeBuilt is served, when it can be without; what is missing then is
// said with the reason.
func TestAProjectThatCannotBeBuilt(t *testing.T) {
	broken := shop("", files{"pyproject.toml": strings.Replace(shopTable, "\"1.5\"", "\"1.5\"\nlicense-files = [7]", 1) + "[build-system]\nrequires = [\"hatchling\"]\nbuild-backend = \"hatchling.build\"\n"})
	_, log, err := build(t, project(t, broken))
	wantRefused(t, err, log, "the process web starts shop", "could not be installed", "TypeError")
	a, log := mustBuild(t, project(t, with(broken, files{"slipway.yaml": "processes: {web: python -m shop.cli}\n", "requirements.txt": "", ".slipway/package/shop/__init__.py": "planted"})))
	if !strings.Contains(log, "note: the project itself is not installed") || a.Manifest.Package != "" {
		t.Errorf("package %q\n%s", a.Manifest.Package, log)
	}
}

// TestVersionsFromGit: a build that asks git is told what it is told in a clone.
func TestVersionsFromGit(t *testing.T) {
	scm := "[project]\nname = \"shop\"\ndynamic = [\"version\"]\n\n[project.scripts]\nshop = \"shop.cli:main\"\n\n"
	for name, tc := range map[string]struct{ toml, want string }{
		"setuptools-scm":            {scm + "[build-system]\nrequires = [\"setuptools>=77\", \"setuptools-scm>=8\"]\nbuild-backend = \"setuptools.build_meta\"\n[tool.setuptools_scm]\nversion_file = \"shop/_v.py\"\n", "1.3.dev1+g"},
		"hatch-vcs":                 {scm + "[build-system]\nrequires = [\"hatchling\", \"hatch-vcs\"]\nbuild-backend = \"hatchling.build\"\n[tool.hatch.version]\nsource = \"vcs\"\n", "1.3.dev1+g"},
		"pdm-backend":               {scm + "[build-system]\nrequires = [\"pdm-backend\"]\nbuild-backend = \"pdm.backend\"\n[tool.pdm.version]\nsource = \"scm\"\n", "1.3.dev1+g"},
		"versioningit":              {scm + "[build-system]\nrequires = [\"setuptools>=77\", \"versioningit\"]\nbuild-backend = \"setuptools.build_meta\"\n[tool.versioningit]\n", "1.2.post1+g"},
		"poetry-dynamic-versioning": {scm + "[tool.poetry]\nversion = \"0.0.0\"\n[tool.poetry-dynamic-versioning]\nenable = true\n[build-system]\nrequires = [\"poetry-core>=2\", \"poetry-dynamic-versioning>=1.9,<2\"]\nbuild-backend = \"poetry_dynamic_versioning.backend\"\n", "1.2.post1.dev0+"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := project(t, shop("", files{"pyproject.toml": tc.toml, "venv/kept.txt": "left out of every release", ".gitignore": "_v.py\n"}))
			git := func(args ...string) {
				cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir, "-c", "user.name=Ada", "-c", "user.email=ada@team.example"}, args...)...)
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("git %v: %v\n%s", args, err, out)
				}
			}
			git("init", "-q")
			git("add", "-f", ".")
			git("commit", "-qm", "one")
			git("tag", "-a", "v1.2", "-m", "released")
			git("commit", "-qm", "two", "--allow-empty")
			log := &strings.Builder{}
			a, err := shared.Build(t.Context(), slipway.BuildRequest{Service: "svc", Dir: dir, Commit: "c1", RunID: runID("b", t), History: func(_ context.Context, to string, _ io.Writer) error {
				return os.CopyFS(to, os.DirFS(filepath.Join(dir, ".git")))
			}}, log)
			if err != nil {
				t.Fatalf("%v\n%s", err, log)
			}
			if got := in(t, a, "shop"); !strings.HasPrefix(got, tc.want) || strings.Contains(got, "dirty") || strings.Contains(strings.Fields(got)[0], ".d2") {
				t.Errorf("%q, want %q\n%s", got, tc.want, log)
			}
			if _, err := os.Stat(filepath.Join(a.Path, "source", ".git")); err == nil {
				t.Error("the history is in the release")
			}
			if _, err := os.Stat(filepath.Join(a.Path, "source", "shop", "_v.py")); (err == nil) != (name == "setuptools-scm") {
				t.Errorf("the file with the version: %v", err)
			}
		})
	}
}
