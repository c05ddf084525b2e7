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
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/sandbox"
)

//go:embed render.py
var script string

// requirements are what the renderer installs: pinned, each file by its hash.
//
//go:embed requirements.txt
var requirements string

// Options configure a Jinja.
type Options struct {
	Data   string // the data directory
	Python string // an interpreter of Python 3.9 or later
	// Tree finds the source of an artifact and its manifest.
	Tree func(context.Context, slipway.Digest) (source string, manifest slipway.Manifest, err error)
	// Timeout bounds one rendering; zero means 5 s.
	Timeout time.Duration
}

// Jinja renders with the real Jinja2 in a process of its own: sandboxed, strict
// about undefined variables, bounded in time and memory.
type Jinja struct{ o Options }

var _ slipway.Renderer = (*Jinja)(nil)

// New makes a renderer. Jinja2 is installed when the first template asks for it.
func New(o Options) *Jinja {
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	return &Jinja{o}
}

const (
	maxValue     = 100 << 10 // of one setting: the kernel takes 128 KiB a variable
	maxTemplates = 100
)

var keyForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Render makes the snapshot. A secret stands in a file as its mark, and a
// template can only write it: a filter, a comparison or a part of it is refused,
// since the value is not known here. What a template does to a text into which
// it wrote a secret is seen when it changes the mark (upper), and not seen when
// it only measures the text (length).
func (j *Jinja) Render(ctx context.Context, req slipway.RenderRequest, log io.Writer) (slipway.Snapshot, error) {
	// A copy, so that nobody changes the snapshot afterwards; and never nil, so
	// that nothing and nothing have one digest.
	snapshot := slipway.Snapshot{Env: make(map[string]slipway.ConfigValue, len(req.Values))}
	for _, key := range slices.Sorted(maps.Keys(req.Values)) {
		value := req.Values[key]
		if err := checkSetting(req, key, value); err != nil {
			return slipway.Snapshot{}, err
		}
		snapshot.Env[key] = value
	}
	// The values of secrets are counted by the node, which puts them in.
	if err := slipway.CheckEnvironment(req.Service, req.Environment, func(yield func(string, string) bool) {
		for key, v := range snapshot.Env {
			if !yield(key, v.Value) {
				return
			}
		}
	}); err != nil {
		return slipway.Snapshot{}, err
	}
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

func checkSetting(req slipway.RenderRequest, key string, v slipway.ConfigValue) error {
	switch {
	case len(key) > 200 || !keyForm.MatchString(key):
		return slipway.Errorf(slipway.Refused, "%q can't be the name of an environment variable: use letters, digits and _", clip(key, 80))
	case key == "PORT" || key == "HOST" || strings.HasPrefix(key, "SLIPWAY_"):
		return slipway.Errorf(slipway.Refused, "%s is set by the platform; remove it from env: in slipway.yaml, or where `slipway config ls %s --env %s` shows it", key, req.Service, req.Environment)
	case v.Value != "" && v.Secret != "":
		return slipway.Errorf(slipway.Refused, "%s has both a value and a secret; set it again to one of them", key)
	case strings.Contains(v.Value, "\x00"):
		return slipway.Errorf(slipway.Refused, "the value of %s holds a zero byte, which no environment variable can", key)
	case len(v.Value) > maxValue:
		return slipway.Errorf(slipway.Refused, "the value of %s has %d bytes; at most %d are allowed: keep large settings in a file of the repository", key, len(v.Value), maxValue)
	}
	return nil
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
	if err := checkPlaces(req.Templates); err != nil {
		return nil, err
	}
	source, manifest, err := j.o.Tree(ctx, req.Artifact)
	if err != nil {
		return nil, err
	}
	python, err := j.install(ctx, log)
	if err != nil {
		return nil, err
	}
	values, secrets := map[string]string{}, map[string]string{}
	for key, v := range req.Values {
		if v.Secret != "" {
			secrets[key] = slipway.SecretMark(v.Secret)
		} else {
			values[key] = v.Value
		}
	}
	input, err := json.Marshal(map[string]any{
		"root": manifest.Dir.In(source), "templates": req.Templates, "values": values, "secrets": secrets, "seconds": j.o.Timeout.Seconds(),
		"words": map[string]any{"service": req.Service, "environment": req.Environment, "release": req.Release},
	})
	if err != nil {
		return nil, fmt.Errorf("input of the renderer: %w", err)
	}
	a, err := j.ask(ctx, python, source, input, req)
	if err != nil {
		return nil, err
	}
	if p := a.Problem; p != nil {
		return nil, slipway.Errorf(slipway.Refused, "%s", sentence(p.File, p.Line, p.Kind, p.Message, req))
	}
	return a.Files, checkMarks(a.Files, secrets)
}

// checkPlaces refuses results that would lie outside the service's directory,
// or over each other.
func checkPlaces(templates []slipway.Template) error {
	if len(templates) > maxTemplates {
		return slipway.Errorf(slipway.Refused, "slipway.yaml names %d templates; at most %d are allowed", len(templates), maxTemplates)
	}
	taken := map[string]string{}
	for _, t := range templates {
		for _, p := range []string{t.Source, t.Path} {
			if !filepath.IsLocal(p) || path.Clean(p) == "." || strings.HasSuffix(p, "/") || strings.ContainsFunc(p, unicode.IsControl) {
				return slipway.Errorf(slipway.Refused, "slipway.yaml: %q is not a file inside the service's directory (the template %q makes %q)", clip(p, 80), clip(t.Source, 80), clip(t.Path, 80))
			}
		}
		place := path.Clean(t.Path)
		if other, ok := taken[place]; ok {
			return slipway.Errorf(slipway.Refused, "slipway.yaml: the templates %s and %s both make %s", clip(other, 80), clip(t.Source, 80), clip(place, 80))
		}
		taken[place] = t.Source
	}
	for place := range taken {
		for dir := path.Dir(place); dir != "."; dir = path.Dir(dir) {
			if _, ok := taken[dir]; ok {
				return slipway.Errorf(slipway.Refused, "slipway.yaml: %s would be both a file and a directory", clip(dir, 80))
			}
		}
	}
	return nil
}

// ask runs the renderer.
func (j *Jinja) ask(ctx context.Context, python, source string, input []byte, req slipway.RenderRequest) (answer, error) {
	var a answer
	home, err := os.MkdirTemp("", "slipway-render-")
	if err != nil {
		return a, slipway.Wrap(slipway.Unavailable, err, "there is no place to render templates: is the disk full?")
	}
	defer os.RemoveAll(home)
	var out bytes.Buffer
	result, err := sandbox.Run(ctx, sandbox.Command{
		Args: []string{python, "-I", "-W", "ignore", "-c", script}, Dir: home, Env: sandbox.Environment(home, nil, nil), Stdin: bytes.NewReader(input),
		// The renderer stops itself, and then knows the line; this is for what it can't interrupt.
		Timeout: j.o.Timeout + 2*time.Second, MaxOutput: 32 << 20, MaxMemory: 1 << 30,
		Confinement: &sandbox.Confinement{
			Read:  append([]string{filepath.Dir(filepath.Dir(python)), source}, sandbox.Interpreter(python)...),
			Write: []string{home}, Closed: []string{j.o.Data},
		},
	}, &out)
	if err != nil {
		return a, err
	}
	names := make([]string, len(req.Templates))
	for i, t := range req.Templates {
		names[i] = t.Source
	}
	all := clip(strings.Join(names, ", "), 300)
	switch {
	case result.TimedOut:
		return a, slipway.Errorf(slipway.Refused, "rendering %s takes longer than %s; is there an endless loop in it?", all, j.o.Timeout)
	case result.Flooded:
		return a, slipway.Errorf(slipway.Refused, "rendering %s writes more than 32 MB", all)
	case result.OutOfMemory || result.Multitude || result.Signal != "":
		return a, slipway.Errorf(slipway.Refused, "rendering %s needs too much memory", all)
	}
	text := out.Bytes()
	if err := json.Unmarshal(text[bytes.LastIndexByte(text, '\n')+1:], &a); err != nil {
		return a, slipway.Wrap(slipway.Internal, fmt.Errorf("%w: %s", err, tail(out.String())), "the renderer gave no answer")
	}
	return a, nil
}

var undefinedForm = regexp.MustCompile(`'([A-Za-z_][A-Za-z0-9_]*)' is undefined|has no attribute '([A-Za-z_][A-Za-z0-9_]*)'`)

func sentence(file string, line int, kind, message string, req slipway.RenderRequest) string {
	where := file
	if line > 0 {
		where = fmt.Sprintf("%s:%d", file, line)
	}
	if kind != "undefined" {
		return where + ": " + message
	}
	name := "NAME"
	if m := undefinedForm.FindStringSubmatch(message); m != nil {
		name = m[1] + m[2]
	}
	return fmt.Sprintf("%s: %s; set it with: slipway config set %s --env %s %s=VALUE", where, message, req.Service, req.Environment, name)
}

// checkMarks refuses files in which something looks like a mark but is not one.
func checkMarks(files []slipway.RenderedFile, secrets map[string]string) error {
	for _, f := range files {
		rest := f.Content
		for _, mark := range secrets {
			rest = strings.ReplaceAll(rest, mark, "")
		}
		if len(secrets) > 0 && strings.ContainsAny(rest, "\u2039\u203a") || strings.Contains(strings.ToLower(rest), "slipway-secret:") {
			return slipway.Errorf(slipway.Refused, "%s: a secret is changed by a filter; its value is put in only where the service runs, so write it as it is", f.Path)
		}
	}
	return nil
}

func clip(s string, n int) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "") + "..."
	}
	return s
}

func tail(text string) string {
	text = strings.TrimSpace(text)
	if len(text) > 2000 {
		text = text[len(text)-2000:]
	}
	return text
}
