package secrets_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/adapters/secrets"
	"github.com/slipway-dev/slipway/adapters/secrets/secretstest"
)

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
