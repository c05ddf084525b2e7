package build

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python"
	"github.com/slipway-dev/slipway/sandbox"
)

func TestSteps(t *testing.T) {
	l := plan{uv: "/t/uv", poetry: "/t/poetry", pdm: "/t/pdm", pipenv: "/t/pipenv", virtualenv: "/t/virtualenv", interpreter: "/py", venv: "/e/venv", root: "/s", tree: "/s", home: "/h"}
	const venv, hashed = "/t/uv venv --quiet --no-project --python /py /e/venv", "/t/uv pip install --python /e/venv --require-hashes --no-deps -r /h/exported.txt"
	const looked = "/t/uv pip freeze --quiet --python /e/venv" // while nothing is installed
	sync := "/t/uv sync --locked --no-default-groups --no-install-project --no-editable --active"
	tests := []struct {
		name             string
		project          python.Project
		install, testing []string
	}{
		{"uv", python.Project{Manager: python.UV, Install: python.Install{Extras: []string{"x"}}, Test: python.Test{Groups: []string{"test"}}},
			[]string{venv, sync + " --extra x"}, []string{venv, sync + " --group test --extra x"}},
		{"frozen", python.Project{Manager: python.UV, Install: python.Install{Frozen: true}},
			[]string{venv, strings.Replace(sync, "--locked", "--frozen", 1)}, nil},
		{"poetry", python.Project{Manager: python.Poetry, Test: python.Test{Groups: []string{"test"}, Extras: []string{"y"}}},
			[]string{venv, "/t/poetry export --no-ansi --format requirements.txt --output /h/exported.txt --only main", hashed},
			[]string{venv, "/t/poetry export --no-ansi --format requirements.txt --output /h/exported.txt --only main,test --extras y", hashed}},
		{"pdm", python.Project{Manager: python.PDM}, []string{venv, "/t/pdm export --format requirements --prod --output /h/exported.txt", hashed}, nil},
		{"pipenv", python.Project{Manager: python.Pipenv, Install: python.Install{RequireHashes: true}},
			[]string{venv, "/t/python -I -c " + keepOutput + " /h/exported.txt /t/pipenv requirements --hash", hashed},
			[]string{venv, "/t/python -I -c " + keepOutput + " /h/exported.txt /t/pipenv requirements --hash --dev", hashed}},
		{"pip", python.Project{Manager: python.Pip, Install: python.Install{Requirements: []string{"a.txt"}, RequireHashes: true, Packages: []string{"gunicorn==1"}},
			Test: python.Test{Requirements: []string{"t.txt"}, Packages: []string{"pytest"}}},
			[]string{venv, "/t/uv pip install --python /e/venv --require-hashes -r /s/a.txt", "/t/uv pip install --python /e/venv gunicorn==1"},
			[]string{venv, "/t/uv pip install --python /e/venv --require-hashes -r /s/a.txt", "/t/uv pip install --python /e/venv -r /s/t.txt", "/t/uv pip install --python /e/venv pytest"}},
		{"table", python.Project{Manager: python.Pip, Manifests: []string{"pyproject.toml"}, Install: python.Install{Project: true, Groups: []string{"g"}, Extras: []string{"x"}}},
			[]string{venv, "/t/uv pip install --python /e/venv -r /s/pyproject.toml --extra x --group /s/pyproject.toml:g"}, nil},
		{"an extra beside requirements", python.Project{Manager: python.Pip, Manifests: []string{"requirements.txt"}, Install: python.Install{Requirements: []string{"a.txt"}, Extras: []string{"x"}}},
			[]string{venv, "/t/uv pip install --python /e/venv -r /s/a.txt -r /s/pyproject.toml --extra x"}, nil},
		{"setup", python.Project{Manager: python.Pip, Manifests: []string{"setup.py"}, Install: python.Install{Project: true, Extras: []string{"x", "y"}}},
			[]string{venv, "/t/uv pip install --python /e/venv /s[x,y]"}, nil},
		{"pylock", python.Project{Manager: python.PyLock}, []string{venv, "/t/uv pip install --python /e/venv -r /s/pylock.toml"}, nil},
		{"virtualenv", python.Project{Manager: python.NoDeps, Install: python.Install{Virtualenv: true}},
			[]string{"/t/virtualenv --quiet --no-download --python /py /e/venv"}, []string{"/t/virtualenv --quiet --no-download --python /py /e/venv"}},
	}
	lines := func(steps []step) (all []string) {
		for _, s := range steps {
			all = append(all, strings.Join(s.args, " "))
		}
		return all
	}
	for _, tc := range tests {
		tc.install = slices.Insert(tc.install, 1, looked)
		if tc.testing != nil {
			tc.testing = slices.Insert(tc.testing, 1, looked)
		}
		if got := lines(installSteps(&tc.project, l)); !slices.Equal(got, tc.install) {
			t.Errorf("%s install:\n%q\nwant\n%q", tc.name, got, tc.install)
		}
		if got := lines(testSteps(&tc.project, l)); tc.testing != nil && !slices.Equal(got, tc.testing) {
			t.Errorf("%s test:\n%q\nwant\n%q", tc.name, got, tc.testing)
		}
	}
}

// TestWhatIsResolvedFirst: only where nothing pins the versions.
func TestWhatIsResolvedFirst(t *testing.T) {
	l := plan{uv: "/t/uv", venv: "/e/venv", root: "/s", tree: "/s", home: "/h"}
	resolved := func(p python.Project) (all []string) {
		for _, s := range testSteps(&p, l) {
			if s.resolve != nil {
				all = append(all, strings.Join(s.resolve, " "))
			}
		}
		return all
	}
	const compile = "/t/uv pip compile --quiet --no-header --no-annotate --python /e/venv "
	for name, tc := range map[string]struct {
		p    python.Project
		want []string
	}{
		"files":  {python.Project{Manager: python.Pip, Install: python.Install{Requirements: []string{"a.txt", "b.txt"}}, Test: python.Test{Requirements: []string{"t.txt"}}}, []string{compile + "/s/a.txt /s/b.txt", compile + "/s/t.txt"}},
		"hashes": {python.Project{Manager: python.Pip, Install: python.Install{Requirements: []string{"a.txt"}, RequireHashes: true}}, nil},
		"table":  {python.Project{Manager: python.Pip, Manifests: []string{"pyproject.toml"}, Install: python.Install{Project: true, Extras: []string{"x"}, Groups: []string{"g"}}}, []string{compile + "/s/pyproject.toml --extra x --group /s/pyproject.toml:g"}},
		"uv":     {python.Project{Manager: python.UV}, nil},
		"poetry": {python.Project{Manager: python.Poetry}, nil},
	} {
		if got := resolved(tc.p); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

func TestExplain(t *testing.T) {
	tests := []struct {
		output string
		code   slipway.Code
		says   string
	}{
		{"OSError: [Errno 28] No space left on device", slipway.Unavailable, "disk is full"},
		{"dns error: failed to lookup address information", slipway.Unavailable, "can't be reached"},
		{"tcp connect error: Connection refused (os error 111)", slipway.Unavailable, "can't be reached"},
		{"fatal: unable to access 'https://git.example.com/a/b.git/': Could not resolve host: git.example.com", slipway.Unavailable, "comes from git at git.example.com, which can't be reached"},
		{"ssh: Could not resolve hostname git.example.com: Name or service not known", slipway.Unavailable, "comes from git at git.example.com"},
		{"fatal: could not read Username for 'https://git.example.com': terminal prompts disabled", slipway.Refused, "a repository at git.example.com that isn't there"},
		{"error: Hash mismatch for `flask==3`", slipway.Refused, "flask==3 is not the package that was locked: its hash differs"},
		{"error: Hash mismatch for a wheel", slipway.Refused, "a package is not the one that was locked"},
		{"ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have updated the package versions, please update the hashes.\n    itsdangerous==2.2.0 from https://index.example/x.whl (from -r r.txt (line 3)):\n        Expected sha256 00\n", slipway.Refused, "itsdangerous==2.2.0 is not the package that was locked"},
		{"THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", slipway.Refused, "hash differs"},
		{"In `--require-hashes` mode, all requirements must have a hash, but none were provided for: attrs", slipway.Refused, "attrs"},
		{"The lockfile at `uv.lock` needs to be updated, but `--locked` was provided", slipway.Refused, "lock again"},
		{"pyproject.toml changed significantly since poetry.lock was last generated. poetry.lock changed significantly", slipway.Refused, "lock again"},
		{"error: Failed to parse `uv.lock`", slipway.Refused, "lock file is broken"},
		{"gdal-config: not found", slipway.Refused, "libgdal-dev"},
		{"Error: pg_config executable not found.", slipway.Refused, "libpq-dev"},
		{"/bin/sh: mysql_config: not found", slipway.Refused, "default-libmysqlclient-dev"},
		{"fatal error: Python.h: No such file or directory", slipway.Refused, "python3-dev"},
		{"fatal error: ffi.h: No such file", slipway.Refused, "libffi-dev"},
		{"fatal error: lber.h: No such file", slipway.Refused, "libldap2-dev"},
		{"error: command 'gcc' failed: No such file or directory", slipway.Refused, "build-essential"},
		{"Because nope was not found in the package registry and you require nope", slipway.Refused, "spelt right"},
		{"Because there is no version of flask==99 and", slipway.Refused, "flask==99"},
		{"error: No solution found when resolving dependencies\n  cause: Because a needs b>2\n         and c needs b<2.\n\nhint: none", slipway.Refused, "each other: Because a needs b>2 and c needs b<2."},
		{"ERROR: No matching distribution found for x==1", slipway.Refused, "x==1"},
		{"Failed to build `psutil==5`", slipway.Refused, "psutil==5 has no wheel"},
		{"error: Failed to build `mysqlclient==2`\n/bin/sh: mysql_config: not found", slipway.Refused, "mysqlclient needs MySQL's headers (Debian: default-libmysqlclient-dev pkg-config); install that on this machine, or leave it out of the tests: slipway service set SERVICE --set 'test.without=[mysqlclient]'"},
		{"error: Failed to build `pygraphviz==1.14`", slipway.Refused, "pygraphviz has no wheel for this Python and needs Graphviz headers (Debian: libgraphviz-dev); install"},
		{"error: Error parsing included file in `requirements.txt` at position 9\n  cause: Expected '=' or whitespace, found Some('.'): deps/base.txt:2:3\n", slipway.Refused, "uv failed with exit code 3: Expected '=' or whitespace, found Some('.'): deps/base.txt:2:3"},
		{"error: no such thing at /srv/slipway/builds/run-12/installed/lib of https://me:word@index.example/x", slipway.Refused, "no such thing at lib of https://index.example/x"},
		{"something new", slipway.Refused, "uv failed with exit code 3; the log says why"},
	}
	for _, tc := range tests {
		err := explain(step{tool: &uv, blame: "test dependencies"}, sandbox.Result{ExitCode: 3}, tc.output)
		if slipway.CodeOf(err) != tc.code || !strings.Contains(err.Error(), tc.says) || !strings.Contains(err.Error(), "test dependencies can't be installed") {
			t.Errorf("%q: %v (%v), want %q (%v)", tc.output, err, slipway.CodeOf(err), tc.says, tc.code)
		}
	}
}

func TestReadJUnit(t *testing.T) {
	one := `<testcase classname="a" name="b" file="t.py" line="3"><failure message="no">long</failure></testcase>`
	tests := []struct {
		name, text              string
		total, failed, failures int
	}{
		{"whole", `<testsuites><testsuite><testcase name="x"/>` + one + `</testsuite></testsuites>`, 2, 1, 1},
		{"cut short", `<testsuite>` + one + `<testcase name="y"`, 1, 1, 1},
		{"no XML", "\x00\xff<<<", 0, 0, 0},
		{"empty", "", 0, 0, 0},
		{"many", "<testsuite>" + strings.Repeat(one, 200) + "</testsuite>", 200, 200, maxFailures},
		{"entity", `<!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/passwd">]><testsuite><testcase name="z"><failure message="&e;">&e;</failure></testcase></testsuite>`, 1, 1, 1},
		{"long", `<testsuite><testcase name="z"><failure message="` + strings.Repeat("m", 9000) + `">` + strings.Repeat("x", 90000) + `</failure></testcase></testsuite>`, 1, 1, 1},
	}
	for _, tc := range tests {
		var report slipway.TestReport
		readJUnit(strings.NewReader(tc.text), "/src", &report)
		if report.Total != tc.total || report.Failed != tc.failed || len(report.Failures) != tc.failures {
			t.Errorf("%s: %d tests, %d failed, %d kept", tc.name, report.Total, report.Failed, len(report.Failures))
		}
		for _, f := range report.Failures {
			if len(f.Message) > 600 || len(f.Excerpt) > maxExcerpt+10 || strings.Contains(f.Message+f.Excerpt, "root:") {
				t.Errorf("%s: %.200v", tc.name, f)
			}
		}
	}
}

func TestCopySource(t *testing.T) {
	for target, ok := range map[string]bool{"kept.txt": true, "./sub/../kept.txt": true, "../kept.txt": false, "/etc/passwd": false, "sub/../../x": false} {
		from, to := project(t, files{"kept.txt": "k", "sub/a.py": "a", ".git/config": "x", "venv/bin/python": "x", "sub/__pycache__/a.pyc": "x"}), filepath.Join(t.TempDir(), "to")
		if err := os.Symlink(target, filepath.Join(from, "link")); err != nil {
			t.Fatal(err)
		}
		err := copySource(t.Context(), from, to)
		if !ok {
			wantRefused(t, err, "", "link leaves the project")
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", target, err)
		}
		for name, there := range map[string]bool{"kept.txt": true, "sub/a.py": true, "link": true, ".git": false, "venv": false, "sub/__pycache__": false} {
			if _, err := os.Lstat(filepath.Join(to, name)); (err == nil) != there {
				t.Errorf("%s is there: %v, want %v", name, err == nil, there)
			}
		}
	}
}

// TestFormerIndex: requirements that name PyPI as it was called are taken from it.
func TestFormerIndex(t *testing.T) {
	file := filepath.Join(t.TempDir(), "requirements.txt")
	for given, want := range map[string]string{
		"-i https://pypi.python.org/simple\nflask==3 --hash=sha256:0\n": "-i https://pypi.org/simple\nflask==3 --hash=sha256:0\n",
		"--extra-index-url http://pypi.python.org/simple/\n":            "--extra-index-url https://pypi.org/simple/\n",
		"-i https://pypi.python.org.example/simple\n":                   "-i https://pypi.python.org.example/simple\n",
	} {
		if err := os.WriteFile(file, []byte(given), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := fromTodaysIndex(file); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(file); string(got) != want {
			t.Errorf("%q became %q", given, got)
		}
	}
	if err := fromTodaysIndex(filepath.Join(t.TempDir(), "none")); err != nil {
		t.Error(err)
	}
}
