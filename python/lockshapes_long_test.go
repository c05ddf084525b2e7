//go:build long

package python

import "strconv"

var lockCrossings = []lockCrossing{uvCrossing, poetryCrossing, pdmCrossing, pipenvCrossing}

func spellings(group, old string, news ...string) []lockShape {
	var out []lockShape
	for i, n := range news {
		out = append(out, lockShape{name: group + " " + strconv.Itoa(i) + " " + n, edits: []string{old, n}})
	}
	return out
}

func shapesOf(lists ...[]lockShape) []lockShape {
	var out []lockShape
	for _, l := range lists {
		out = append(out, l...)
	}
	return out
}

var uvCrossing = lockCrossing{
	tool: "uv", manifest: "pyproject.toml", lock: "uv.lock",
	lockArgs: [][]string{{"lock", "-q"}}, check: []string{"lock", "--check"},
	groups: []string{"python", "specifier", "marker"},
	base: `[project]
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
url = "INDEX/simple"
default = true
`,
	shapes: shapesOf(
		spellings("python", `requires-python = ">=3.11"`,
			`requires-python = ">=3.11.0"`, `requires-python = ">=3.11,<4"`, `requires-python = "<4,>=3.11"`, `requires-python = ">=3.11, <4.0"`, `requires-python = "~=3.11"`,
			`requires-python = ">=3.12,<3.13"`, `requires-python = "~=3.12.0"`, `requires-python = "==3.12.*"`, `requires-python = ">=3.12.0,<3.13.0"`,
			`requires-python = ">=3.11,>=3.12"`, `requires-python = ">=3.12"`, `requires-python = ">=3.11,!=3.11.3"`, `requires-python = ">=3.11,!=3.11.*"`, `requires-python = ">3.10"`,
			`requires-python = ">=3.11,<=3.13"`, `requires-python = ">=3.11,<3.14,!=3.13.*"`, `requires-python = "==3.11.7"`, `requires-python = "~=3.11.2"`, `requires-python = ">=3.11.0rc1"`,
			`requires-python = ">=3.11,<3.13,<3.14"`, `requires-python = ">=3.11,<3.13"`, `# none`,
		),
		spellings("specifier", `"alpha>=1,<3"`,
			`"alpha >=1, <3"`, `"alpha<3,>=1"`, `"Alpha>=1.0,<3.0"`, `"alpha>=1.0.0,<3"`, `"alpha~=1.0"`, `"alpha~=1.0.0"`, `"alpha>=1.0,==1.*"`, `"alpha==1.*"`, `"alpha==2.0.*"`, `"alpha (>=1,<3)"`, `"alpha"`, `"alpha>=1,<3,!=1.5"`,
			`"alpha!=1.5,<3,>=1"`, `"alpha==2.0"`, `"alpha==2"`, `"alpha===2.0"`, `"alpha>=1,<3,>=1"`, `"alpha>=1,>=1.5,<3"`, `"alpha>=1,<3.0a1"`, `"alpha>=v1,<3"`, `"alpha >= 1 , < 3"`,
		),
		spellings("marker", `"beta>=1"]`,
			`"beta>=1; python_version >= '3.8'"]`, `"beta>=1; python_version < '3.13'"]`, `"beta>=1; python_full_version < '3.13'"]`, `"beta>=1; '3.13' > python_version"]`,
			`"beta>=1; python_version<\"3.13\""]`, `"beta>=1; python_version <= '3.12'"]`, `"beta>=1; sys_platform == 'linux'"]`, `"beta>=1; platform_system == 'Linux'"]`, `"beta>=1; sys_platform != 'win32'"]`, `"beta>=1; platform_system != 'Windows'"]`, `"beta>=1; os_name != 'nt'"]`,
			`"beta>=1; sys_platform == 'linux' or sys_platform == 'darwin'"]`, `"beta>=1; sys_platform == 'darwin' or sys_platform == 'linux'"]`, `"beta>=1; sys_platform == 'linux' and python_version < '3.13'"]`, `"beta>=1; (python_version < '3.13') and (sys_platform == 'linux')"]`,
			`"beta>=1; python_version == '3.12'"]`, `"beta>=1; python_version != '3.12'"]`, `"beta>=1; python_version < '3.12' or python_version >= '3.13'"]`, `"beta>=1; python_version in '3.11 3.12'"]`, `"beta>=1; python_version not in '3.12'"]`, `"beta>=1; implementation_name == 'cpython'"]`, `"beta>=1; platform_python_implementation != 'PyPy'"]`,
			`"beta>=1; platform_machine == 'x86_64' or platform_machine == 'aarch64'"]`, `"beta>=1; platform_machine == 'aarch64' or platform_machine == 'x86_64'"]`, `"beta>=1; python_version ~= '3.11'"]`, `"beta>=1; python_version < '3.9'"]`,
		),
		[]lockShape{
			{name: "version raised", edits: []string{`version = "1.0.0"`, `version = "1.0.1"`}},
			{name: "version spelt otherwise", edits: []string{`version = "1.0.0"`, `version = "1.0"`}},
			{name: "renamed", edits: []string{`name = "shop"`, `name = "store"`}},
			{name: "other case", edits: []string{`name = "shop"`, `name = "Shop"`}},
			{name: "bound changed", edits: []string{`"beta>=1"`, `"beta>=1.0.1"`}},
			{name: "added", edits: []string{`"beta>=1"]`, `"beta>=1", "delta"]`}},
			{name: "twice", edits: []string{`"beta>=1"]`, `"beta>=1", "beta>=1"]`}},
			{name: "removed", edits: []string{`, "beta>=1"]`, `]`}},
			{name: "no dependencies", edits: []string{`dependencies = ["alpha>=1,<3", "beta>=1"]`, ``}},
			{name: "other order", edits: []string{`["alpha>=1,<3", "beta>=1"]`, `["beta>=1", "alpha>=1,<3"]`}},
			{name: "other extra name", edits: []string{`html =`, `HTML =`}},
			{name: "extra renamed", edits: []string{`html =`, `page =`}},
			{name: "extra bound", edits: []string{`"gamma>=1"`, `"gamma>=1.0"`}},
			{name: "extra added empty", edits: []string{`html =`, "none = []\nhtml ="}},
			{name: "extra with an extra", edits: []string{`"gamma>=1"`, `"gamma[fast]>=1"`}},
			{name: "extra with a marker", edits: []string{`"gamma>=1"`, `"gamma>=1; sys_platform == 'linux'"`}},
			{name: "extra with an or marker", edits: []string{`"gamma>=1"`, `"gamma>=1; sys_platform == 'linux' or python_version < '3.12'"`}},
			{name: "extra that has itself", edits: []string{`html =`, "all = [\"shop[html]\"]\nhtml ="}},
			{name: "group bound", edits: []string{`"delta>=1"`, `"delta>=1.1"`}},
			{name: "group renamed", edits: []string{`dev = ["delta>=1"]`, `test = ["delta>=1"]`}},
			{name: "group added empty", edits: []string{`dev = ["delta>=1"]`, "dev = [\"delta>=1\"]\nlint = []"}},
			{name: "group included", edits: []string{`dev = ["delta>=1"]`, "dev = [\"delta>=1\", {include-group = \"lint\"}]\nlint = [\"gamma\"]"}},
			{name: "group requires-python", edits: []string{"# settings", "dependency-groups = {dev = {requires-python = \">=3.12\"}}"}},
			{name: "old dev-dependencies", edits: []string{"# settings", "dev-dependencies = [\"gamma\"]"}},
			{name: "scripts", edits: []string{"[dependency-groups]", "[project.scripts]\nshop = \"shop:main\"\n\n[dependency-groups]"}},
			{name: "description", edits: []string{"[dependency-groups]", "[project.urls]\nhome = \"https://shop.example\"\n\n[dependency-groups]"}},
			{name: "build-system", edits: []string{"[dependency-groups]", "[build-system]\nrequires = [\"setuptools\"]\nbuild-backend = \"setuptools.build_meta\"\n\n[dependency-groups]"}},
			{name: "package false", edits: []string{"# settings", "package = false"}},
			{name: "package true", edits: []string{"# settings", "package = true"}},
			{name: "constraint", edits: []string{"# settings", "constraint-dependencies = [\"alpha<2\"]"}},
			{name: "constraint spelt otherwise", edits: []string{"# settings", "constraint-dependencies = [\"Alpha < 2.0\"]"}},
			{name: "override", edits: []string{"# settings", "override-dependencies = [\"delta==1.0\"]"}},
			{name: "exclude", edits: []string{"# settings", "exclude-dependencies = [\"delta\"]"}},
			{name: "build constraint", edits: []string{"# settings", "build-constraint-dependencies = [\"setuptools<90\"]"}},
			{name: "resolution", edits: []string{"# settings", "resolution = \"lowest-direct\""}},
			{name: "resolution as it is", edits: []string{"# settings", "resolution = \"highest\""}},
			{name: "prerelease", edits: []string{"# settings", "prerelease = \"allow\""}},
			{name: "fork", edits: []string{"# settings", "fork-strategy = \"fewest\""}},
			{name: "exclude newer", edits: []string{"# settings", "exclude-newer = \"2025-01-01T00:00:00Z\""}},
			{name: "exclude newer day", edits: []string{"# settings", "exclude-newer = \"2025-01-01\""}},
			{name: "exclude newer span", edits: []string{"# settings", "exclude-newer = \"1 week\""}},
			{name: "exclude newer package", edits: []string{"# settings", "exclude-newer-package = {alpha = \"2025-01-01T00:00:00Z\"}"}},
			{name: "exclude newer outside", files: map[string]string{"lock.args": "--exclude-newer 2025-01-01T00:00:00Z"}},
			{name: "resolution outside", files: map[string]string{"lock.args": "--resolution lowest"}},
			{name: "default groups", edits: []string{"# settings", "default-groups = []"}},
			{name: "environments", edits: []string{"# settings", "environments = [\"sys_platform == 'linux'\"]"}},
			{name: "required environments", edits: []string{"# settings", "required-environments = [\"sys_platform == 'linux'\"]"}},
			{name: "conflicts", edits: []string{"# settings", "conflicts = [[{extra = \"html\"}, {group = \"dev\"}]]"}},
			{name: "dependency metadata", edits: []string{"# settings", "dependency-metadata = [{name = \"gamma\", version = \"1.0\", requires-dist = []}]"}},
			{name: "no-build", edits: []string{"# settings", "no-build = true"}},
			{name: "managed cache", edits: []string{"# settings", "cache-keys = [{file = \"pyproject.toml\"}]"}},
			{name: "index slash", edits: []string{"INDEX/simple", "INDEX/simple/"}},
			{name: "other index", edits: []string{"INDEX/simple", "INDEX/mirror"}},
			{name: "index renamed", edits: []string{`name = "local"`, `name = "internal"`}},
			{name: "second index", edits: []string{"default = true\n", "default = true\n\n[[tool.uv.index]]\nname = \"more\"\nurl = \"INDEX/more\"\n"}},
			{name: "explicit index", edits: []string{"default = true\n", "default = true\n\n[[tool.uv.index]]\nname = \"more\"\nurl = \"INDEX/more\"\nexplicit = true\n"}},
			{name: "index of one", edits: []string{"default = true\n", "default = true\n\n[[tool.uv.index]]\nname = \"more\"\nurl = \"INDEX/more\"\nexplicit = true\n\n[tool.uv.sources]\nalpha = {index = \"more\"}\n"}},
			{name: "index-url", edits: []string{"[[tool.uv.index]]\nname = \"local\"\nurl = \"INDEX/simple\"\ndefault = true\n", "", "# settings", "index-url = \"INDEX/simple\""}},
			{name: "settings in uv.toml", edits: []string{"[tool.uv]\n# settings\n\n[[tool.uv.index]]\nname = \"local\"\nurl = \"INDEX/simple\"\ndefault = true\n", ""},
				files: map[string]string{"uv.toml": "resolution = \"lowest\"\n[[index]]\nurl = \"INDEX/simple\"\ndefault = true\n"}},
			{name: "path source", edits: []string{"[tool.uv]\n# settings", "[tool.uv.sources]\nbeta = {path = \"libs/beta\"}"}, files: map[string]string{"libs/beta/pyproject.toml": betaProject}},
			{name: "editable source", edits: []string{"[tool.uv]\n# settings", "[tool.uv.sources]\nbeta = {path = \"libs/beta\", editable = true}"}, files: map[string]string{"libs/beta/pyproject.toml": betaProject}},
			{name: "path source elsewhere", edits: []string{"[tool.uv]\n# settings", "[tool.uv.sources]\nbeta = {path = \"other/beta\"}"}, files: map[string]string{"other/beta/pyproject.toml": betaProject}},
			{name: "workspace", edits: []string{"[tool.uv]\n# settings", "[tool.uv.workspace]\nmembers = [\"libs/*\"]\n[tool.uv.sources]\nbeta = {workspace = true}"}, files: map[string]string{"libs/beta/pyproject.toml": betaProject}},
		},
	),
}

const betaProject = "[project]\nname = \"beta\"\nversion = \"1.0\"\n"
