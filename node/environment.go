package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/slipway-dev/slipway"
)

// artifactDir is where the artifact of a deployment lies.
func (p *place) artifactDir(d slipway.Deployment) string {
	return filepath.Join(p.node.o.Data, "artifacts", strings.TrimPrefix(string(d.Artifact), "sha256:"))
}

func (p *place) appDir(d *deployment) string { return filepath.Join(p.dir(d.home()), "app") }

func (p *place) workDir(d *deployment) string {
	return d.Manifest.Dir.In(p.appDir(d))
}

func (p *place) logDir() string {
	return filepath.Join(p.node.dir, "logs", p.service, p.environment)
}

// dataOf is where a deployment finds what the service keeps: its data directory, or
// an empty one for what nobody has said yes to.
func (p *place) dataOf(d *deployment) string {
	if d.Placeholders {
		return filepath.Join(p.dir(d.home()), "data")
	}
	return p.dataDir()
}

// tmpDir is what all processes of a deployment find at /tmp, where this machine can
// give them one of their own.
func (p *place) tmpDir(d *deployment) string { return filepath.Join(p.dir(d.home()), "home", "tmp") }

// dataDir survives deploys: what a service may keep.
func (p *place) dataDir() string {
	return filepath.Join(p.node.dir, "data", p.service, p.environment)
}

// variables are what a process sees: what its program is told about ending, the
// release's own variables, the config snapshot with its secrets put in, and what the
// platform promises. Nothing of the platform's environment.
func (p *place) variables(ctx context.Context, d *deployment, process slipway.Process, instance string, port int) ([]string, error) {
	values := maps.Clone(process.Env)
	if values == nil {
		values = map[string]string{}
	}
	var search []string
	for _, dir := range d.Manifest.SearchPath {
		search = append(search, dir.In(p.appDir(d)))
	}
	if len(search) > 0 {
		values["PYTHONPATH"] = strings.Join(search, ":")
	}
	for name, v := range d.Manifest.Env {
		values[name] = strings.ReplaceAll(v, "${SLIPWAY_SOURCE}", p.appDir(d))
	}
	for name, v := range d.Config.Env {
		value := strings.ReplaceAll(v.Value, "${SLIPWAY_SOURCE}", p.appDir(d))
		if v.Secret != "" {
			secret, err := p.node.o.Secrets(ctx, v.Secret)
			if err != nil {
				return nil, err
			}
			if d.Placeholders {
				secret = slipway.Placeholder(secret)
			}
			value = secret.Reveal()
		}
		values[name] = value
	}
	path := "/usr/local/bin:/usr/bin:/bin"
	if d.Manifest.Package != "" { // the project itself is installed, wherever it looks first
		at := d.Manifest.Package.In(p.appDir(d))
		values["PYTHONPATH"] = strings.TrimPrefix(values["PYTHONPATH"]+":"+at, ":")
		path = filepath.Join(at, "bin") + ":" + path
	}
	venv := filepath.Join(p.artifactDir(d.Deployment), "venv")
	if real, err := filepath.EvalSymlinks(venv); err == nil {
		venv = real
	}
	home := filepath.Join(p.dir(d.home()), "home")
	for name, v := range map[string]string{
		"HOME": home, "TMPDIR": p.tmpDir(d), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "PYTHONUNBUFFERED": "1",
		"PYTHONDONTWRITEBYTECODE": "1", "VIRTUAL_ENV": venv, "PATH": filepath.Join(venv, "bin") + ":" + path,
		"HOST": "127.0.0.1", "SLIPWAY_SERVICE": d.Service, "SLIPWAY_ENVIRONMENT": d.Environment, "SLIPWAY_RELEASE": strconv.Itoa(d.Release),
		"SLIPWAY_DATA": p.dataOf(d), "SLIPWAY_NODE": p.node.id, "SLIPWAY_INSTANCE": p.service + "." + p.environment + "." + d.home() + "." + instance,
		"XDG_RUNTIME_DIR": filepath.Join(home, "run", instance),
	} {
		values[name] = v
	}
	if port > 0 {
		values["PORT"] = strconv.Itoa(port)
	}
	for name, options := range process.Options {
		values[name] = strings.TrimSpace(options + " " + values[name])
	}
	if err := slipway.CheckEnvironment(d.Service, d.Environment, maps.All(values)); err != nil {
		return nil, err
	}
	env := make([]string, 0, len(values))
	for name, v := range values {
		if strings.ContainsRune(v, 0) {
			return nil, slipway.Errorf(slipway.Refused, "the value of %s holds a zero byte, which an environment variable can't", name)
		}
		env = append(env, name+"="+v)
	}
	return env, nil
}

// secrets are the values that must not be seen in what a deployment prints.
// Without them nothing that it printed may be shown.
func (n *Node) secrets(ctx context.Context, d slipway.Deployment) ([]slipway.Secret, error) {
	var all []slipway.Secret
	for _, v := range d.Config.Env {
		if v.Secret == "" {
			continue
		}
		s, err := n.o.Secrets(ctx, v.Secret)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
		// Output is scrubbed by the line, so a value of several is as well.
		for line := range strings.Lines(s.Reveal()) {
			all = append(all, slipway.NewSecret(strings.TrimSpace(line)))
		}
	}
	return all, nil
}

// materialise makes the deployment's own copy of the source, so that no service
// can touch the artifact, and writes its config files. It begins afresh each time.
func (p *place) materialise(ctx context.Context, d *deployment) error {
	dir := p.dir(d.home())
	if err := os.RemoveAll(dir); err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the deployment's directory can't be cleared")
	}
	err := p.fill(ctx, d, dir)
	if err != nil {
		_ = os.RemoveAll(dir)
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return slipway.Wrap(slipway.Unavailable, err, "the disk is full; free some space and promote again")
	}
	if err != nil && slipway.CodeOf(err) == slipway.Internal {
		return slipway.Wrap(slipway.Unavailable, err, "the deployment could not be written to disk")
	}
	return err
}

func (p *place) fill(ctx context.Context, d *deployment, dir string) error {
	if err := p.verify(ctx, d.Deployment); err != nil {
		return err
	}
	source := filepath.Join(p.artifactDir(d.Deployment), "source")
	if _, err := os.Stat(source); err != nil {
		return slipway.Wrap(slipway.NotFound, err, "the artifact of release %d is not on this node; build it again", d.Release)
	}
	own := []string{p.tmpDir(d), p.dataOf(d), p.logDir()}
	for _, instance := range append(d.instances(), "release", "rehearsal") {
		own = append(own, filepath.Join(dir, "home", "run", instance))
	}
	for _, sub := range own {
		if err := os.MkdirAll(sub, 0o700); err != nil {
			return err
		}
	}
	if err := copyTree(ctx, source, filepath.Join(dir, "app")); err != nil {
		return err
	}
	if err := p.keep(d); err != nil {
		return err
	}
	root, err := os.OpenRoot(p.workDir(d)) // no path below it can leave it, links included
	if err != nil {
		return err
	}
	defer root.Close()
	for _, file := range d.Config.Files {
		content, err := p.unmark(ctx, d.Deployment, file.Content)
		if err != nil {
			return err
		}
		if err := writeIn(root, file.Path, content); err != nil {
			return slipway.Wrap(slipway.Refused, err, "the config file %s can't be written where slipway.yaml wants it", file.Path)
		}
	}
	return markBegun(dir, d.Manifest)
}

// writeIn writes a file that only the service may read, whatever the release has
// in its place. A link on the way is refused: what lies behind it is not what
// slipway.yaml names.
func writeIn(root *os.Root, name, content string) error {
	if dir := filepath.Dir(name); dir != "." {
		if err := root.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		for ; dir != "."; dir = filepath.Dir(dir) {
			if info, err := root.Lstat(dir); err != nil || info.Mode()&fs.ModeSymlink != 0 {
				return errors.Join(err, fmt.Errorf("%s is a symbolic link", dir))
			}
		}
	}
	if info, err := root.Lstat(name); err == nil && !info.IsDir() {
		if err := root.Remove(name); err != nil {
			return err
		}
	}
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, content)
	return errors.Join(err, f.Chmod(0o600), f.Close())
}

// unmark puts the secrets' values where their marks stand.
func (p *place) unmark(ctx context.Context, d slipway.Deployment, content string) (string, error) {
	for _, v := range d.Config.Env {
		if v.Secret == "" || !strings.Contains(content, slipway.SecretMark(v.Secret)) {
			continue
		}
		secret, err := p.node.o.Secrets(ctx, v.Secret)
		if err != nil {
			return "", err
		}
		if d.Placeholders {
			secret = slipway.Placeholder(secret)
		}
		content = strings.ReplaceAll(content, slipway.SecretMark(v.Secret), secret.Reveal())
	}
	return content, nil
}

// copyTree copies files, directories and links as they are.
func copyTree(ctx context.Context, from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		info, err := entry.Info()
		if err != nil {
			return err
		}
		switch {
		case entry.IsDir():
			return os.MkdirAll(target, 0o755)
		case entry.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(link, target) // #nosec G122 -- to is new and its name is known here alone
		case entry.Type().IsRegular():
			return copyFile(path, target, info.Mode().Perm()|0o200)
		}
		return fmt.Errorf("%s is neither file, directory nor link", rel)
	})
}

func copyFile(from, to string, mode fs.FileMode) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in) // a reflink or copy_file_range where the file system has it
	return errors.Join(err, out.Close())
}

func lookupIn(env []string) func(string) string {
	return func(name string) string {
		for _, e := range env {
			if v, ok := strings.CutPrefix(e, name+"="); ok {
				return v
			}
		}
		return ""
	}
}

// programIn finds a program as the process would: on its PATH, or relative to
// its directory.
func programIn(name string, env []string, dir string) string {
	if filepath.IsAbs(name) {
		return name
	}
	if strings.Contains(name, "/") {
		return filepath.Join(dir, name)
	}
	for _, d := range filepath.SplitList(lookupIn(env)("PATH")) {
		path := filepath.Join(d, name)
		if found, err := exec.LookPath(path); err == nil {
			return found
		}
	}
	return name
}

func reasonOf(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	if link := (*os.LinkError)(nil); errors.As(err, &link) {
		return link.Err.Error()
	}
	return "it is not found"
}
