package source

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/slipway-dev/slipway"
)

const (
	maxDepth      = 5   // submodules in submodules
	maxSubmodules = 100 // in one export
)

// submodules lists the submodules of a tree, each at the commit that it records.
func (x *export) submodules(ctx context.Context, m *mirror, p part, entries []entry) ([]part, error) {
	var parts []part
	var urls map[string]string
	for _, e := range entries {
		if e.mode != "160000" {
			continue
		}
		if p.depth >= maxDepth {
			return nil, slipway.Errorf(slipway.Invalid, "submodules are nested more than %d deep; put what the service needs into its repository", maxDepth)
		}
		if x.parts++; x.parts > maxSubmodules {
			return nil, slipway.Errorf(slipway.Invalid, "the repository has more than %d submodules; put what the service needs into its repository", maxSubmodules)
		}
		if urls == nil {
			var err error
			if urls, err = m.submoduleURLs(ctx, p.commit); err != nil {
				return nil, err
			}
		}
		if urls[e.path] == "" {
			fmt.Fprintf(x.log, "note: %s is a submodule, and no .gitmodules says where it comes from: it stays empty, as in a clone\n", clip(e.path, 80))
			continue
		}
		repo, err := submodule(p.repo, clip(e.path, 80), urls[e.path])
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(x.log, "submodule %s at %.12s\n", clip(e.path, 80), e.id)
		parts = append(parts, part{repo: repo, commit: e.id, path: path.Join(p.path, e.path), depth: p.depth + 1})
	}
	return parts, nil
}

// submodule is the repository of a submodule. What a repository says about
// others is not trusted: the credential goes to the same server only, and a
// repository from elsewhere can't name paths of this machine.
func submodule(outer slipway.Repository, name, raw string) (slipway.Repository, error) {
	repo := slipway.Repository{URL: relativeURL(outer.URL, raw)}
	if err := repo.Validate(); err != nil {
		return slipway.Repository{}, slipway.Errorf(slipway.Invalid, "the submodule %s: %w", name, err)
	}
	if hostOf(repo.URL) == "" && hostOf(outer.URL) != "" {
		return slipway.Repository{}, slipway.Errorf(slipway.Invalid, "the submodule %s points to a path of this machine; give its https or ssh URL in .gitmodules", name)
	}
	if sameServer(repo.URL, outer.URL) {
		repo.Credential = outer.Credential
	}
	return repo, nil
}

// submoduleURLs reads .gitmodules of a commit with git's own parser; without that file
// there are none.
func (m *mirror) submoduleURLs(ctx context.Context, commit string) (map[string]string, error) {
	if out, err := m.run(ctx, quick, "ls-tree", "--name-only", commit, "--", ".gitmodules"); err != nil || strings.TrimSpace(out) == "" {
		return map[string]string{}, err
	}
	out, err := m.run(ctx, quick, "config", "--blob", commit+":.gitmodules", "--no-includes", "--list", "-z")
	if err != nil {
		return nil, slipway.Errorf(slipway.Invalid, "the repository has submodules and a .gitmodules that can't be read; correct it")
	}
	paths, urls := map[string]string{}, map[string]string{}
	for item := range strings.SplitSeq(out, "\x00") {
		key, value, ok := strings.Cut(item, "\n")
		if !ok {
			continue
		}
		if name, ok := strings.CutSuffix(strings.TrimPrefix(key, "submodule."), ".path"); ok {
			paths[name] = strings.TrimSuffix(value, "/")
		}
		if name, ok := strings.CutSuffix(strings.TrimPrefix(key, "submodule."), ".url"); ok {
			urls[name] = value
		}
	}
	byPath := map[string]string{}
	for name, p := range paths {
		byPath[p] = urls[name]
	}
	return byPath, nil
}

// relativeURL resolves a submodule's ./ or ../ URL as git does: against the
// URL of the repository that holds it.
func relativeURL(base, raw string) string {
	if !strings.HasPrefix(raw, "./") && !strings.HasPrefix(raw, "../") {
		return raw
	}
	rest := strings.TrimRight(base, "/")
	if i := strings.Index(rest, "://"); i >= 0 {
		slash := strings.Index(rest[i+3:], "/")
		if slash < 0 {
			return raw
		}
		return rest[:i+3+slash] + path.Join(rest[i+3+slash:], raw)
	}
	if path.IsAbs(rest) {
		return path.Join(rest, raw)
	}
	host, where, _ := strings.Cut(rest, ":") // git@host:path
	joined := path.Join("/"+where, raw)
	if !path.IsAbs(where) {
		joined = strings.TrimPrefix(joined, "/")
	}
	return host + ":" + joined
}
