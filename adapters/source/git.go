// Package source reads git repositories with the real git: a cached mirror per
// repository, and exact, bounded exports of single commits.
package source

import (
	"context"
	"io"
	"log/slog"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"

	"github.com/slipway-dev/slipway"
)

// Options configure a Git.
type Options struct {
	Dir     string // where mirrors are kept
	Secrets func(context.Context, slipway.SecretRef) (slipway.Secret, error)
	// AllowFile admits every path of this machine as a repository: for a command
	// whose user could read it anyway. Where others name repositories, a path would
	// let them read what the platform can read: then only what Admit was told of,
	// and what lies below Repositories, is one, and nothing below Private.
	AllowFile    bool
	Repositories []string
	Private      string
	// Resolve, when set, finds the addresses of the host of every repository and
	// submodule before git is called, which then connects to those only, or says
	// why it may not be called. Redirects are then not followed.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	// Proxy lets git use the environment's proxy although Resolve is set: the
	// proxy resolves names by itself.
	Proxy bool
	Log   *slog.Logger // nil means silence
	// Bounds on what a repository may bring; zero takes the defaults below.
	MaxRepositoryBytes int64 // of a mirror on disk: 2 GiB
	MaxBytes           int64 // of an exported tree: 1 GiB
	MaxFileBytes       int64 // of one file: 256 MiB
	MaxFiles           int   // 100,000
}

// Git is a Source over git repositories reached by https, ssh or file.
type Git struct {
	o         Options
	admitting sync.Mutex
}

var _ slipway.Source = (*Git)(nil)

// New makes a Git.
func New(o Options) *Git {
	if o.MaxRepositoryBytes == 0 {
		o.MaxRepositoryBytes = 2 << 30
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 1 << 30
	}
	if o.MaxFileBytes == 0 {
		o.MaxFileBytes = 256 << 20
	}
	if o.MaxFiles == 0 {
		o.MaxFiles = 100_000
	}
	if abs, err := filepath.Abs(o.Dir); err == nil {
		o.Dir = abs // git runs elsewhere
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Git{o: o}
}

// Resolve asks the remote what ref names now, and fetches that commit so that
// its author and subject can be told.
func (g *Git) Resolve(ctx context.Context, repo slipway.Repository, ref string) (slipway.Commit, error) {
	if ref == "" {
		ref = repo.Branch
	}
	if ref != "" {
		if err := slipway.CheckRef("ref", ref); err != nil {
			return slipway.Commit{}, err
		}
	}
	m, err := g.open(ctx, repo, io.Discard)
	if err != nil {
		return slipway.Commit{}, err
	}
	defer m.close()
	refs, err := m.remoteRefs(ctx)
	if err != nil {
		return slipway.Commit{}, err
	}
	if len(refs) == 0 {
		return slipway.Commit{}, slipway.Errorf(slipway.Invalid, "the repository %s is empty; push a commit first", m.shown).At("url")
	}
	id, name, err := m.choose(ctx, refs, ref, ref == repo.Branch)
	if err != nil {
		return slipway.Commit{}, err
	}
	if err := m.fetch(ctx, id, name); err != nil {
		return slipway.Commit{}, err
	}
	if err := m.directory(ctx, id, repo.Path); err != nil {
		return slipway.Commit{}, err
	}
	return m.describe(ctx, id, strings.TrimPrefix(strings.TrimPrefix(name, "refs/heads/"), "refs/tags/"))
}

// isFull tells whether s is a complete commit id, of SHA-1 or of SHA-256.
func isFull(s string) bool {
	return (len(s) == 40 || len(s) == 64) && isHex(s)
}

func isHex(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }

func clip(s string, n int) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "") + "..."
	}
	return s
}
