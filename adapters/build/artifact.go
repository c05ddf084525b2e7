package build

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/artifact"
	"github.com/slipway-dev/slipway/python"
	"github.com/slipway-dev/slipway/python/stated"
	"github.com/slipway-dev/slipway/python/syntax"
	"github.com/slipway-dev/slipway/sandbox"
)

// left are directories of a working tree that are never part of a release.
var left = map[string]bool{
	".git": true, ".hg": true, ".venv": true, "venv": true, "__pycache__": true, "node_modules": true,
	".pytest_cache": true, ".mypy_cache": true, ".ruff_cache": true, ".tox": true, ".nox": true,
}

// copySource copies a tree, without what a working copy gathers. Links are kept
// when they stay inside.
func copySource(ctx context.Context, from, to string) error {
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
		if entry.IsDir() {
			if rel != "." && left[entry.Name()] {
				return filepath.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		switch {
		case left[entry.Name()]: // a worktree's .git is a file
			return nil
		case entry.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			if err := checkLink(rel, target); err != nil {
				return err
			}
			return os.Symlink(target, filepath.Join(to, rel)) // #nosec G122 -- to is new and of this build alone
		case entry.Type().IsRegular():
			return copyFile(path, filepath.Join(to, rel))
		}
		return nil // sockets and pipes of a working tree
	})
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if info.Mode()&0o100 != 0 {
		mode = 0o755
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// manifest says how the release is run.
func manifest(req slipway.BuildRequest, p *python.Project, source string, env environment) slipway.Manifest {
	m := slipway.Manifest{
		Service: req.Service, Commit: req.Commit, Python: p.Python.Version, Framework: p.Framework, Dir: p.Root,
		ReleaseCommand: string(p.ReleaseCommand), Environment: env.key, PackagesAsOf: p.PackagesAsOf, Env: map[string]string{}, Overrides: req.Overrides,
		Hosts:  p.Hosts,
		Health: slipway.Health{Path: p.Health.Path, Statuses: p.Health.Statuses, Host: p.Health.Host, TimeoutSeconds: 60},
	}
	if p.Application != nil && slices.ContainsFunc(p.Findings, func(f python.Finding) bool { return f.Rule == "app.imported" }) {
		m.Application = p.Application.Key()
	}
	m.Trials, m.Data, m.Tables = p.Trials, p.Data, p.Tables
	var read []string
	for _, v := range syntax.Variables(os.DirFS(source), string(p.Root)) {
		read = append(read, v.Name)
		if v.Required {
			m.Required = append(m.Required, v.Name)
		}
	}
	m.Addresses, m.Asked = slipway.Addresses(read), syntax.Asked(os.DirFS(source), string(p.Root), false)
	if p.Config != nil {
		m.Pages = slipway.PagesOf(p.Config.Pages)
		m.VerifyCommand, m.ReleaseRepeatable = string(p.Config.VerifyCommand), p.Config.Repeatable
	}
	if p.Lock != nil {
		m.Lock = slipway.Digest("sha256:" + strings.TrimPrefix(p.Lock.Digest, "sha256:"))
	}
	for _, dir := range searchPath(p, source) {
		if rel, err := filepath.Rel(source, dir); err == nil {
			m.SearchPath = append(m.SearchPath, slipway.SourcePath(rel))
		}
	}
	if packageOf(p, source) != "" {
		m.Package = packageDir
	}
	var c stated.Config
	if p.Config != nil {
		c = *p.Config
	}
	for name, value := range c.Env {
		m.Env[name] = value
	}
	for name, command := range p.Processes {
		stop := p.Stops[name]
		process := slipway.Process{
			Name: name, Command: string(command), Instances: 1, GraceSeconds: stop.GraceSeconds, StopSignal: stop.Signal, LastSignal: stop.LastSignal,
			BehindShell: stop.Behind, Env: stop.Env, Options: stop.Options,
		}
		if stated, ok := c.Processes[name]; ok {
			process.Instances, process.MemoryMB = max(stated.Instances, 1), stated.MemoryMB
		}
		m.Processes = append(m.Processes, process)
	}
	slices.SortFunc(m.Processes, func(a, b slipway.Process) int { return strings.Compare(a.Name, b.Name) })
	if c.Health != nil && c.Health.TimeoutSeconds > 0 {
		m.Health.TimeoutSeconds = c.Health.TimeoutSeconds
	}
	if m.AnswerSeconds = slipway.AnswerSeconds; c.AnswerSeconds != nil {
		m.AnswerSeconds = *c.AnswerSeconds
	}
	m.Limits = c.Limits
	for name, e := range c.Environments {
		if e.Limits == nil {
			continue
		}
		if m.LimitsByEnvironment == nil {
			m.LimitsByEnvironment = map[string]slipway.Limits{}
		}
		m.LimitsByEnvironment[name] = *e.Limits
	}
	for _, f := range c.Files {
		m.Templates = append(m.Templates, slipway.Template{Source: f.Template, Path: f.Path})
	}
	for _, v := range c.Verify {
		m.Checks = append(m.Checks, slipway.Check{
			Path: v.Path, Status: v.Status, Contains: v.Contains, MaxMillis: v.MaxMillis, Successes: v.Successes, TimeoutSeconds: v.TimeoutSeconds,
		})
	}
	return m
}

// assemble puts the artifact together beside its place and moves it there. The
// same inputs give the same digest, and an artifact that is there is kept.
func (r *run) assemble(ctx context.Context, req slipway.BuildRequest, p *python.Project, source string, env environment, static *slipway.Static) (slipway.Artifact, error) {
	if err := cmp.Or(settle(source), dropCompiled(source)); err != nil {
		return slipway.Artifact{}, disk(err, "the release can't be cleaned")
	}
	if err := r.claims(ctx, source); err != nil {
		return slipway.Artifact{}, err
	}
	m := manifest(req, p, source, env)
	m.Static = static
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return slipway.Artifact{}, err
	}
	digest, err := r.digest(ctx, source, env, text)
	if err != nil {
		return slipway.Artifact{}, disk(err, "the release can't be read")
	}
	dir := artifact.Dir(r.o.Data, digest)
	made := slipway.Artifact{Digest: digest, Path: dir, Manifest: m, Reused: env.reused, Reason: env.reason, BuiltUnder: sandbox.Protection().Layers(), BuiltBy: r.o.Version}
	if _, err := os.Stat(dir); err == nil {
		made.Bytes, err = size(filepath.Join(dir, "source"))
		return made, err
	}
	staging := filepath.Join(r.home, "artifact")
	if err := os.Mkdir(staging, 0o755); err != nil {
		return slipway.Artifact{}, disk(err, "the release can't be written")
	}
	if err := r.inventory(p, env, staging, source); err != nil {
		return slipway.Artifact{}, err
	}
	err = errors.Join(
		os.Rename(source, filepath.Join(staging, "source")),
		os.Rename(filepath.Join(r.home, artifact.Record), filepath.Join(staging, artifact.Record)),
		os.Symlink(filepath.Join("..", "..", "environments", env.key, "venv"), filepath.Join(staging, "venv")),
		os.WriteFile(filepath.Join(staging, "manifest.json"), text, 0o644),
	)
	if err == nil {
		err = os.Rename(staging, dir)
	}
	if errors.Is(err, fs.ErrExist) {
		err = nil // another build of the same was a moment earlier
	}
	if err != nil {
		return slipway.Artifact{}, disk(err, "the release can't be put in place")
	}
	made.Bytes, err = size(filepath.Join(dir, "source"))
	return made, err
}

// digest covers the source, of which it leaves the record in the run's home, the
// environment's files and the manifest.
func (r *run) digest(ctx context.Context, source string, env environment, manifest []byte) (slipway.Digest, error) {
	tree, err := artifact.Keep(ctx, source, filepath.Join(r.home, artifact.Record))
	if err != nil {
		return "", err
	}
	content, err := os.ReadFile(env.digest())
	if errors.Is(err, fs.ErrNotExist) { // it was made before this was done at its end
		if err = env.keep(ctx); err == nil {
			content, err = os.ReadFile(env.digest())
		}
	}
	if err != nil {
		return "", err
	}
	return artifact.DigestOf(tree, string(content), manifest), nil
}

// dropCompiled removes what importing or building left in the source.
func dropCompiled(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && entry.Name() == "__pycache__" {
			if err := os.RemoveAll(path); err != nil { // #nosec G122 -- nothing of the build runs any more
				return err
			}
			return filepath.SkipDir
		}
		return err
	})
}

func size(dir string) (total int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total, err
}
