package sandbox

import (
	"errors"
	"io/fs"
	"os"
)

// Remove removes what code of a project has made, once none of it runs any more: also
// below directories that it has closed to their owner, who is the platform's user.
func Remove(dir string) error {
	err := os.RemoveAll(dir)
	if err == nil || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	_ = os.Chmod(dir, 0o700) // #nosec G302 -- it is about to go
	root, failed := os.OpenRoot(dir)
	if failed != nil {
		return err
	}
	openAll(root)
	_ = root.Close()
	return os.RemoveAll(dir)
}

// openAll opens the directories below a root to their owner. A root goes through no
// link that leads out of it.
func openAll(root *os.Root) {
	at, err := root.Open(".")
	if err != nil {
		return
	}
	entries, _ := at.ReadDir(-1)
	_ = at.Close()
	for _, e := range entries {
		if !e.IsDir() || root.Chmod(e.Name(), 0o700) != nil {
			continue
		}
		if inner, err := root.OpenRoot(e.Name()); err == nil {
			openAll(inner)
			_ = inner.Close()
		}
	}
}
