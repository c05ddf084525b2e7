package project

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestBareRepositoriesAreRead: a directory that is what git keeps is read as the
// repository that it is.
func TestBareRepositoriesAreRead(t *testing.T) {
	dir := t.TempDir()
	tree, bare := filepath.Join(dir, "tree"), filepath.Join(dir, "repo")
	for _, args := range [][]string{{"init", "-q", tree}, {"-C", tree, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "--allow-empty", "-m", "none"}, nil, {"-C", tree, "add", "."}, {"-C", tree, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "-m", "app"}, {"clone", "-q", "--bare", tree, bare}} {
		if args == nil {
			if err := os.WriteFile(filepath.Join(tree, "app.py"), []byte("x = 1\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if out, err := exec.CommandContext(t.Context(), "git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v %s", strings.Join(args, " "), err, out)
		}
	}
	found, done, err := openProject(t.Context(), filepath.Join(dir, "data"), bare, "", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if text, err := os.ReadFile(filepath.Join(found, "app.py")); err != nil || string(text) != "x = 1\n" {
		t.Errorf("%q %v", text, err)
	}
}
