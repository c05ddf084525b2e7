package slipway

import (
	"context"
	"io"
	"time"
)

// Commit is one exact commit of a repository.
type Commit struct {
	ID      string `json:"id"` // full hexadecimal
	Ref     string `json:"ref"`
	Author  string `json:"author"`
	Subject string `json:"subject"` // first line of the message, bounded
	// Committer is who put it into the history; "" where that was not kept.
	Committer string    `json:"committer,omitempty"`
	Time      time.Time `json:"time"`
}

// Source reads repositories. The methods may be called at once, also for the
// same repository, and may be called again after a crash.
type Source interface {
	// Resolve finds the commit that ref (a branch, a tag, or a commit; "" for
	// the repository's branch or default branch) names now. Unreachable is
	// Unavailable; private, empty, an unknown ref, or a path that is no directory
	// of that commit is Invalid and says so.
	Resolve(ctx context.Context, repo Repository, ref string) (Commit, error)
	// Export writes the exact tree of a commit, submodules included and
	// without .git, into dir, which must be empty or absent; dir is complete
	// when Export returns nil and removed when it returns an error. A tree over
	// the bounds, or a symlink that leaves it, is Invalid.
	Export(ctx context.Context, repo Repository, commit, dir string, log io.Writer) error
	// History writes what a clone at a commit has of git into dir, which must be
	// absent: a git directory with all commits that lead to it, the tags on those, and
	// the files of this one commit alone. It holds no address and no key. It is for
	// builds that ask git for the version. A history over the bounds is Invalid.
	History(ctx context.Context, repo Repository, commit, dir string, log io.Writer) error
	// Log tells which commits lead from one commit to another, at most limit of
	// them, the newest first; from "", all that lead to it.
	Log(ctx context.Context, repo Repository, from, to string, limit int) (CommitLog, error)
}
