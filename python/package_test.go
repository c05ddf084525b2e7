package python

import (
	"slices"
	"testing"
	"testing/fstest"
)

// TestPackage is about which projects are installed themselves, what building them
// takes, and whether git has a say in it.
func TestPackage(t *testing.T) {
	const (
		table   = "[project]\nname = \"My.Shop\"\nversion = \"1\"\nrequires-python = \">=3.10\"\n"
		hatch   = "[build-system]\nrequires = [\"hatchling\"]\nbuild-backend = \"hatchling.build\"\n"
		poetry  = "[tool.poetry]\nname = \"shop\"\nversion = \"1\"\n[tool.poetry.dependencies]\npython = \">=3.10,<4\"\n"
		core    = "[build-system]\nrequires = [\"poetry-core\"]\nbuild-backend = \"poetry.core.masonry.api\"\n"
		scripts = "[project.scripts]\nshop = \"shop:main\"\n"
		uvLock  = "version = 1\nrequires-python = \">=3.10\"\n\n[[package]]\nname = \"my-shop\"\nversion = \"1\"\nsource = { virtual = \".\" }\n"
		legacy  = "setuptools>=40.8.0"
	)
	for name, tc := range map[string]struct {
		files    map[string]string
		want     string // "" for no package
		requires []string
		git      bool
	}{
		"build system and table":             {map[string]string{"pyproject.toml": table + hatch}, "my-shop", []string{"hatchling"}, false},
		"build system alone":                 {map[string]string{"pyproject.toml": hatch, "requirements.txt": "flask\n"}, "", nil, false},
		"table alone":                        {map[string]string{"pyproject.toml": table}, "", nil, false},
		"scripts without a build system":     {map[string]string{"pyproject.toml": table + scripts}, "my-shop", []string{legacy}, false},
		"gui scripts":                        {map[string]string{"pyproject.toml": table + "[project.gui-scripts]\nshop = \"shop:main\"\n"}, "my-shop", []string{legacy}, false},
		"plugins":                            {map[string]string{"pyproject.toml": table + "[project.entry-points.\"shop.plugins\"]\na = \"shop:a\"\n"}, "my-shop", []string{legacy}, false},
		"requirements beside it":             {map[string]string{"pyproject.toml": table + hatch, "requirements.txt": "flask\n"}, "my-shop", []string{"hatchling"}, false},
		"uv without a build system":          {map[string]string{"pyproject.toml": table + scripts, "uv.lock": uvLock}, "", nil, false},
		"uv with one":                        {map[string]string{"pyproject.toml": table + hatch, "uv.lock": uvLock}, "my-shop", []string{"hatchling"}, false},
		"uv says no":                         {map[string]string{"pyproject.toml": table + hatch + "[tool.uv]\npackage = false\n", "uv.lock": uvLock}, "", nil, false},
		"uv says no, without its lock":       {map[string]string{"pyproject.toml": table + hatch + "[tool.uv]\npackage = false\n"}, "", nil, false},
		"uv says yes":                        {map[string]string{"pyproject.toml": table + "[tool.uv]\npackage = true\n", "uv.lock": uvLock}, "my-shop", []string{legacy}, false},
		"what uv says means nothing to PDM":  {map[string]string{"pyproject.toml": table + hatch + "[tool.uv]\npackage = false\n", "pdm.lock": "[metadata]\nlock_version = \"4.5.0\"\n"}, "my-shop", []string{"hatchling"}, false},
		"PDM says no":                        {map[string]string{"pyproject.toml": table + hatch + "[tool.pdm]\ndistribution = false\n", "pdm.lock": "[metadata]\nlock_version = \"4.5.0\"\n"}, "", nil, false},
		"Poetry":                             {map[string]string{"pyproject.toml": poetry + core}, "shop", []string{"poetry-core"}, false},
		"Poetry says no":                     {map[string]string{"pyproject.toml": "[tool.poetry]\npackage-mode = false\nname = \"shop\"\n[tool.poetry.dependencies]\npython = \">=3.10,<4\"\n" + core}, "", nil, false},
		"flit's own table":                   {map[string]string{"pyproject.toml": "[build-system]\nrequires = [\"flit_core\"]\nbuild-backend = \"flit_core.buildapi\"\n[tool.flit.metadata]\nmodule = \"shop\"\n", "requirements.txt": "flask\n"}, "shop", []string{"flit_core"}, false},
		"setup.cfg with a build system":      {map[string]string{"pyproject.toml": "[build-system]\nrequires = [\"setuptools\"]\n", "setup.cfg": "[metadata]\nname = shop # ours\n", "requirements.txt": "flask\n"}, "shop", []string{"setuptools"}, false},
		"setup.cfg that configures tools":    {map[string]string{"pyproject.toml": "[build-system]\nrequires = [\"setuptools\"]\n", "setup.cfg": "[flake8]\nname = shop\n", "requirements.txt": "flask\n"}, "", nil, false},
		"setup.py beside requirements":       {map[string]string{"setup.py": "from setuptools import setup\nsetup(name='shop')\n", "requirements.txt": "flask\n"}, "", nil, false},
		"setup.py with plugins":              {map[string]string{"setup.py": "from setuptools import setup\nsetup(\n    name='shop',\n    entry_points={'console_scripts': ['shop=shop:main']},\n)\n", "requirements.txt": "flask\n"}, "shop", []string{legacy}, false},
		"setup.cfg with plugins":             {map[string]string{"setup.cfg": "[metadata]\nname = shop\n[options.entry_points]\nconsole_scripts = \n    shop = shop:main\n", "setup.py": "from setuptools import setup\nsetup()\n", "requirements.txt": "flask\n"}, "shop", []string{legacy}, false},
		"setup.py alone":                     {map[string]string{"setup.py": "from setuptools import setup\nsetup(name='shop', use_scm_version=True)\n"}, "", []string{legacy}, true},
		"setuptools-scm":                     {map[string]string{"pyproject.toml": table + "[build-system]\nrequires = [\"setuptools>=64\", \"setuptools_scm[toml]>=8\"]\n"}, "my-shop", []string{"setuptools>=64", "setuptools_scm[toml]>=8"}, true},
		"poetry-dynamic-versioning":          {map[string]string{"pyproject.toml": poetry + "[build-system]\nrequires = [\"poetry-core\", \"poetry-dynamic-versioning>=1,<2\"]\nbuild-backend = \"poetry_dynamic_versioning.backend\"\n"}, "shop", []string{"poetry-core", "poetry-dynamic-versioning>=1,<2"}, true},
		"PDM's own":                          {map[string]string{"pyproject.toml": table + "[build-system]\nrequires = [\"pdm-backend\"]\nbuild-backend = \"pdm.backend\"\n[tool.pdm.version]\nsource = \"scm\"\n"}, "my-shop", []string{"pdm-backend"}, true},
		"a build requirement from the tree":  {map[string]string{"pyproject.toml": table + "[build-system]\nrequires = [\"hatchling\", \"ours @ file:./ours\"]\nbuild-backend = \"hatchling.build\"\n"}, "my-shop", nil, false},
		"a build requirement of a workspace": {map[string]string{"pyproject.toml": table + hatch + "[tool.uv.sources]\nhatchling = {path = \"ours\"}\n"}, "my-shop", nil, false},
	} {
		tree := fstest.MapFS{"shop/__init__.py": {}, "app.py": {Data: []byte("print(1)\n")}, "slipway.yaml": {Data: []byte("processes: {web: python app.py}\n")}}
		for file, text := range tc.files {
			tree[file] = &fstest.MapFile{Data: []byte(text)}
		}
		p, err := Detect(tree, Options{Interpreters: defaultInterpreters()})
		if err != nil {
			t.Fatal(err)
		}
		got := p.Install.Package
		if wanted := tc.want != "" || tc.requires != nil; (got != nil) != wanted {
			t.Errorf("%s: package %+v, wanted one: %v", name, got, wanted)
			continue
		}
		if got != nil && (tc.want != "" && got.Name != tc.want || !slices.Equal(got.Requires, tc.requires) || got.FromGit != tc.git) {
			t.Errorf("%s: %+v, want %q %q %v", name, *got, tc.want, tc.requires, tc.git)
		}
	}
}
