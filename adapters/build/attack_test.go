package build

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/artifact"
	"github.com/slipway-dev/slipway/sandbox"
)

// attacks is what a developer may commit: it tries to reach what isn't the
// project's, and says what worked. Nothing of it does harm when it does.
const attacks = `import os, socket, sys
data, platform, namespaces = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "true"


def read(path):
    return lambda: open(path).read()


def write(path):
    return lambda: open(path, "w").write("planted")


def connect():
    if not namespaces:
        raise PermissionError("nobody gets in without the key")
    socket.socket(socket.AF_UNIX).connect(data + "/api.sock")


tries = {
    "read a secret": read(data + "/secrets/key"),
    "read a secret through a link": lambda: (os.symlink(data + "/secrets/key", "stolen"), read("stolen")()),
    "read the operator's key": read(data + "/api.key"),
    "read another service's source": read(data + "/artifacts/other/source/app.py"),
    "list artifacts": lambda: os.listdir(data + "/artifacts"),
    "write to environments": write(data + "/environments/planted"),
    "write to its environment": write(sys.prefix + "/planted"),
    "write to its interpreter": lambda: open(sys.executable, "r+"),
    "write to the cache": write(data + "/cache/uv/planted"),
    "write to tools": write(data + "/tools/planted"),
    "write beside its home": write(os.environ["HOME"] + "/../planted"),
    "exchange its source": lambda: os.rename(os.getcwd(), os.getcwd() + "2"),
    "connect to the operator's socket": connect,
    "signal the platform": lambda: os.kill(platform, 0),
    "read the platform's environment": read("/proc/%d/environ" % platform),
    "look at a home": lambda: os.listdir(os.path.expanduser("~root")),
}
for name, attack in tries.items():
    try:
        attack()
        print("WORKED:", name)
    except (OSError, FileNotFoundError) as problem:
        print("held:", name, problem)
if os.path.lexists("stolen"):
    os.remove("stolen")
print("tried", len(tries))
`

// plantedData puts into the data directory what must not be reached.
func plantedData(t *testing.T) {
	t.Helper()
	write(t, shared.o.Data, files{"secrets/key": planted, "api.key": planted, "artifacts/other/source/app.py": planted})
	l, err := net.Listen("unix", filepath.Join(shared.o.Data, "api.sock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
}

func (a files) attacking(config string) files {
	return with(a, files{"attack.py": attacks, "slipway.yaml": idle + strings.ReplaceAll(config, "ATTACK",
		fmt.Sprintf("python attack.py %s %d %v", shared.o.Data, os.Getpid(), sandbox.Protection().Namespaces))})
}

func checkHeld(t *testing.T, log string, tried int) {
	t.Helper()
	if strings.Contains(log, "WORKED") || strings.Contains(log, planted) || !strings.Contains(log, fmt.Sprintf("tried %d", tried)) {
		t.Errorf("the project's code reached what isn't its own:\n%s", log)
	}
}

func TestBuildsReachTheirOwnOnly(t *testing.T) {
	plantedData(t)
	a, log := mustBuild(t, project(t, unit("pass").attacking("build: {commands: [ATTACK]}\n")))
	checkHeld(t, log, 16)
	if text, err := os.ReadFile(filepath.Join(a.Path, "source", "attack.py")); err != nil || string(text) != attacks {
		t.Errorf("the release lost a file: %v", err)
	}
	if layers := sandbox.Protection().Layers(); len(layers) < 3 || !slices.Equal(a.BuiltUnder, layers) {
		t.Errorf("the release says it was built under %q, not %q", a.BuiltUnder, layers)
	}
	if err := artifact.Verify(t.Context(), shared.o.Data, a.Digest); err != nil {
		t.Errorf("a release as it was built is not what was built: %v", err)
	}
	_, log, err := runTests(t, project(t, unit("sys.argv[1:] = '"+fmt.Sprintf("%s %d %v", shared.o.Data, os.Getpid(), sandbox.Protection().Namespaces)+"'.split(); import attack").attacking("")), 0)
	if err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	checkHeld(t, log, 16)
}

// TestWhatABuildLeaves has commands leave what would have the platform read for
// them, or wait for ever.
func TestWhatABuildLeaves(t *testing.T) {
	plantedData(t)
	python := func(code string) files {
		return with(unit("pass"), files{"do.py": "import os, sys, subprocess\n" + code + "\n", "slipway.yaml": idle + "build: {commands: [python do.py]}\n"})
	}
	secret := filepath.Join(shared.o.Data, "secrets", "key")
	_, log, err := build(t, project(t, python(fmt.Sprintf("os.symlink(%q, 'stolen')", secret))))
	wantRefused(t, err, log, "the link stolen leaves the project")
	_, log, err = build(t, project(t, python("os.symlink('../../../secrets', 'stolen')")))
	wantRefused(t, err, log, "the link stolen leaves the project")
	a, _ := mustBuild(t, project(t, python("os.mkfifo('pipe')")))
	if _, err := os.Lstat(filepath.Join(a.Path, "source", "pipe")); err == nil {
		t.Error("a pipe is part of a release")
	}
	for _, leave := range []string{fmt.Sprintf("os.symlink(%q, answer)", secret), "os.mkfifo(answer)"} {
		app := files{"requirements.txt": plainFlask, "app.py": "import os\nanswer = os.environ['HOME'] + '/import.json'\nif os.path.exists(answer):\n    os.remove(answer)\n" + leave + "\nos._exit(0)\n" + flaskApp}
		_, log, err := build(t, project(t, app))
		wantRefused(t, err, log, "no ordinary file")
		if strings.Contains(log+err.Error(), planted) {
			t.Errorf("a secret was told: %v\n%s", err, log)
		}
	}
}

// TestDetachedBuildsAreEnded: no mark, no session, no parent, and gone all the same
// when the command has ended.
func TestDetachedBuildsAreEnded(t *testing.T) {
	code := "import os, sys\nif os.fork() == 0:\n    os.setsid()\n    if os.fork():\n        os._exit(0)\n    null = os.open('/dev/null', os.O_RDWR)\n    for fd in 0, 1, 2:\n        os.dup2(null, fd)\n    os.execve(sys.executable, [sys.executable, '-c', 'import time; time.sleep(300)', 'detached-4f1c'], {})\nos.wait()\n"
	_, log := mustBuild(t, project(t, with(unit("pass"), files{"detach.py": code, "slipway.yaml": idle + "build: {commands: [python detach.py]}\n"})))
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range lines {
		if line, err := os.ReadFile(name); err == nil && strings.HasSuffix(string(line), "\x00detached-4f1c\x00") {
			t.Errorf("%s outlives the build\n%s", filepath.Dir(name), log)
		}
	}
}
