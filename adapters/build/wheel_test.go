package build

import (
	"archive/zip"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
)

const shopMetadata = "Metadata-Version: 2.1\nName: shop\nVersion: 1.5\n"

// packed writes a wheel: files by their names, in pairs.
func packed(t *testing.T, mode fs.FileMode, entries ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "shop-1.5-py3-none-any.whl")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := zip.NewWriter(f)
	for i := 0; i < len(entries); i += 2 {
		h := &zip.FileHeader{Name: entries[i], Method: zip.Deflate}
		h.SetMode(mode)
		e, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Write([]byte(entries[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file
}

func unpacked(t *testing.T, wheel string) (string, distribution, error) {
	t.Helper()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	d, err := unpack(wheel, root)
	return dir, d, err
}

func TestUnpack(t *testing.T) {
	const info, data = "shop-1.5.dist-info/", "shop-1.5.data/"
	dir, d, err := unpacked(t, packed(t, 0o644,
		info+"METADATA", shopMetadata, info+"WHEEL", "Wheel-Version: 1.0\nGenerator: some 1\n", info+"RECORD", "a lie", info+"INSTALLER", "another",
		info+"entry_points.txt", "[console_scripts]\nshop = shop.cli:Main.run [extra]\nbroken = shop.cli\n../up = shop:main\n; no = a:b\n[gui_scripts]\nshop-gui=shop.gui:main\n[other]\nx = a:b\n",
		"shop/__init__.py", "pure", data+"purelib/more/a.py", "m", data+"platlib/_fast.so", "so", data+"scripts/tool", "#!python -E\nprint(1)\n", data+"scripts/sh", "#!/bin/sh\n",
		data+"headers/shop.h", "h", data+"data/share/shop/x", "x"))
	if err != nil || d.name != "shop" || d.version != "1.5" {
		t.Fatalf("%+v %v", d, err)
	}
	for name, want := range map[string]string{
		"shop/__init__.py": "pure", "more/a.py": "m", "_fast.so": "so", "bin/tool": anyPython + "print(1)\n", "bin/sh": "#!/bin/sh\n", "include/shop.h": "h", "share/shop/x": "x",
		info + "WHEEL": "Wheel-Version: 1.0\n", info + "INSTALLER": "slipway\n",
		"bin/shop":     anyPython + "import sys\n\nfrom shop.cli import Main\n\nif __name__ == \"__main__\":\n    sys.exit(Main.run())\n",
		"bin/shop-gui": anyPython + "import sys\n\nfrom shop.gui import main\n\nif __name__ == \"__main__\":\n    sys.exit(main())\n",
	} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q %v, want %q", name, got, err, want)
		}
	}
	record, err := os.ReadFile(filepath.Join(dir, info, "RECORD"))
	if err != nil || strings.Contains(string(record), "lie") || !strings.Contains(string(record), "shop/__init__.py,,\n") || !strings.Contains(string(record), "bin/shop,,\n") {
		t.Errorf("%s %v", record, err)
	}
	programs, err := os.ReadDir(filepath.Join(dir, "bin"))
	if err != nil || len(programs) != 4 {
		t.Errorf("%v %v", programs, err)
	}
	for _, p := range programs {
		if info, err := p.Info(); err != nil || info.Mode().Perm()&0o100 == 0 {
			t.Errorf("%s may not be executed", p.Name())
		}
	}
}

// TestHostileWheels: whatever a build makes is refused as the project's fault, and
// nothing is written beside.
func TestHostileWheels(t *testing.T) {
	defer func(n int64) { wheelBytes = n }(wheelBytes)
	wheelBytes = 1 << 20
	const info = "shop-1.5.dist-info/METADATA"
	for name, wheel := range map[string]string{
		"up":               packed(t, 0o644, info, shopMetadata, "../up.py", ""),
		"up and down":      packed(t, 0o644, info, shopMetadata, "a/../../up.py", ""),
		"absolute":         packed(t, 0o644, info, shopMetadata, "/up.py", ""),
		"up from data":     packed(t, 0o644, info, shopMetadata, "shop-1.5.data/scripts/../../../up.py", ""),
		"backslash":        packed(t, 0o644, info, shopMetadata, `..\up.py`, ""),
		"a link":           packed(t, 0o777|fs.ModeSymlink, info, shopMetadata, "shop/link", "/etc/passwd"),
		"a pipe":           packed(t, 0o644|fs.ModeNamedPipe, info, shopMetadata),
		"twice":            packed(t, 0o644, info, shopMetadata, "a.py", "1", "a.py", "2"),
		"twice by data":    packed(t, 0o644, info, shopMetadata, "a.py", "1", "shop-1.5.data/purelib/a.py", "2"),
		"file and parent":  packed(t, 0o644, info, shopMetadata, "a", "1", "a/b", "2"),
		"parent and file":  packed(t, 0o644, info, shopMetadata, "a/b", "1", "a", "2"),
		"two of metadata":  packed(t, 0o644, info, shopMetadata, "other-1.dist-info/METADATA", shopMetadata),
		"no metadata":      packed(t, 0o644, "shop.py", ""),
		"metadata of none": packed(t, 0o644, info, "Name: shop\n"),
		"belongs nowhere":  packed(t, 0o644, info, shopMetadata, "shop-1.5.data/etc/passwd", ""),
		"a bomb":           packed(t, 0o644, info, shopMetadata, "big", strings.Repeat("0", 2<<20)),
		"no archive":       filepath.Join(project(t, files{"x.whl": "PK?"}), "x.whl"),
	} {
		dir, _, err := unpacked(t, wheel)
		if slipway.CodeOf(err) != slipway.Refused || !strings.Contains(err.Error(), "can't be installed") {
			t.Errorf("%s: %v (%v)", name, err, slipway.CodeOf(err))
		}
		if _, err := os.Lstat(filepath.Join(filepath.Dir(dir), "up.py")); err == nil {
			t.Errorf("%s: it wrote beside", name)
		}
	}
}
