package build

import "testing"

// TestLocksWithoutMarkersHoldEverything: of a lock that PDM doesn't export, every
// package of an index is held to its version by its hashes, wherever the lock has them.
func TestLocksWithoutMarkersHoldEverything(t *testing.T) {
	t.Parallel()
	held, err := heldByLock([]byte(`[[package]]
name = "Flask"
version = "3.1.0"
files = [{file = "a.whl", hash = "sha256:aa"}, {file = "a.tar.gz", hash = "sha256:bb"}]
[[package]]
name = "flask"
version = "3.1.0"
extras = ["async"]
files = [{file = "a.whl", hash = "sha256:aa"}]
[[package]]
name = "six"
version = "1.17.0"
[[package]]
name = "own"
version = "1"
git = "https://example.com/own.git"
[metadata.files]
"six 1.17.0" = [{url = "x", hash = "sha256:cc"}]
`))
	if want := "flask==3.1.0 --hash=sha256:aa --hash=sha256:bb\nsix==1.17.0 --hash=sha256:cc\n"; err != nil || held != want {
		t.Errorf("%v\n%s", err, held)
	}
	wanted, err := wantedByManifest([]byte(`[project]
dependencies = ["flask>=3; python_version > '3'"]
[project.optional-dependencies]
fast = ["uvloop"]
more = ["never"]
[dependency-groups]
Test = ["pytest", {include-group = "lint"}]
lint = ["ruff"]
[tool.pdm.dev-dependencies]
test = ["-e file:///${PROJECT_ROOT}/lib", "httpx"]
`), []string{"test"}, []string{"fast"})
	if want := "flask>=3; python_version > '3'\npytest\nruff\nhttpx\nuvloop\n"; err != nil || wanted != want {
		t.Errorf("%v\n%s", err, wanted)
	}
}
