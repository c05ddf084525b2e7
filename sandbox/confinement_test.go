package sandbox_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/slipway-dev/slipway/sandbox"
)

// place is a data directory with a command's own directory beside what it must
// never reach.
type place struct{ data, own, secret string }

func newPlace(t *testing.T) place {
	t.Helper()
	data := t.TempDir()
	p := place{data: data, own: filepath.Join(data, "own"), secret: filepath.Join(data, "secrets", "key")}
	for _, dir := range []string{filepath.Join(p.own, "tmp"), filepath.Dir(p.secret)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(p.secret, []byte("the-key"), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p place) confinement() sandbox.Confinement {
	return sandbox.Confinement{Write: []string{p.own}, Closed: []string{p.data}}
}

// confined starts a shell confined and returns what it said, with its exit code.
func (p place) confined(t *testing.T, c sandbox.Confinement, script string, args ...string) (string, int) {
	t.Helper()
	cmd := exec.Command("/bin/sh", append([]string{"-c", script, "sh"}, args...)...)
	var out bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.own, &out, &out
	cmd.Env = sandbox.Environment(p.own, nil, nil)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := sandbox.Start(cmd, c); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	return out.String(), cmd.ProcessState.ExitCode()
}

// attacks are what code of a project would try: each works without the
// confinement, at least for root, and does no harm when it does.
func attacks(t *testing.T, p place) map[string]string {
	t.Helper()
	link := filepath.Join(p.own, "link")
	if err := os.Symlink(p.secret, link); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", "@slipway-test-"+filepath.Base(filepath.Dir(p.data))+filepath.Base(p.data))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	t.Setenv("PLATFORM_TOKEN", "do-not-tell")
	all := map[string]string{
		"read a secret":                   `cat ` + p.secret,
		"read a secret through a link":    `cat ` + link,
		"read a secret through /proc":     `cat /proc/$PPID/root` + p.secret,
		"list the data directory":         `ls ` + p.data,
		"write beside":                    `echo x > ` + p.data + `/planted`,
		"truncate a secret":               `: > ` + p.secret,
		"remove a secret":                 `test -e ` + p.secret + ` && rm -f ` + p.secret + ` && ! ls ` + p.secret,
		"move a secret here":              `mv ` + p.secret + ` stolen`,
		"hard link a secret":              `ln ` + p.secret + ` linked`,
		"read the platform's environment": fmt.Sprintf(`cat /proc/%d/environ`, os.Getpid()),
		"read the platform's memory":      fmt.Sprintf(`dd if=/proc/%d/mem of=/dev/null bs=1 count=1 skip=4096`, os.Getpid()),
		"look at the platform's files":    fmt.Sprintf(`ls -l /proc/%d/fd/`, os.Getpid()),
		"trace the platform":              fmt.Sprintf(`python3 -c 'import ctypes,sys; sys.exit(0 if ctypes.CDLL(None).ptrace(0x4206, %d, 0, 0) == 0 else 1)'`, os.Getpid()),
		"signal the platform":             fmt.Sprintf(`kill -0 %d`, os.Getpid()),
		"reach an abstract socket":        `python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect("\0` + listener.Addr().String()[1:] + `")'`,
		"read password hashes":            `cat /etc/shadow`,
		"list somebody's home":            `ls ` + os.Getenv("HOME"),
		"write to the system":             `mkdir /usr/planted && rmdir /usr/planted`,
		"write to /tmp":                   `mkdir /tmp/planted && rmdir /tmp/planted`,
		"make a device":                   `mknod disk b 254 0`,
		"read memory of the machine":      `head -c 1 /dev/mem`,
		"read the kernel's memory":        `head -c 1 /proc/kcore`,
		"change the kernel":               `echo 1 > /proc/sys/vm/drop_caches`,
		"mount":                           `mount -t tmpfs none tmp && umount tmp`,
		"mount in a namespace of its own": `unshare -rm mount -t tmpfs none tmp`,
		"gain rights back":                `grep -E "^Cap(Prm|Eff|Bnd|Amb):" /proc/self/status | grep -qv 0000000000000000$`,
		"enter the platform's namespaces": fmt.Sprintf(`nsenter -t %d -m true`, os.Getpid()),
		"change root":                     `chroot / true`,
		"become another user":             `python3 -c 'import os; os.setgroups([]); os.setuid(12345)'`,
	}
	if os.Geteuid() != 0 {
		delete(all, "gain rights back") // the bounding set of one who has no rights stays
	}
	return all
}

func TestConfinedReachesItsOwnOnly(t *testing.T) {
	p := newPlace(t)
	for name, script := range attacks(t, p) {
		t.Run(name, func(t *testing.T) {
			if out, code := p.confined(t, p.confinement(), script); code == 0 {
				t.Errorf("this worked: %s\n%s", script, out)
			}
		})
	}
	if text, err := os.ReadFile(p.secret); err != nil || string(text) != "the-key" {
		t.Errorf("the secret is %q now, %v", text, err)
	}
}

// works is the other half: what ordinary programs need.
func works(t *testing.T, p place) (sandbox.Confinement, map[string]string) {
	t.Helper()
	given := filepath.Join(p.data, "given")
	if err := os.WriteFile(given, []byte("given"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := p.confinement()
	c.Read = []string{given, filepath.Join(p.data, "not-there")}
	return c, map[string]string{
		"its files": `mkdir -p a/b && echo x > a/b/c && mv a/b/c d && ln d e && ln -s d f && cat f && rm -r a d e f && mkfifo g && rm g`,
		// mv copies where it may not move; uv doesn't.
		"moving between directories": `mkdir -p a/b x && echo x > a/b/c && python3 -c 'import os; os.rename("a/b/c", "x/c"); os.link("x/c", "a/c"); os.rename("a/b", "x/b")'`,
		"what it may read":           `cat ` + given,
		"a script of its own":        `printf '#!/bin/sh\nexit 0\n' > run && chmod +x run && ./run`,
		"devices":                    `echo x > /dev/null && head -c 1 /dev/urandom && test -r /dev/zero`,
		"its own descriptors":        `echo x > /dev/stderr && cat < /dev/stdin`,
		"the system's settings":      `cat /etc/passwd && getent passwd root && cat /etc/resolv.conf && ls /etc/ssl/certs`,
		"signals to its own":         `sleep 60 & kill $!`,
		"processes":                  `python3 -c 'import multiprocessing as m; q = m.Queue(); p = m.Process(target=q.put, args=(1,)); p.start(); assert q.get() == 1; p.join(); m.Lock(); m.shared_memory' 2>&1 || python3 -c 'import multiprocessing as m; m.Lock()'`,
		"shared memory":              `python3 -c 'from multiprocessing import shared_memory as s; b = s.SharedMemory(create=True, size=10); b.unlink()'`,
		"a terminal":                 `python3 -c 'import pty; pty.openpty()'`,
		"temporary files":            `python3 -c 'import tempfile; tempfile.TemporaryFile().write(b"x")'`,
		"sockets of its own":         `python3 -c 'import socket; a = socket.socket(socket.AF_UNIX); a.bind("s"); a.listen(); socket.socket(socket.AF_UNIX).connect("s"); b = socket.socket(socket.AF_UNIX); b.bind("\0own"); b.listen(); socket.socket(socket.AF_UNIX).connect("\0own")'`,
		"a compiler":                 `echo 'int main(void){return 0;}' > m.c && cc m.c -o m && ./m`,
		"limits and priorities":      `ulimit -n 100 && nice -n 1 true && taskset -c "$(taskset -cp $$ | sed "s/.*: //")" true && ionice -c 3 true && prlimit --core=0 true && python3 -c 'import os, resource; os.nice(1); os.sched_setaffinity(0, os.sched_getaffinity(0)); resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); resource.prlimit(os.getpid(), resource.RLIMIT_NOFILE)'`,
		"threads":                    `python3 -c 'import concurrent.futures as f; assert sum(f.ThreadPoolExecutor(20).map(abs, range(100))) == 4950'`,
		"processes of a pool":        `python3 -c 'import multiprocessing as m; assert m.get_context("spawn").Pool(2).map(abs, [1, 2]) == [1, 2]' 2>&1`,
		"modes":                      `mkdir -m 1777 t && touch t/a && chmod 640 t/a && install -m 755 t/a t/b && cp -a t u && tar cf t.tar t && mkdir v && tar xpf t.tar -C v && test "$(stat -c %a v/t v/t/a u/b | tr "\n" " ")" = "1777 640 755 "`,
		"directories as by mkdir":    `python3 -c 'import os; os.mkdir("w", 0o2775)' && ! find w -perm /6000 | grep .`,
		"git":                        `git init -q r && cd r && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x`,
	}
}

func TestConfinedDoesItsWork(t *testing.T) {
	p := newPlace(t)
	c, all := works(t, p)
	for name, script := range all {
		t.Run(name, func(t *testing.T) {
			if out, code := p.confined(t, c, script); code != 0 {
				t.Errorf("exit code %d: %s\n%s", code, script, out)
			}
		})
	}
}

// TestConfinedSystemLeavesOutWhatIsClosed puts a closed directory below one that
// belongs to the system.
func TestConfinedSystemLeavesOutWhatIsClosed(t *testing.T) {
	p := newPlace(t)
	t.Setenv("PIP_FIND_LINKS", filepath.Dir(p.data)) // a setting that opens what lies around the data directory
	beside := filepath.Join(filepath.Dir(p.data), "wheel")
	if err := os.WriteFile(beside, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, code := p.confined(t, p.confinement(), `cat `+beside); code != 0 {
		t.Errorf("what a setting names is closed: %s", out)
	}
	if out, code := p.confined(t, p.confinement(), `cat `+p.secret); code == 0 {
		t.Errorf("a setting opened the data directory: %s", out)
	}
}

// TestConfinementIsOfOneThread starts confined commands while this process goes
// on with all its rights.
func TestConfinementIsOfOneThread(t *testing.T) {
	p := newPlace(t)
	for range 50 {
		p.confined(t, p.confinement(), "true")
	}
	if _, err := os.ReadFile(p.secret); err != nil {
		t.Errorf("the platform is confined itself: %v", err)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil || !strings.Contains(string(status), "NoNewPrivs:\t0") {
		t.Errorf("the platform lost rights: %v\n%s", err, status)
	}
}

// TestConfinedAsAnotherUser changes the user on the way, too.
func TestConfinedAsAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("who isn't root can't become anybody")
	}
	cmd := exec.Command("/bin/sh", "-c", "id -u; grep -E '^Cap(Prm|Eff)' /proc/self/status")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Env = &out, &out, sandbox.Environment("/", nil, nil)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if err := sandbox.Start(cmd, sandbox.Confinement{}); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || !strings.HasPrefix(out.String(), "65534\n") || strings.Count(out.String(), "\t0000000000000000\n") != 2 {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// TestProgramsAlone: what isn't named is not executed, though it can be read.
func TestProgramsAlone(t *testing.T) {
	p := newPlace(t)
	c := p.confinement()
	sh, err := filepath.EvalSymlinks("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	c.Programs = []string{sh}
	if out, code := p.confined(t, c, `test -r /bin/ls && echo read`); code != 0 || out != "read\n" {
		t.Errorf("%d %s", code, out)
	}
	if out, code := p.confined(t, c, `/bin/ls`); code == 0 {
		t.Errorf("another program ran: %s", out)
	}
	if out, code := p.confined(t, c, `printf '#!/bin/sh\nexit 0\n' > run && chmod +x run && ./run`); code == 0 {
		t.Errorf("its own program ran: %s", out)
	}
}

func TestInterpreterIsItsInstallation(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"py/bin/python3.12", "py/lib/python3.12/os.py", "home/bin/python3", "home/private"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "py/bin/python3.12"), filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for program, want := range map[string]string{"link": "py", "home/bin/python3": "home/bin/python3"} {
		if got := sandbox.Interpreter(filepath.Join(dir, program)); len(got) != 1 || got[0] != filepath.Join(dir, want) {
			t.Errorf("%s needs %v, want %s", program, got, want)
		}
	}
}
