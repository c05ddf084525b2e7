package doctor

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/api/apitest"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
	"github.com/slipway-dev/slipway/ent/migrate"
	"github.com/slipway-dev/slipway/internal/postgrestest"
	"github.com/slipway-dev/slipway/platform"
)

// alone is a program that has this one command.
var alone = cli.Program{Commands: func() cli.Commands {
	return &struct {
		cli.Settings
		Doctor Command `cmd:""`
	}{}
}}

// examine runs the doctor and returns what it found, by name.
func examine(t *testing.T, wantExit int, env map[string]string, args ...string) map[string]finding {
	t.Helper()
	if env == nil {
		env = map[string]string{}
	}
	if env["HOME"] == "" {
		env["HOME"] = t.TempDir()
	}
	if !slices.Contains(args, "--listen") {
		args = append(args, "--listen", "127.0.0.1:0")
	}
	var out, errs bytes.Buffer
	code := cli.Run(t.Context(), alone, append([]string{"doctor", "--json", "--edge", "127.0.0.1:0"}, args...), strings.NewReader(""), &out, &errs, func(k string) string { return env[k] })
	var report struct {
		Items []finding
		OK    bool
	}
	if err := json.Unmarshal(out.Bytes(), &report); err != nil || code != wantExit || report.OK != (code == 0) {
		t.Errorf("exit %d, want %d: %v\n%s%s", code, wantExit, err, out.String(), errs.String())
	}
	found := map[string]finding{}
	for _, f := range report.Items {
		if f.State != ok && f.Remedy == "" || f.Found == "" || found[f.Name].Name != "" {
			t.Errorf("a poor finding: %+v", f)
		}
		found[f.Name] = f
	}
	return found
}

func want(t *testing.T, found map[string]finding, name string, state verdict, says string) {
	t.Helper()
	if f := found[name]; f.State != state || !strings.Contains(f.Found+" → "+f.Remedy, says) {
		t.Errorf("%s: %+v, want %s with %q", name, f, state, says)
	}
}

// TestDoctorAlone needs no platform, and leaves nothing behind.
func TestDoctorAlone(t *testing.T) {
	home := t.TempDir()
	found := examine(t, 0, map[string]string{"HOME": home})
	for _, name := range []string{"git", "python", "venv", "memory", "data", "disk", "key files", "database", "node", "port", "edge port", "processes", "clock"} {
		want(t, found, name, ok, "")
	}
	want(t, found, "platform", warn, "slipway up")
	if got := found["confinement"]; !strings.Contains(got.Found, "git: user ") || got.State == fail || (got.State == warn) != (got.Remedy != "") {
		t.Errorf("what holds code of projects: %+v", got)
	}
	if found["localhost"].Name == "" {
		t.Error("names aren't looked at")
	}
	if left, _ := os.ReadDir(home); len(left) > 0 {
		t.Errorf("it left %v", left)
	}
}

// TestDoctorOfAMachine breaks the machine.
func TestDoctorOfAMachine(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	found := examine(t, 0, nil, "--listen", l.Addr().String())
	want(t, found, "port", warn, fmt.Sprintf("is taken by process %d", os.Getpid()))

	t.Setenv("PATH", t.TempDir())
	found = examine(t, 1, nil)
	want(t, found, "git", fail, "Debian's git")
	old := filepath.Join(os.Getenv("PATH"), "git")
	if err := os.WriteFile(old, []byte("#!/bin/sh\necho git version 2.11.0\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	want(t, examine(t, 1, nil), "git", fail, "2.11.0")
}

// TestDoctorOfAnotherDatabase looks at a PostgreSQL as at the file of the data directory.
func TestDoctorOfAnotherDatabase(t *testing.T) {
	t.Cleanup(postgrestest.Stop)
	at := postgrestest.URL(t)
	env, data := map[string]string{"SLIPWAY_DATABASE": at}, filepath.Join(t.TempDir(), "data")
	want(t, examine(t, 0, env, "--data", data), "database", ok, "has no tables yet")
	storage, err := platform.OpenStorage(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	_ = storage.Close()
	want(t, examine(t, 0, env, "--data", data), "database", ok, "the newest")
	db, err := sql.Open("pgx", at)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{
		`INSERT INTO teams (id, created_at, updated_at, name) VALUES (4711, now(), now(), 'shop')`,
		`INSERT INTO services (id, created_at, updated_at, name, repository, team_id) VALUES (1, now(), now(), 'billing', 'https://git.example.com/billing.git', 4711)`,
		`INSERT INTO trusts (id, created_at, updated_at, service_id, name, issuer, audience, subject, scopes) VALUES (1, now(), now(), 1, 'ci', 'https://token.actions.githubusercontent.com', 'slipway', 'repo:*:ref:refs/heads/main', '[]')`,
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	want(t, examine(t, 0, env, "--data", data), "CI trusts", warn, "billing: ci (repo:*:ref:refs/heads/main; token.actions.githubusercontent.com signs the jobs of everybody")
	for address, says := range map[string]string{
		"postgres://nobody:s3cret@127.0.0.1:1/none":    "can't be read",
		"postgres://nobody:s3cret@127.0.0.1:port/none": "no address of a database",
		"postgres://nobody:s3cret%@127.0.0.1/none":     "no address of a database",
	} {
		env["SLIPWAY_DATABASE"] = address
		found := examine(t, 1, env, "--data", data)
		want(t, found, "database", fail, says)
		if strings.Contains(fmt.Sprint(found), "s3cret") {
			t.Errorf("%s: the password is shown: %v", address, found["database"])
		}
	}
}

// TestDoctorOfData breaks the data directory.
func TestDoctorOfData(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	storage, err := platform.OpenStorage(t.Context(), "sqlite://"+filepath.Join(data, "slipway.db"))
	if err != nil {
		t.Fatal(err)
	}
	_ = storage.Close()
	want(t, examine(t, 0, nil, "--data", data), "database", ok, "the newest")

	change := func(statement string) {
		t.Helper()
		db, err := sql.Open("sqlite", filepath.Join(data, "slipway.db"))
		if err == nil {
			_, err = db.ExecContext(t.Context(), statement)
			_ = db.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	add := func(id int, subject string) {
		t.Helper()
		change(fmt.Sprintf(`INSERT INTO trusts (id, created_at, updated_at, service_id, name, issuer, audience, subject, scopes) VALUES (%d, '2026-01-01', '2026-01-01', 1, 'ci-%d', 'https://token.actions.githubusercontent.com', 'slipway', '%s', '[]')`, id, id, subject))
	}
	change(`INSERT INTO services (id, created_at, updated_at, name, repository, team_id) VALUES (1, '2026-01-01', '2026-01-01', 'billing', 'https://git.example.com/billing.git', 1)`)
	add(1, "repo:shop/billing:*")
	want(t, examine(t, 0, nil, "--data", data), "CI trusts", ok, "1 trust")
	add(2, "repo:*:ref:refs/heads/main")
	want(t, examine(t, 0, nil, "--data", data), "CI trusts", warn, "billing: ci-2 (repo:*:ref:refs/heads/main; token.actions.githubusercontent.com signs the jobs of everybody")
	want(t, examine(t, 0, nil, "--data", data), "CI trusts", warn, "slipway trust rm billing ci-2; then add them anew")
	known, _ := migrate.Versions.ReadDir("migrations/sqlite3")
	change(fmt.Sprintf(`INSERT INTO schema_versions VALUES (%d, 'future', '')`, len(known)+1))
	want(t, examine(t, 1, nil, "--data", data), "database", fail, "a newer slipway")
	change(fmt.Sprintf(`DELETE FROM schema_versions WHERE version > %d`, len(known)-2))
	want(t, examine(t, 0, nil, "--data", data), "database", warn, "brings it up to date")

	if err := os.Chmod(data, 0o755); err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(data, "secrets", "key")
	if err := os.MkdirAll(filepath.Dir(secret), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(secret, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	found := examine(t, 1, nil, "--data", data)
	want(t, found, "data", warn, "chmod 700")
	want(t, found, "key files", fail, "chmod 600 "+secret)

	if err := os.WriteFile(filepath.Join(data, "slipway.db"), []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, examine(t, 1, nil, "--data", data), "database", fail, "can't be read")
	want(t, examine(t, 1, nil, "--data", secret), "data", fail, "--data")

	if err := os.WriteFile(filepath.Join(data, "up.json"), []byte(`{"pid": 999999, "listen": "127.0.0.1:1"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	found = examine(t, 1, nil, "--data", data)
	want(t, found, "platform", warn, "goes on where it was")
	want(t, found, "server", fail, "slipway up --data")
}

// TestDoctorOfProcesses leaves processes behind.
func TestDoctorOfProcesses(t *testing.T) {
	data := t.TempDir()
	if err := os.MkdirAll(filepath.Join(data, "node"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "node", "id"), []byte(`"TESTNODE"`), 0o600); err != nil {
		t.Fatal(err)
	}
	leave := func(env ...string) string {
		cmd := exec.Command("sleep", "600")
		cmd.Env = env
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		return fmt.Sprint(cmd.Process.Pid)
	}
	pid := leave("SLIPWAY_NODE=TESTNODE", "SLIPWAY_DATA="+data)
	want(t, examine(t, 0, nil, "--data", data), "processes", warn, "without their node agent: "+pid)
	pid = leave("SLIPWAY_NODE=OTHER", "SLIPWAY_DATA="+filepath.Join(data, "gone"))
	want(t, examine(t, 0, nil, "--data", data), "processes", warn, "kill "+pid)
}

// TestDoctorOfAServer looks at a real API that lies a little.
func TestDoctorOfAServer(t *testing.T) {
	w := apitest.New(t)
	serve := func(change func(w http.ResponseWriter, r *http.Request) bool, start func(*httptest.Server)) *httptest.Server {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if change == nil || !change(rw, r) {
				w.API.ServeHTTP(rw, r)
			}
		}))
		start(s)
		t.Cleanup(s.Close)
		return s
	}
	plain := (*httptest.Server).Start
	token := map[string]string{"SLIPWAY_TOKEN": w.Token}

	s := serve(nil, plain)
	found := examine(t, 0, token, "--server", s.URL)
	want(t, found, "server", ok, s.URL)
	want(t, found, "engine", ok, "")
	want(t, found, "clock", ok, "as the server's")
	want(t, found, "account", ok, "ada")
	want(t, found, "token", ok, "good until")
	want(t, found, "version", warn, "0.1.0-test")
	want(t, examine(t, 0, nil, "--server", s.URL), "account", warn, "slipway login "+s.URL)
	want(t, examine(t, 1, map[string]string{"SLIPWAY_TOKEN": "slp_nonsense"}, "--server", s.URL), "account", fail, "SLIPWAY_TOKEN")
	want(t, examine(t, 1, nil, "--server", "http://127.0.0.1:1"), "server", fail, "refused")
	want(t, examine(t, 1, nil, "--profile", "nobody"), "server", fail, "slipway profile ls")

	off := serve(func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
		return false
	}, plain)
	want(t, examine(t, 1, token, "--server", off.URL), "clock", fail, "1h0m")
	other := serve(func(w http.ResponseWriter, _ *http.Request) bool { _, _ = io.WriteString(w, "<html>"); return true }, plain)
	want(t, examine(t, 1, nil, "--server", other.URL), "server", fail, "perhaps not Slipway")
	starting := serve(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/readyz" {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(503)
			_, _ = io.WriteString(w, `{"code":"unavailable","detail":"the workflow engine does not answer","status":503}`)
		}
		return r.URL.Path == "/readyz"
	}, plain)
	want(t, examine(t, 1, token, "--server", starting.URL), "engine", fail, "the workflow engine does not answer")
	encrypted := serve(nil, (*httptest.Server).StartTLS)
	want(t, examine(t, 1, token, "--server", encrypted.URL), "server", fail, "SSL_CERT_FILE")
	want(t, examine(t, 1, token, "--server", strings.Replace(s.URL, "http:", "https:", 1)), "server", fail, "speaks no TLS")
}

// TestDoctorForPeople prints what is wrong, and what to do.
func TestDoctorForPeople(t *testing.T) {
	var out bytes.Buffer
	home := t.TempDir()
	code := cli.Run(context.Background(), alone, []string{"doctor"}, strings.NewReader(""), &out, &out, func(k string) string { return map[string]string{"HOME": home}[k] })
	for _, line := range []string{"✓ ok   git", "! warn platform", "→ slipway up --data", "Slipway works;"} {
		if code != 0 || !strings.Contains(out.String(), line) {
			t.Errorf("exit %d, no %q in\n%s", code, line, out.String())
		}
	}
}
