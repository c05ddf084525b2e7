package server

import (
	"bytes"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
)

// TestTheDataDirectoryIsClosed starts on directories that others can enter.
func TestTheDataDirectoryIsClosed(t *testing.T) {
	for name, c := range map[string]struct {
		mode    fs.FileMode
		holds   string
		says    string // in the log
		refused string
		after   fs.FileMode
	}{
		"empty":                    {mode: 0o755, says: "0700", after: 0o700},
		"a group's":                {mode: 0o710, says: "0700", after: 0o700},
		"a disk of its own":        {mode: 0o755, holds: "lost+found", says: "0700", after: 0o700},
		"used before":              {mode: 0o777, holds: "slipway.db", says: "0700", after: 0o700},
		"closed":                   {mode: 0o700, holds: "notes", after: 0o700},
		"such as /var":             {mode: 0o755, holds: "cache", refused: "chmod 700", after: 0o755},
		"other things in it":       {mode: 0o755, holds: "notes", refused: "chmod 700", after: 0o755},
		"a file system of its own": {mode: 0o777 | fs.ModeSticky, says: "0700", after: 0o700},
		"shared, such as /tmp":     {mode: 0o777 | fs.ModeSticky, holds: "notes", refused: "Slipway's alone", after: 0o777 | fs.ModeSticky},
		"shared, and was used":     {mode: 0o777 | fs.ModeSticky, holds: "up.lock", refused: "Slipway's alone", after: 0o777 | fs.ModeSticky},
	} {
		t.Run(name, func(t *testing.T) {
			data := t.TempDir()
			if c.holds != "" {
				if err := os.Mkdir(filepath.Join(data, c.holds), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chmod(data, c.mode); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			// It has no address to listen on: it is refused once the directory was looked at.
			p, err := startEmbedded(t.Context(), data, setup{edge: "nowhere"}, slog.New(slog.NewTextHandler(&log, nil)))
			if err == nil {
				p.stop()
				t.Fatal("it started")
			}
			if c.refused != "" && (slipway.CodeOf(err) != slipway.Invalid || !strings.Contains(err.Error(), c.refused)) {
				t.Errorf("%v, not %q", err, c.refused)
			}
			if c.says == "" && log.Len() > 0 || !strings.Contains(log.String(), c.says) {
				t.Errorf("it says %q, not %q", log.String(), c.says)
			}
			if info, err := os.Stat(data); err != nil || info.Mode()&(fs.ModePerm|fs.ModeSticky) != c.after {
				t.Errorf("%s is %v, not %v: %v", data, info.Mode(), c.after, err)
			}
		})
	}
	made := filepath.Join(t.TempDir(), "new", "data")
	if p, err := startEmbedded(t.Context(), made, setup{edge: "nowhere"}, slog.New(slog.DiscardHandler)); err == nil {
		p.stop()
		t.Fatal("it started")
	}
	if info, err := os.Stat(made); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("a new one is %v: %v", info, err)
	}
}
