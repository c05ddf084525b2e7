//go:build long

package python

const poetryBase = `[project]
name = "shop"
version = "1.0.0"
requires-python = ">=3.11"
dependencies = ["alpha>=1,<3", "beta>=1"]

[project.optional-dependencies]
html = ["gamma>=1"]

[dependency-groups]
dev = ["delta>=1"]

# settings

[[tool.SECTION]]
name = "local"
url = "INDEX/simple/"
PRIORITY
`

// hashedShapes are changes that both Poetry and PDM are asked about: they
// hash what is written, so that a space counts.
var hashedShapes = shapesOf(
	spellings("python", `requires-python = ">=3.11"`,
		`requires-python = ">=3.11.0"`, `requires-python = ">=3.11,<4"`, `requires-python = "<4,>=3.11"`, `requires-python = "~=3.11"`, `requires-python = ">= 3.11"`, `requires-python = ">=3.11,<3.14"`, `requires-python = "==3.11.*"`),
	spellings("specifier", `"alpha>=1,<3"`,
		`"alpha >=1,<3"`, `"alpha>=1, <3"`, `"alpha<3,>=1"`, `"Alpha>=1,<3"`, `"alpha>=1.0,<3"`, `"alpha (>=1,<3)"`, `"alpha"`, `"alpha==2.0"`, `"alpha~=1.0"`, `'alpha>=1,<3'`, "\"alpha>=1,<3\" # why\n", "\"alpha>=1,<3\"\n\t"),
	spellings("marker", `"beta>=1"]`,
		`"beta>=1; python_version >= '3.8'"]`, `"beta>=1; python_version < '3.13'"]`, `"beta>=1;python_version < '3.13'"]`, `"beta>=1; python_version < \"3.13\""]`, `"beta>=1; sys_platform == 'linux'"]`, `"beta>=1; sys_platform == 'linux' or sys_platform == 'darwin'"]`),
	[]lockShape{
		{name: "version raised", edits: []string{`version = "1.0.0"`, `version = "1.0.1"`}},
		{name: "renamed", edits: []string{`name = "shop"`, `name = "store"`}},
		{name: "added", edits: []string{`"beta>=1"]`, `"beta>=1", "delta"]`}},
		{name: "removed", edits: []string{`, "beta>=1"]`, `]`}},
		{name: "no dependencies", edits: []string{`dependencies = ["alpha>=1,<3", "beta>=1"]`, `dependencies = []`}},
		{name: "no dependencies key", edits: []string{`dependencies = ["alpha>=1,<3", "beta>=1"]`, ``}},
		{name: "other order", edits: []string{`["alpha>=1,<3", "beta>=1"]`, `["beta>=1", "alpha>=1,<3"]`}},
		{name: "other letters", edits: []string{`"beta>=1"]`, `"beta>=1; platform_machine != 'ü😀'"]`}},
		{name: "extra renamed", edits: []string{`html =`, `page =`}},
		{name: "extra in capitals", edits: []string{`html =`, `HTML =`}},
		{name: "extra bound", edits: []string{`"gamma>=1"`, `"gamma>=1.0"`}},
		{name: "extra added empty", edits: []string{`html =`, "none = []\nhtml ="}},
		{name: "extra with an extra", edits: []string{`"gamma>=1"`, `"gamma[fast]>=1"`}},
		{name: "no extras", edits: []string{"[project.optional-dependencies]\nhtml = [\"gamma>=1\"]\n", ""}},
		{name: "group bound", edits: []string{`"delta>=1"`, `"delta>=1.1"`}},
		{name: "group renamed", edits: []string{`dev = ["delta>=1"]`, `test = ["delta>=1"]`}},
		{name: "group in capitals", edits: []string{`dev = ["delta>=1"]`, `Dev_Tools = ["delta>=1"]`}},
		{name: "group added empty", edits: []string{`dev = ["delta>=1"]`, "dev = [\"delta>=1\"]\nlint = []"}},
		{name: "group included", edits: []string{`dev = ["delta>=1"]`, "dev = [\"delta>=1\", {include-group = \"lint\"}]\nlint = [\"gamma\"]"}},
		{name: "no groups", edits: []string{"[dependency-groups]\ndev = [\"delta>=1\"]\n", ""}},
		{name: "groups elsewhere", edits: []string{"[dependency-groups]\ndev = [\"delta>=1\"]\n", "", "# settings", "[dependency-groups]\ndev = [\"delta>=1\"]\n"}},
		{name: "scripts", edits: []string{"# settings", "[project.scripts]\nshop = \"shop:main\"\n"}},
		{name: "build-system", edits: []string{"# settings", "[build-system]\nrequires = [\"setuptools\"]\nbuild-backend = \"setuptools.build_meta\"\n"}},
		{name: "other tools", edits: []string{"# settings", "[tool.ruff]\nline-length = 100\n"}},
		{name: "source without a slash", edits: []string{"INDEX/simple/", "INDEX/simple"}},
		{name: "source elsewhere", edits: []string{"INDEX/simple/", "INDEX/mirror/"}},
		{name: "source renamed", edits: []string{`name = "local"`, `name = "internal"`}},
	},
)

func sourced(section, priority string) string {
	return replaceAll(poetryBase, "tool.SECTION", section, "PRIORITY", priority)
}

var poetryCrossing = lockCrossing{
	tool: "poetry", manifest: "pyproject.toml", lock: "poetry.lock", lockArgs: [][]string{{"lock"}}, check: []string{"check", "--lock"},
	shallow: true, base: sourced("tool.poetry.source", `priority = "primary"`),
	shapes: shapesOf(hashedShapes, []lockShape{
		{name: "poetry group", edits: []string{"# settings", "[tool.poetry.group.docs.dependencies]\ngamma = \"^1.0\"\n"}},
		{name: "poetry group optional", edits: []string{"# settings", "[tool.poetry.group.docs]\noptional = true\n\n[tool.poetry.group.docs.dependencies]\ngamma = \"^1.0\"\n"}},
		{name: "poetry group empty", edits: []string{"# settings", "[tool.poetry.group.docs]\noptional = true\n\n[tool.poetry.group.docs.dependencies]\n"}},
		{name: "enriched", edits: []string{"# settings", "[tool.poetry.dependencies]\nalpha = {allow-prereleases = true}\n"}},
		{name: "package-mode", edits: []string{"# settings", "[tool.poetry]\npackage-mode = false\n"}},
		{name: "requires-poetry", edits: []string{"# settings", "[tool.poetry]\nrequires-poetry = \">=2.0\"\n"}},
		{name: "old table", edits: []string{"# settings", "[tool.poetry.dev-dependencies]\ngamma = \"^1.0\"\n"}},
		{name: "tables only", files: map[string]string{"pyproject.toml": "[tool.poetry]\nname = \"shop\"\nversion = \"1.0.0\"\ndescription = \"\"\nauthors = []\n\n[tool.poetry.dependencies]\npython = \">=3.11\"\nalpha = \"^1.0\"\n\n[tool.poetry.extras]\nhtml = [\"alpha\"]\n\n[[tool.poetry.source]]\nname = \"local\"\nurl = \"INDEX/simple/\"\npriority = \"primary\"\n"}},
		{name: "tables and a group", files: map[string]string{"pyproject.toml": "[tool.poetry]\nname = \"shop\"\nversion = \"1.0.0\"\ndescription = \"\"\nauthors = []\n\n[tool.poetry.dependencies]\npython = \">=3.11\"\nalpha = \"^1.0\"\n\n[tool.poetry.group.dev.dependencies]\ndelta = \"*\"\n\n[[tool.poetry.source]]\nname = \"local\"\nurl = \"INDEX/simple/\"\npriority = \"primary\"\n"}},
		{name: "tables and PEP 735", files: map[string]string{"pyproject.toml": "[tool.poetry]\nname = \"shop\"\nversion = \"1.0.0\"\ndescription = \"\"\nauthors = []\n\n[tool.poetry.dependencies]\npython = \">=3.11\"\nalpha = \"^1.0\"\n\n[dependency-groups]\ndev = [\"delta\"]\n\n[[tool.poetry.source]]\nname = \"local\"\nurl = \"INDEX/simple/\"\npriority = \"primary\"\n"}},
	}),
}

var pdmCrossing = lockCrossing{
	tool: "pdm", manifest: "pyproject.toml", lock: "pdm.lock", lockArgs: [][]string{{"lock"}}, check: []string{"lock", "--check"},
	shallow: true, base: sourced("tool.pdm.source", "verify_ssl = false"),
	shapes: shapesOf(hashedShapes, []lockShape{
		{name: "overrides", edits: []string{"# settings", "[tool.pdm.resolution.overrides]\nalpha = \"1.5\"\n"}},
		{name: "excludes", edits: []string{"# settings", "[tool.pdm.resolution]\nexcludes = [\"delta\"]\n"}},
		{name: "pre-releases", edits: []string{"# settings", "[tool.pdm.resolution]\nallow-prereleases = true\n"}},
		{name: "old groups", edits: []string{"# settings", "[tool.pdm.dev-dependencies]\nmore = [\"gamma\"]\n"}},
		{name: "old groups beside new", edits: []string{"# settings", "[tool.pdm.dev-dependencies]\ndev = [\"gamma\"]\n"}},
		{name: "distribution", edits: []string{"# settings", "[tool.pdm]\ndistribution = true\n"}},
		{name: "pdm scripts", edits: []string{"# settings", "[tool.pdm.scripts]\nstart = \"shop\"\n"}},
		{name: "lock strategy", edits: []string{"# settings", "[tool.pdm]\nstrategy = [\"inherit_metadata\"]\n"}},
	}),
}

var pipenvCrossing = lockCrossing{
	tool: "pipenv", manifest: "Pipfile", lock: "Pipfile.lock", lockArgs: [][]string{{"lock"}}, check: []string{"verify"}, shallow: true, ownLocks: 6,
	base: `[[source]]
url = "INDEX/simple"
verify_ssl = false
name = "local"

[packages]
alpha = ">=1,<3"
beta = "*"

[dev-packages]
delta = ">=1"

[requires]
python_version = "3.12"
`,
	shapes: []lockShape{
		{name: "upper case", edits: []string{`alpha =`, `Alpha =`}},
		{name: "a space", edits: []string{`">=1,<3"`, `">=1, <3"`}},
		{name: "a table", edits: []string{`beta = "*"`, `beta = {version = "*"}`}},
		{name: "a category", edits: []string{`[requires]`, "[docs]\ngamma = \"*\"\n\n[requires]"}},
		{name: "other letters", edits: []string{`beta = "*"`, `beta = {version = "*", markers = "platform_machine != 'ü'"}`}},
		{name: "bound", edits: []string{`">=1,<3"`, `">=1.0,<3"`}},
		{name: "TOML spacing", edits: []string{`alpha = ">=1,<3"`, `alpha   =   ">=1,<3"`}},
		{name: "single quotes", edits: []string{`">=1,<3"`, `'>=1,<3'`}},
		{name: "underscore", edits: []string{`beta =`, `be_ta =`}},
		{name: "order", edits: []string{"alpha = \">=1,<3\"\nbeta = \"*\"", "beta = \"*\"\nalpha = \">=1,<3\""}},
		{name: "a table with extras", edits: []string{`beta = "*"`, `beta = {version = "*", extras = ["fast"]}`}},
		{name: "a table with an index", edits: []string{`beta = "*"`, `beta = {version = "*", index = "local"}`}},
		{name: "marker", edits: []string{`beta = "*"`, `beta = {version = "*", sys_platform = "== 'linux'"}`}},
		{name: "path", edits: []string{`beta = "*"`, `beta = {path = "libs/beta", editable = true}`}},
		{name: "git", edits: []string{`beta = "*"`, `beta = {git = "https://git.example/beta.git", ref = "main"}`}},
		{name: "added", edits: []string{`beta = "*"`, "beta = \"*\"\ngamma = \"*\""}},
		{name: "removed", edits: []string{"beta = \"*\"\n", ""}},
		{name: "dev bound", edits: []string{`delta = ">=1"`, `delta = "*"`}},
		{name: "no dev", edits: []string{"[dev-packages]\ndelta = \">=1\"\n", ""}},
		{name: "dev empty", edits: []string{"delta = \">=1\"\n", ""}},
		{name: "other python", edits: []string{`"3.12"`, `"3.13"`}},
		{name: "no python", edits: []string{"[requires]\npython_version = \"3.12\"\n", ""}},
		{name: "full python", edits: []string{`python_version = "3.12"`, `python_full_version = "3.12.1"`}},
		{name: "scripts", edits: []string{`[requires]`, "[scripts]\nstart = \"alpha\"\n\n[requires]"}},
		{name: "pipenv settings", edits: []string{`[requires]`, "[pipenv]\nallow_prereleases = true\n\n[requires]"}},
		{name: "source slash", edits: []string{"INDEX/simple", "INDEX/simple/"}},
		{name: "source renamed", edits: []string{`name = "local"`, `name = "internal"`}},
		{name: "source verified", edits: []string{`verify_ssl = false`, `verify_ssl = true`}},
		{name: "second source", edits: []string{"[packages]", "[[source]]\nurl = \"INDEX/more\"\nverify_ssl = false\nname = \"more\"\n\n[packages]"}},
		{name: "variable in the source", edits: []string{"INDEX/simple", "INDEX/${SIMPLE}"}},
	},
}
