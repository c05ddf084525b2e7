package manifest

// Manager is a tool that installs a project's dependencies.
type Manager string

// The managers that are known, and what installs where there is none.
const (
	UV       Manager = "uv"
	Poetry   Manager = "poetry"
	PDM      Manager = "pdm"
	Pipenv   Manager = "pipenv"
	PipTools Manager = "pip-tools" // requirements compiled with hashes or by pip-compile
	Pip      Manager = "pip"       // requirements files, a [project] table, or setup.py
	PyLock   Manager = "pylock"    // PEP 751 pylock.toml
	NoDeps   Manager = "none"      // only .py files: an empty environment
)
