package secrets_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/adapters/secrets"
	"github.com/slipway-dev/slipway/adapters/secrets/secretstest"
)

// TestMain can also be the other process of TestKilledWriter.
func TestMain(m *testing.M) {
	if dir := os.Getenv("SLIPWAY_TEST_WRITE_SECRETS"); dir != "" {
		s, err := secrets.Open(dir)
		for i := 0; err == nil; i++ {
			err = s.Set(context.Background(), "sealed://a/B", slipway.NewSecret(fmt.Sprintf("value-%d-%s", i, strings.Repeat("x", 50<<10))))
			fmt.Println(i)
		}
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func open(t *testing.T, dir string) *secrets.Sealed {
	t.Helper()
	s, err := secrets.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSealedKeepsTheContract(t *testing.T) {
	secretstest.Run(t, func(t *testing.T) slipway.SecretStore { return open(t, filepath.Join(t.TempDir(), "secrets")) })
}

func TestSealedIsSealedAtRest(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "secrets")
	ref := slipway.SecretRef("sealed://payments/TOKEN")
	if err := open(t, dir).Set(context.Background(), ref, slipway.NewSecret("plain-to-see")); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), "plain-to-see") {
			t.Errorf("%s holds the value", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	// Another process opens the same directory.
	if v, err := open(t, dir).Get(context.Background(), ref); err != nil || v.Reveal() != "plain-to-see" {
		t.Errorf("%v", err)
	}
}

func TestSealedRefusesWhatIsOpenOrChanged(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "secrets")
	ref := slipway.SecretRef("sealed://a/B")
	s := open(t, dir)
	if err := s.Set(context.Background(), ref, slipway.NewSecret("value")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "values", "a", "B.age")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)-1] ^= 1
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(context.Background(), ref); slipway.CodeOf(err) != slipway.Unavailable {
		t.Errorf("a changed file: %v", err)
	}
	if err := os.Chmod(filepath.Join(dir, "key"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := secrets.Open(dir); err == nil || !strings.Contains(err.Error(), "chmod") {
		t.Errorf("an open key: %v", err)
	}
}

// TestKilledWriter kills a real writer at some moment of its work, several
// times, while this process reads: every value read is one that was written.
func TestKilledWriter(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "secrets")
	reader := open(t, dir)
	whole := func() {
		t.Helper()
		v, err := reader.Get(context.Background(), "sealed://a/B")
		if err != nil || !strings.HasPrefix(v.Reveal(), "value-") || !strings.HasSuffix(v.Reveal(), strings.Repeat("x", 50<<10)) {
			t.Errorf("%d bytes, %v", len(v.Reveal()), err)
		}
	}
	for round := range 5 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "SLIPWAY_TEST_WRITE_SECRETS="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for range 3 + round {
			if !lines.Scan() {
				t.Fatal("the writer ended by itself")
			}
			whole()
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		whole()
	}
	if refs, err := reader.List(context.Background(), ""); err != nil || len(refs) != 1 {
		t.Errorf("%v %v", refs, err)
	}
}

func TestSealedSweepsWhatWasLeft(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "secrets")
	open(t, dir)
	old, young := filepath.Join(dir, "values", ".new-old"), filepath.Join(dir, ".new-young")
	for _, path := range []string{old, young} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	before := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(old, before, before); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	if _, err := os.Stat(old); err == nil {
		t.Error("the old one is still there")
	}
	if _, err := os.Stat(young); err != nil {
		t.Error("one that may be in use is gone")
	}
}

// TestSealedOpenedAtOnce makes the key in several opens at the same moment: all
// have the same.
func TestSealedOpenedAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "secrets")
	stores := make(chan *secrets.Sealed, 8)
	for range cap(stores) {
		go func() {
			s, err := secrets.Open(dir)
			if err != nil {
				t.Error(err)
			}
			stores <- s
		}()
	}
	first := <-stores
	if err := first.Set(context.Background(), "sealed://a/B", slipway.NewSecret("value")); err != nil {
		t.Fatal(err)
	}
	for range cap(stores) - 1 {
		if v, err := (<-stores).Get(context.Background(), "sealed://a/B"); err != nil || v.Reveal() != "value" {
			t.Error(err)
		}
	}
}

func TestSealedRefusesALostKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "secrets")
	if err := open(t, dir).Set(context.Background(), "sealed://a/B", slipway.NewSecret("value")); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(dir, "key")
	for _, c := range []struct {
		lose func() error
		says string
	}{
		{func() error { return os.WriteFile(key, []byte("no key\n"), 0o600) }, "not a key"},
		{func() error { return os.Remove(key) }, "restore it from a backup"},
	} {
		if err := c.lose(); err != nil {
			t.Fatal(err)
		}
		if _, err := secrets.Open(dir); slipway.CodeOf(err) != slipway.Unavailable || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v", err)
		}
	}
	if _, err := os.Stat(key); err == nil {
		t.Error("a new key was made in its place")
	}
}

func TestSealedHidesItself(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "secrets"))
	if text := fmt.Sprintf("%v %+v %#v", s, s, s); strings.Contains(strings.ToUpper(text), "AGE-SECRET-KEY") {
		t.Error("the key is printed with the store")
	}
}

func TestRegistry(t *testing.T) {
	sealed := open(t, filepath.Join(t.TempDir(), "secrets"))
	if _, err := secrets.NewRegistry(sealed, sealed); slipway.CodeOf(err) != slipway.Invalid || !strings.Contains(err.Error(), "sealed://") {
		t.Errorf("two of one scheme: %v", err)
	}
	r, err := secrets.NewRegistry(sealed)
	if err != nil {
		t.Fatal(err)
	}
	ctx, ref := context.Background(), slipway.SecretRef("sealed://a/B")
	if err := r.Set(ctx, ref, slipway.NewSecret("value")); err != nil {
		t.Fatal(err)
	}
	if v, err := r.Get(ctx, ref); err != nil || v.Reveal() != "value" {
		t.Errorf("%v", err)
	}
	if refs, err := r.List(ctx, "a/"); err != nil || len(refs) != 1 || refs[0] != ref {
		t.Errorf("%v %v", refs, err)
	}
	if err := r.Delete(ctx, ref); err != nil {
		t.Error(err)
	}
	if _, err := r.Get(ctx, ref); slipway.CodeOf(err) != slipway.NotFound {
		t.Errorf("%v", err)
	}
	for _, bad := range []slipway.SecretRef{"vault://a/B", "hunter2-in-the-wrong-place", ""} {
		_, err := r.Get(ctx, bad)
		if slipway.CodeOf(err) != slipway.Invalid || !strings.Contains(err.Error(), "known are sealed://") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
