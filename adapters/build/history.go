package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python"
	"github.com/slipway-dev/slipway/sandbox"
)

// fetchHistory gets what a build asks git for.
func (r *run) fetchHistory(ctx context.Context, history func(context.Context, string, io.Writer) error, p *python.Project) error {
	if pkg := p.Install.Package; pkg == nil || !pkg.FromGit || history == nil {
		return nil
	}
	fmt.Fprintln(r.log, "the project's build asks git: fetching the history and the tags of the commit")
	dir := filepath.Join(r.home, "history")
	err := history(ctx, dir, r.log)
	if code := slipway.CodeOf(err); code == slipway.Invalid || code == slipway.Refused { // it will be so the next time, too
		fmt.Fprintf(r.log, "note: the history is not there for the build: %v\n", err)
		return nil
	}
	if err == nil {
		r.history = dir
	}
	return err
}

// historyDigest tells histories apart by what a version is made of.
func (r *run) historyDigest() string {
	if r.history == "" {
		return ""
	}
	head, _ := os.ReadFile(filepath.Join(r.history, "HEAD"))
	tags, _ := os.ReadFile(filepath.Join(r.history, "packed-refs"))
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s", head, tags))
	return hex.EncodeToString(sum[:])
}

// putHistory lays a copy of the history into the copied source, as a clone has it.
// Whoever is built there may do with it what he likes: it is read by nobody afterwards.
func (r *run) putHistory(ctx context.Context, p *python.Project) error {
	if r.history == "" {
		return nil
	}
	if err := os.CopyFS(filepath.Join(r.installed(), ".git"), os.DirFS(r.history)); err != nil {
		return disk(err, "the history could not be copied")
	}
	// What a release leaves out was not changed by anybody.
	var gone bytes.Buffer
	for _, args := range [][]string{{"git", "ls-files", "-z", "--deleted"}, {"git", "update-index", "-z", "--skip-worktree", "--stdin"}} {
		var said bytes.Buffer
		result, err := sandbox.Run(ctx, sandbox.Command{
			Args: args, Dir: r.installed(), Env: r.toolEnv(noGitAbove(r), false), Stdin: bytes.NewReader(gone.Bytes()), Timeout: time.Minute, MaxOutput: maxOutput, RunID: r.id,
			Confinement: r.confinement(p, nil, []string{r.installed()}),
		}, &said)
		if err != nil {
			return err
		}
		if !result.OK() {
			return slipway.Errorf(slipway.Unavailable, "the history can't be laid beside the source: git %s", ended(result))
		}
		if gone = said; gone.Len() == 0 {
			break
		}
	}
	return nil
}

// noGitAbove keeps git from looking for a repository that the data directory lies in.
func noGitAbove(r *run) map[string]string {
	return map[string]string{"GIT_CEILING_DIRECTORIES": r.home}
}
