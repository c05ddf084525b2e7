// Package postgrestest runs a real PostgreSQL for tests: a private cluster in a
// temporary directory, on a free port of the loopback interface.
package postgrestest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// cluster is shared by the tests of a package; Stop ends it.
var cluster struct {
	sync.Mutex
	dir, address string
	databases    int
	settings     string
	stop         func()

	preparing sync.Once
	prepared  string // the database that Prepared copies
}

// URL returns the address of a new, empty database. A machine without
// PostgreSQL fails the test: a suite that is skipped looks green.
func URL(t testing.TB) string {
	t.Helper()
	cluster.Lock()
	defer cluster.Unlock()
	if cluster.address == "" {
		if err := start(); err != nil {
			t.Fatalf("PostgreSQL: %v (Debian: apt-get install postgresql)", err)
		}
	}
	return create(t, "template1")
}

// Prepared returns the address of a new database that is as prepare leaves one,
// which has to close what it opens. It is asked once for all tests of a process.
func Prepared(t testing.TB, prepare func(address string) error) string {
	t.Helper()
	cluster.preparing.Do(func() {
		address := URL(t)
		if err := prepare(address); err != nil {
			t.Fatal(err)
		}
		cluster.prepared = strings.TrimSuffix(address[strings.LastIndex(address, "/")+1:], "?sslmode=disable")
	})
	if cluster.prepared == "" {
		t.Fatal("the database that the others are copied from could not be prepared; an earlier test says why")
	}
	cluster.Lock()
	defer cluster.Unlock()
	return create(t, cluster.prepared)
}

// create makes a database as template is and returns its address.
func create(t testing.TB, template string) string {
	t.Helper()
	cluster.databases++
	name := fmt.Sprintf("test%d", cluster.databases)
	if out, err := tool("createdb", "-h", "127.0.0.1", "-p", port(cluster.address), "-U", "postgres", "-T", template, name).CombinedOutput(); err != nil {
		t.Fatalf("createdb: %v\n%s", err, out)
	}
	return fmt.Sprintf("postgres://postgres@%s/%s?sslmode=disable", cluster.address, name)
}

// Backup copies a database as it is now. What it returns makes a new one of the copy
// and tells its address.
func Backup(t testing.TB, address string) (restore func() string) {
	t.Helper()
	cluster.Lock()
	defer cluster.Unlock()
	name := strings.TrimSuffix(address[strings.LastIndex(address, "/")+1:], "?sslmode=disable")
	dump, err := tool("pg_dump", "-h", "127.0.0.1", "-p", port(cluster.address), "-U", "postgres", name).Output()
	if err != nil {
		t.Fatalf("pg_dump: %v", err)
	}
	return func() string {
		t.Helper()
		restored := URL(t)
		load := tool("psql", "-q", "-v", "ON_ERROR_STOP=1", restored)
		load.Stdin = bytes.NewReader(dump)
		if out, err := load.CombinedOutput(); err != nil {
			t.Fatalf("psql: %v\n%s", err, out)
		}
		return restored
	}
}

// Stop ends the cluster; call it in TestMain after the tests.
func Stop() {
	cluster.Lock()
	defer cluster.Unlock()
	if cluster.stop != nil {
		cluster.stop()
		cluster.stop, cluster.address = nil, ""
		cluster.preparing, cluster.prepared = sync.Once{}, ""
	}
}

func start() error {
	dir, err := os.MkdirTemp("", "slipway-postgres-")
	if err != nil {
		return err
	}
	cluster.dir = filepath.Join(dir, "data")
	if err := own(dir); err != nil {
		return err
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := free.Addr().String()
	_ = free.Close()
	if out, err := tool("initdb", "-D", cluster.dir, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C").CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	settings := fmt.Sprintf("-c listen_addresses=127.0.0.1 -c port=%s -c unix_socket_directories='' -c fsync=off -c full_page_writes=off", port(address))
	cluster.settings, cluster.address = settings, address
	if err := run(); err != nil {
		cluster.address = ""
		return err
	}
	cluster.stop = func() {
		_ = tool("pg_ctl", "-D", cluster.dir, "-m", "immediate", "-w", "stop").Run()
		_ = os.RemoveAll(dir)
	}
	return nil
}

func run() error {
	out, err := tool("pg_ctl", "-D", cluster.dir, "-o", cluster.settings, "-l", filepath.Join(filepath.Dir(cluster.dir), "log"), "-w", "start").CombinedOutput()
	if err != nil {
		return fmt.Errorf("pg_ctl: %w\n%s", err, out)
	}
	return nil
}

// Cut ends the cluster as a power cut would; Mend starts it again, with what it
// has on disk.
func Cut(t testing.TB) {
	t.Helper()
	if out, err := tool("pg_ctl", "-D", cluster.dir, "-m", "immediate", "-w", "stop").CombinedOutput(); err != nil {
		t.Fatalf("pg_ctl: %v\n%s", err, out)
	}
}

// Mend starts the cluster again after Cut.
func Mend(t testing.TB) {
	t.Helper()
	if err := run(); err != nil {
		t.Fatal(err)
	}
}

// tool runs one of PostgreSQL's programs; the server refuses to run as root, so
// root hands over to the user that the package made.
func tool(name string, args ...string) *exec.Cmd {
	path := name
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name); len(found) > 0 {
		slices.Sort(found)
		path = found[len(found)-1]
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = os.TempDir()
	if uid, gid, ok := postgres(); ok {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	}
	return cmd
}

func own(dir string) error {
	if uid, gid, ok := postgres(); ok {
		return os.Chown(dir, int(uid), int(gid))
	}
	return nil
}

func postgres() (uid, gid uint32, ok bool) {
	if os.Geteuid() != 0 {
		return 0, 0, false
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return 0, 0, false
	}
	a, _ := strconv.ParseUint(u.Uid, 10, 32)
	b, _ := strconv.ParseUint(u.Gid, 10, 32)
	return uint32(a), uint32(b), true
}

func port(address string) string {
	_, p, _ := net.SplitHostPort(address)
	return p
}
