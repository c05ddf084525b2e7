package e2e

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/addresstest"
)

// TestDemo is the README's first command, as it stands there, for somebody whose other
// commands go to another platform; then the same once more, with what it left.
func TestDemo(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	data := filepath.Join(home, ".slipway-demo")
	demo := func(args ...string) *exec.Cmd {
		cmd := exec.Command(binary, append([]string{"demo", "--listen", addresstest.Free(t), "--edge", addresstest.Free(t)}, args...)...)
		cmd.Env = append(os.Environ(), "HOME="+home, "SLIPWAY_SERVER=http://"+addresstest.Free(t), "SLIPWAY_TOKEN=of-another-platform")
		return cmd
	}
	shows := func(out string) {
		t.Helper()
		for _, service := range []string{"catalog", "orders", "payments"} {
			if !strings.Contains(out, "http://"+service+".prod.localhost:") {
				t.Errorf("the demo does not show %s in prod\n%s", service, out)
			}
		}
		if strings.Count(out, "the same artifact in dev, test and prod: sha256:") != 3 {
			t.Errorf("the demo does not show one artifact per service\n%s", out)
		}
	}
	first := demo()
	printed, err := first.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	first.Stderr = first.Stdout
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = first.Process.Kill()
		if out, err := exec.Command(binary, "down", "--data", data).CombinedOutput(); err != nil {
			t.Errorf("down: %v\n%s", err, out)
		}
	})
	out := strings.Builder{}
	for lines := bufio.NewScanner(printed); lines.Scan(); {
		out.WriteString(lines.Text() + "\n")
		if strings.HasPrefix(lines.Text(), "The platform stays up") {
			if err := first.Process.Signal(os.Interrupt); err != nil {
				t.Error(err)
			}
		}
	}
	if err := first.Wait(); err != nil {
		t.Fatalf("demo: %v\n%s", err, out.String())
	}
	shows(out.String())
	again, err := demo("--once", "--data", data).CombinedOutput()
	if err != nil {
		t.Fatalf("demo --once: %v\n%s", err, again)
	}
	shows(string(again))
}

// TestJourney is a developer's first day, by commands only.
func TestJourney(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	repo := exampleRepository(t, "payments")

	s.must("service", "add", repo.url(), "--name", "payments")
	s.refuses(1, "is taken", "service", "add", repo.url(), "--name", "payments")
	s.refuses(1, "slipway promote payments --to test", "promote", "payments", "--to", "prod", "--follow")

	s.must("promote", "payments", "--follow")
	if status, body := s.get("payments", "dev", "/"); status != 200 || !strings.Contains(body, `"environment":"dev"`) || !strings.Contains(body, `"currency":"EUR"`) {
		t.Fatalf("dev answers %d %s", status, body)
	}

	s.must("config", "set", "payments", "--env", "test", "CURRENCY=SEK")
	if r := s.runWith("hunter2-hunter2", "secret", "set", "payments", "API_TOKEN", "--env", "test"); r.code != 0 {
		t.Fatalf("secret set: %d %s%s", r.code, r.out, r.err)
	}
	s.refuses(1, "slipway secret set", "config", "set", "payments", "API_TOKEN=plain", "--env", "test")
	s.must("secret", "rm", "payments", "API_TOKEN", "--env", "test")
	s.must("config", "set", "payments", "--env", "test", "CURRENCY=NOK")
	s.must("config", "restore", "payments", "CURRENCY", "--env", "test", "--to", "1")
	s.must("config", "restore", "payments", "API_TOKEN", "--env", "test", "--to", "1")
	if out := s.must("config", "history", "payments", "--env", "test"); strings.Count(out, "CURRENCY") != 3 || strings.Count(out, "API_TOKEN ") != 3 || strings.Contains(out, "hunter2") {
		t.Errorf("the history is told as %s", out)
	}
	s.must("promote", "payments", "--to", "test", "--follow")
	if _, body := s.get("payments", "test", "/"); !strings.Contains(body, `"currency":"SEK"`) {
		t.Fatalf("the config of test did not arrive: %s", body)
	}
	s.must("promote", "payments", "--to", "prod")
	s.eventually(patience, "the promotion waits", func() bool { return strings.Contains(s.must("waiting", "--all"), "0 of 1 approvals") })
	s.refuses(1, "not approved", "approve", "3") // without an answer on standard input
	if out := s.must("promotion", "change", "3"); !strings.Contains(out, "Verified in test") {
		t.Errorf("the change is told as %s", out)
	}
	s.must("approve", "3", "--yes", "-m", "nobody else is here")
	s.must("promotion", "show", "3", "--follow")
	if _, body := s.get("payments", "prod", "/"); !strings.Contains(body, `"provider":"live"`) {
		t.Fatalf("prod answers %s", body)
	}
	if out := s.must("secret", "ls", "payments"); !strings.Contains(out, "API_TOKEN") || strings.Contains(out, "hunter2") {
		t.Errorf("secret ls printed %s", out)
	}
	noSecretAtRest(t, s.data, "hunter2-hunter2")

	// A second release, and back.
	app, err := os.ReadFile(filepath.Join(repo.dir, "app.py"))
	if err != nil {
		t.Fatal(err)
	}
	repo.commit("Say so", map[string]string{"app.py": strings.Replace(string(app), `service="payments"`, `service="payments two"`, 1)})
	s.must("promote", "payments", "--follow")
	if _, body := s.get("payments", "dev", "/"); !strings.Contains(body, "payments two") {
		t.Fatalf("dev answers %s", body)
	}
	s.must("rollback", "payments", "--env", "dev", "--follow")
	if _, body := s.get("payments", "dev", "/"); strings.Contains(body, "payments two") {
		t.Fatalf("after the rollback dev answers %s", body)
	}
	if out := s.must("status"); !strings.Contains(out, "payments") || !strings.Contains(out, "PROD") {
		t.Errorf("status printed %s", out)
	}
	if out := s.must("logs", "payments", "--env", "prod"); out == "" {
		t.Error("the service's log is empty")
	}
	s.must("releases", "payments")
	s.must("service", "rm", "payments", "--yes")
	if status, _ := s.get("payments", "prod", "/"); status != 404 {
		t.Errorf("a removed service answers %d", status)
	}
}

// noSecretAtRest reads every file below dir, but what a running instance was
// given, and wants the value nowhere.
func noSecretAtRest(t *testing.T, dir, value string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || strings.Contains(path, "/environments/") || strings.Contains(path, "/tools/") || strings.Contains(path, "/cache/") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(text), value) {
			t.Errorf("the secret stands in clear in %s", strings.TrimPrefix(path, dir))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestUpRefusals are the ways in which a start is refused.
func TestUpRefusals(t *testing.T) {
	s := newSite(t)
	s.start()
	s.refuses(1, "already runs", "up", "--listen", addresstest.Free(t), "--edge", addresstest.Free(t))
	other := newSite(t)
	other.refuses(1, s.listen+" is in use", "up", "--listen", s.listen, "--edge", addresstest.Free(t))
	other.refuses(1, s.edge+" is in use", "up", "--listen", addresstest.Free(t), "--edge", s.edge)
	other.refuses(2, "loopback", "up", "--listen", "0.0.0.0:7070", "--edge", addresstest.Free(t))
}

// TestSmallHolder holds that a program which make builds has what it holds commands by
// built in, and that this machine lets it be executed from memory.
func TestSmallHolder(t *testing.T) {
	cmd := exec.Command(binary, "doctor", "--json", "--data", t.TempDir())
	out, _ := cmd.Output() // it exits by what else the machine has
	if !strings.Contains(string(out), ", put in force by slipway-holder\"") {
		t.Errorf("doctor: %s", out)
	}
}
