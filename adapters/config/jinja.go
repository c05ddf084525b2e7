// Package config renders the config of deployments: environment variables, and
// files from the Jinja2 templates that a repository carries.
package config

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/sandbox"
)

// Requirements are what the renderer installs, pinned.
var Requirements = []string{"jinja2==3.1.6", "markupsafe==3.0.3"}

//go:embed render.py
var script string

// Options configure a Jinja.
type Options struct {
	Data   string // the data directory
	Python string // an interpreter of Python 3.9 or later
	// Tree finds the source of an artifact and its manifest.
	Tree func(context.Context, slipway.Digest) (source string, manifest slipway.Manifest, err error)
	// Timeout bounds one rendering; zero means 10 s.
	Timeout time.Duration
}

// Jinja renders with the real Jinja2 in a process of its own: sandboxed, strict
// about undefined variables, bounded in time and memory.
type Jinja struct{ o Options }

var _ slipway.Renderer = (*Jinja)(nil)

// New makes a renderer. Jinja2 is installed when the first template asks for it.
func New(o Options) *Jinja {
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	return &Jinja{o}
}

var keyForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Render makes the snapshot. A secret stands in a file as its mark; a template
// that changes a mark (by a filter such as upper or b64encode) is refused, since
// the value is not known here. One that only looks at it (length, ==) can't be told.
func (j *Jinja) Render(ctx context.Context, req slipway.RenderRequest, log io.Writer) (slipway.Snapshot, error) {
	for key := range req.Values {
		if !keyForm.MatchString(key) {
			return slipway.Snapshot{}, slipway.Errorf(slipway.Refused, "%q can't be the name of an environment variable: use letters, digits and _", key)
		}
		if key == "PORT" || key == "HOST" || strings.HasPrefix(key, "SLIPWAY_") {
			return slipway.Snapshot{}, slipway.Errorf(slipway.Refused, "%s is set by the platform; remove it with: slipway config unset %s %s", key, req.Service, key)
		}
	}
	snapshot := slipway.Snapshot{Env: req.Values}
	if len(req.Templates) > 0 {
		files, err := j.files(ctx, req, log)
		if err != nil {
			return slipway.Snapshot{}, err
		}
		snapshot.Files = files
	}
	digest, err := digestOf(snapshot)
	if err != nil {
		return slipway.Snapshot{}, err
	}
	snapshot.Digest = digest
	fmt.Fprintf(log, "%d settings, %d files, digest %.19s\n", len(snapshot.Env), len(snapshot.Files), digest)
	return snapshot, nil
}

// digestOf covers what a service will see. encoding/json sorts the keys of maps.
func digestOf(s slipway.Snapshot) (slipway.Digest, error) {
	text, err := json.Marshal(struct {
		Env   map[string]slipway.ConfigValue
		Files []slipway.RenderedFile
	}{s.Env, s.Files})
	if err != nil {
		return "", fmt.Errorf("digest of the config: %w", err)
	}
	sum := sha256.Sum256(text)
	return slipway.Digest("sha256:" + hex.EncodeToString(sum[:])), nil
}

// answer is what render.py prints.
type answer struct {
	Files   []slipway.RenderedFile `json:"files"`
	Problem *struct {
		File, Kind, Message string
		Line                int
	} `json:"problem"`
}

func (j *Jinja) files(ctx context.Context, req slipway.RenderRequest, log io.Writer) ([]slipway.RenderedFile, error) {
	source, manifest, err := j.o.Tree(ctx, req.Artifact)
	if err != nil {
		return nil, err
	}
	for _, t := range req.Templates {
		if !filepath.IsLocal(t.Path) || !filepath.IsLocal(t.Source) {
			return nil, slipway.Errorf(slipway.Refused, "slipway.yaml: the file %s from %s lies outside the service's directory", t.Path, t.Source)
		}
	}
	python, err := j.install(ctx, log)
	if err != nil {
		return nil, err
	}
	values, marks := templateValues(req)
	input, err := json.Marshal(map[string]any{"root": filepath.Join(source, manifest.Dir), "templates": req.Templates, "values": values})
	if err != nil {
		return nil, fmt.Errorf("input of the renderer: %w", err)
	}
	home, err := os.MkdirTemp("", "slipway-render-")
	if err != nil {
		return nil, slipway.Wrap(slipway.Unavailable, err, "there is no place to render templates: is the disk full?")
	}
	defer os.RemoveAll(home)
	var out bytes.Buffer
	result, err := sandbox.Run(ctx, sandbox.Command{
		Args: []string{python, "-I", "-c", script}, Dir: home, Env: sandbox.Environment(home, nil, nil),
		Stdin: bytes.NewReader(input), Timeout: j.o.Timeout, MaxOutput: 32 << 20, MaxMemory: 1 << 30,
	}, &out)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(req.Templates))
	for i, t := range req.Templates {
		names[i] = t.Source
	}
	switch {
	case result.TimedOut:
		return nil, slipway.Errorf(slipway.Refused, "rendering %s took longer than %s; is there an endless loop in it?", strings.Join(names, ", "), j.o.Timeout)
	case result.OutOfMemory || result.Flooded || result.Signal != "":
		return nil, slipway.Errorf(slipway.Refused, "rendering %s needs too much memory", strings.Join(names, ", "))
	}
	var a answer
	if err := json.Unmarshal(out.Bytes(), &a); err != nil {
		return nil, slipway.Wrap(slipway.Internal, fmt.Errorf("%w: %s", err, tail(out.String())), "the renderer gave no answer")
	}
	if p := a.Problem; p != nil {
		return nil, slipway.Errorf(slipway.Refused, "%s", sentence(p.File, p.Line, p.Kind, p.Message, req))
	}
	return a.Files, checkMarks(a.Files, marks)
}

func sentence(file string, line int, kind, message string, req slipway.RenderRequest) string {
	where := file
	if line > 0 {
		where = fmt.Sprintf("%s:%d", file, line)
	}
	if kind == "undefined" {
		return fmt.Sprintf("%s: %s; set it with: slipway config set %s --env %s NAME=VALUE", where, message, req.Service, req.Environment)
	}
	return where + ": " + message
}

// templateValues is what templates see, and the marks of the secrets in it.
func templateValues(req slipway.RenderRequest) (values map[string]any, marks []string) {
	all := map[string]any{}
	for key, v := range req.Values {
		if v.Secret != "" {
			mark := slipway.SecretMark(v.Secret)
			marks = append(marks, mark)
			all[key] = mark
		} else {
			all[key] = v.Value
		}
	}
	values = map[string]any{"service": req.Service, "environment": req.Environment, "release": req.Release, "config": all}
	for key, v := range all {
		values[key] = v
	}
	return values, marks
}

// checkMarks refuses files in which something looks like a mark but is not one.
func checkMarks(files []slipway.RenderedFile, marks []string) error {
	for _, f := range files {
		rest := f.Content
		for _, m := range marks {
			rest = strings.ReplaceAll(rest, m, "")
		}
		lower := strings.ToLower(rest)
		if strings.ContainsAny(rest, "\u2039\u203a") && len(marks) > 0 || strings.Contains(lower, "slipway-secret:") {
			return slipway.Errorf(slipway.Refused, "%s: a secret is changed by a filter; a secret's value is put in only where the service runs, so use it as it is", f.Path)
		}
	}
	return nil
}

// install makes the renderer's environment once; processes that come at the
// same time wait for the first.
func (j *Jinja) install(ctx context.Context, log io.Writer) (python string, err error) {
	dir := filepath.Join(j.o.Data, "tools", strings.ReplaceAll(Requirements[0], "==", "-"))
	python, done := filepath.Join(dir, "bin", "python"), filepath.Join(dir, ".complete")
	if _, err := os.Stat(done); err == nil {
		return python, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", slipway.Wrap(slipway.Unavailable, err, "the tools' directory can't be made")
	}
	lock, err := os.OpenFile(dir+".lock", os.O_CREATE|os.O_RDWR|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return "", slipway.Wrap(slipway.Unavailable, err, "the tools' directory can't be locked")
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", slipway.Wrap(slipway.Unavailable, err, "the tools' directory can't be locked")
	}
	if _, err := os.Stat(done); err == nil {
		return python, nil
	}
	fmt.Fprintf(log, "installing %s\n", strings.Join(Requirements, " "))
	_ = os.RemoveAll(dir)
	home, err := os.MkdirTemp("", "slipway-tool-")
	if err != nil {
		return "", slipway.Wrap(slipway.Unavailable, err, "there is no place to install Jinja2: is the disk full?")
	}
	defer os.RemoveAll(home)
	for _, args := range [][]string{
		{j.o.Python, "-m", "venv", dir},
		append([]string{python, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet", "--only-binary=:all:"}, Requirements...),
	} {
		var out bytes.Buffer
		result, err := sandbox.Run(ctx, sandbox.Command{Args: args, Dir: home, Env: sandbox.Environment(home, nil, indexSettings()), Timeout: 5 * time.Minute}, &out)
		if err != nil {
			return "", err
		}
		if !result.OK() {
			return "", slipway.Wrap(slipway.Unavailable, fmt.Errorf("%s", tail(out.String())), "Jinja2 could not be installed; is the package index reachable, and has the interpreter %s the module venv?", j.o.Python)
		}
	}
	return python, os.WriteFile(done, nil, 0o644)
}

// indexSettings are the machine's own words on where packages come from: the
// only part of the platform's environment that an installation sees.
func indexSettings() map[string]string {
	settings := map[string]string{}
	for _, name := range []string{"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CERT", "PIP_TRUSTED_HOST", "PIP_FIND_LINKS", "PIP_DEFAULT_TIMEOUT", "SSL_CERT_FILE", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"} {
		if v := os.Getenv(name); v != "" {
			settings[name] = v
		}
	}
	return settings
}

func tail(text string) string {
	text = strings.TrimSpace(text)
	if len(text) > 2000 {
		text = text[len(text)-2000:]
	}
	return text
}
