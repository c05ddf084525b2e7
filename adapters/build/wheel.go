package build

import (
	"archive/zip"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/textproto"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway"
)

// Bounds on a wheel, which code of the project made.
const (
	wheelFiles   = 50_000
	wheelMeta    = 1 << 20 // bytes of a file that is read here
	wheelScripts = 1_000
)

var wheelBytes int64 = 1 << 30 // unpacked; tests take less

// unpack installs a wheel into a directory as installers do into a prefix: packages
// and metadata at the top, programs in bin. The wheel is a stranger's: its names are
// held to the directory, its list of files (RECORD) is made anew.
func unpack(wheel string, to *os.Root) (distribution, error) {
	f, err := openMade(wheel)
	if err != nil {
		return distribution{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return distribution{}, err
	}
	archive, err := zip.NewReader(f, info.Size())
	if err != nil {
		return distribution{}, badWheel("it is no archive")
	}
	w := &wheelReader{to: to, left: wheelBytes, seen: map[string]bool{}}
	if w.info, err = infoDir(archive); err != nil {
		return distribution{}, err
	}
	for _, entry := range archive.File {
		if err := w.entry(entry); err != nil {
			return distribution{}, err
		}
	}
	return w.finish()
}

func badWheel(format string, args ...any) error {
	return slipway.Errorf(slipway.Refused, "the wheel that the project's build made can't be installed: %s", fmt.Sprintf(format, args...))
}

// infoDir is the name of the one directory of metadata.
func infoDir(archive *zip.Reader) (string, error) {
	if len(archive.File) > wheelFiles {
		return "", badWheel("it has more than %d files", wheelFiles)
	}
	found := ""
	for _, entry := range archive.File {
		dir, _, below := strings.Cut(entry.Name, "/")
		if !below || !strings.HasSuffix(dir, ".dist-info") || dir == found {
			continue
		}
		if found != "" {
			return "", badWheel("it has the metadata of two, %s and %s", clip(found, 80), clip(dir, 80))
		}
		found = dir
	}
	if found == "" {
		return "", badWheel("it has no metadata")
	}
	return found, nil
}

type wheelReader struct {
	to   *os.Root
	info string // NAME-VERSION.dist-info
	left int64
	seen map[string]bool
}

// target is where an entry goes, "" for one that is made anew.
func (w *wheelReader) target(name string) (target string, program bool, err error) {
	if name == "" || strings.ContainsAny(name, "\\\x00\n") || path.IsAbs(name) || path.Clean(name) != name || !filepath.IsLocal(name) {
		return "", false, badWheel("it has a file with the unsafe name %q", clip(name, 80))
	}
	top, rest, _ := strings.Cut(name, "/")
	switch strings.TrimPrefix(name, w.info+"/") {
	case "RECORD", "RECORD.jws", "RECORD.p7s", "INSTALLER":
		return "", false, nil
	}
	if top != strings.TrimSuffix(w.info, ".dist-info")+".data" {
		return name, false, nil
	}
	kind, rest, ok := strings.Cut(rest, "/")
	if !ok || rest == "" {
		return "", false, badWheel("%s belongs nowhere", clip(name, 80))
	}
	switch kind {
	case "purelib", "platlib", "data":
		return rest, false, nil
	case "scripts":
		return "bin/" + rest, true, nil
	case "headers":
		return "include/" + rest, false, nil
	}
	return "", false, badWheel("%s belongs nowhere", clip(name, 80))
}

func (w *wheelReader) entry(entry *zip.File) error {
	if strings.HasSuffix(entry.Name, "/") {
		return nil // directories come with their files
	}
	target, program, err := w.target(entry.Name)
	if err != nil || target == "" {
		return err
	}
	if entry.Mode()&fs.ModeType != 0 {
		return badWheel("%s is no ordinary file", clip(entry.Name, 80))
	}
	from, err := entry.Open()
	if err != nil {
		return badWheel("%s can't be read", clip(entry.Name, 80))
	}
	defer from.Close()
	content := bufio.NewReader(from)
	mode := fs.FileMode(0o644)
	var begin []byte
	if program || entry.Mode()&0o100 != 0 {
		mode = 0o755
	}
	if program {
		line, _ := content.Peek(9)
		if bytes.HasPrefix(line, []byte("#!python")) { // whatever Python the environment has
			if _, err := content.ReadString('\n'); err != nil && !errors.Is(err, io.EOF) {
				return badWheel("%s can't be read", clip(entry.Name, 80))
			}
			begin = []byte(anyPython)
		}
	}
	return w.write(target, io.MultiReader(bytes.NewReader(begin), content), mode)
}

// anyPython starts a program with the environment's, which comes first on the PATH.
const anyPython = "#!/usr/bin/env python\n"

func (w *wheelReader) write(name string, content io.Reader, mode fs.FileMode) error {
	if w.seen[name] {
		return badWheel("it has %s twice", clip(name, 80))
	}
	w.seen[name] = true
	if err := w.to.MkdirAll(path.Dir(name), 0o755); err != nil {
		return clash(name, err)
	}
	f, err := w.to.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return clash(name, err)
	}
	n, err := io.Copy(f, io.LimitReader(content, w.left+1))
	if w.left -= n; w.left < 0 {
		err = badWheel("it unpacks to more than %s", inBytes(wheelBytes))
	} else if errors.Is(err, zip.ErrChecksum) || errors.Is(err, zip.ErrFormat) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = badWheel("%s is broken", clip(name, 80))
	}
	return errors.Join(err, f.Close())
}

// clash says that one name stands in the way of another; other failures are the disk's.
func clash(name string, err error) error {
	var failed *fs.PathError
	if errors.As(err, &failed) && strings.Contains(failed.Err.Error(), "directory") || errors.Is(err, fs.ErrExist) {
		return badWheel("%s is in it both as a file and as a directory", clip(name, 80))
	}
	return err
}

// finish makes the programs of entry points and the list of files.
func (w *wheelReader) finish() (distribution, error) {
	text, err := w.read("METADATA")
	if err != nil {
		return distribution{}, err
	}
	header, _ := textproto.NewReader(bufio.NewReader(bytes.NewReader(text))).ReadMIMEHeader()
	d := distribution{name: clip(header.Get("Name"), 100), version: clip(header.Get("Version"), 100)}
	if d.name == "" || d.version == "" {
		return d, badWheel("its metadata name no version")
	}
	if text, err = w.read("entry_points.txt"); err != nil {
		return d, err
	}
	for name, script := range scriptsOf(string(text)) {
		if w.seen["bin/"+name] {
			continue // one that it brings itself
		}
		if err := w.write("bin/"+name, strings.NewReader(script), 0o755); err != nil {
			return d, err
		}
	}
	// Which version of a tool wrote it makes no other release.
	if text, err = w.read("WHEEL"); err != nil {
		return d, err
	}
	var kept strings.Builder
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "Generator:") {
			kept.WriteString(line)
		}
	}
	if err := w.to.WriteFile(w.info+"/WHEEL", []byte(kept.String()), 0o644); err != nil {
		return d, err
	}
	var record strings.Builder
	for _, name := range append(slices.Sorted(maps.Keys(w.seen)), w.info+"/INSTALLER", w.info+"/RECORD") {
		if strings.ContainsAny(name, ",\"") {
			name = "\"" + strings.ReplaceAll(name, "\"", "\"\"") + "\""
		}
		fmt.Fprintf(&record, "%s,,\n", name)
	}
	return d, errors.Join(w.write(w.info+"/INSTALLER", strings.NewReader("slipway\n"), 0o644), w.write(w.info+"/RECORD", strings.NewReader(record.String()), 0o644))
}

// read returns a file of the metadata; an absent one is empty.
func (w *wheelReader) read(name string) ([]byte, error) {
	f, err := w.to.Open(w.info + "/" + name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, wheelMeta))
}

var (
	scriptName  = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.+-]*$`)
	scriptEntry = regexp.MustCompile(`^((?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*)\s*:\s*((?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*)\s*(?:\[.*\])?$`)
)

// scriptsOf are the programs that entry_points.txt asks for, by their names. What
// can't be one is left out, as it could not be started by anybody.
func scriptsOf(text string) map[string]string {
	all := map[string]string{}
	section := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section = strings.Trim(line, "[] ")
			continue
		}
		name, entry, ok := strings.Cut(line, "=")
		name = strings.TrimSpace(name)
		m := scriptEntry.FindStringSubmatch(strings.TrimSpace(entry))
		if !ok || m == nil || !scriptName.MatchString(name) || section != "console_scripts" && section != "gui_scripts" || len(all) >= wheelScripts {
			continue
		}
		imported, _, _ := strings.Cut(m[2], ".")
		all[name] = anyPython + "import sys\n\nfrom " + m[1] + " import " + imported + "\n\nif __name__ == \"__main__\":\n    sys.exit(" + m[2] + "())\n"
	}
	return all
}
