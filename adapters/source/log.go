package source

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
)

// maxLog bounds how many commits are told, and fetched to tell them.
const maxLog = 200

// Log tells which commits lead from one commit to another. The mirror keeps
// commits without their history; as much of it as is asked for is fetched now.
func (g *Git) Log(ctx context.Context, repo slipway.Repository, from, to string, limit int) (slipway.CommitLog, error) {
	limit = min(max(limit, 1), maxLog)
	if from != "" && !isFull(from) || !isFull(to) {
		return slipway.CommitLog{}, slipway.Errorf(slipway.Invalid, "commits are named in full here")
	}
	if from == to {
		return slipway.CommitLog{}, nil
	}
	m, err := g.open(ctx, repo, io.Discard)
	if err != nil {
		return slipway.CommitLog{}, err
	}
	defer m.close()
	if err := m.deepen(ctx, to, limit+1); err != nil {
		return slipway.CommitLog{}, err
	}
	leads := from == "" || m.leads(ctx, from, to)
	if !leads {
		// Its history shows what both have; one that was pushed over may be gone.
		if err := m.deepen(ctx, from, limit+1); err != nil && slipway.CodeOf(err) != slipway.Invalid {
			return slipway.CommitLog{}, err
		}
		leads = m.leads(ctx, from, to)
	}
	args := []string{"log", "--no-show-signature", "--no-notes", "--encoding=UTF-8", "--max-count=" + strconv.Itoa(limit+1), "--format=%H%x00%an <%ae>%x00%cn <%ce>%x00%ct%x00%s%x00"}
	if from != "" && (leads || m.has(ctx, from)) {
		args = append(args, "^"+from)
	}
	out, err := m.run(ctx, quick, append(args, to)...)
	if err != nil {
		return slipway.CommitLog{}, err
	}
	log := slipway.CommitLog{Commits: []slipway.Commit{}}
	fields := strings.Split(out, "\x00")
	for ; len(fields) >= 5; fields = fields[5:] {
		seconds, _ := strconv.ParseInt(fields[3], 10, 64)
		log.Commits = append(log.Commits, slipway.Commit{
			ID: strings.TrimSpace(fields[0]), Author: clip(fields[1], 200), Committer: clip(fields[2], 200), Time: time.Unix(seconds, 0).UTC(), Subject: clip(fields[4], 200),
		})
	}
	if len(log.Commits) > limit {
		log.Commits, log.More = log.Commits[:limit], true
		return log, nil
	}
	// All that leads to the newer one was seen, so this can be told.
	log.Rewound = !leads
	return log, ctx.Err()
}

// leads tells whether one commit is in the history of another, as far as that
// is here.
func (m *mirror) leads(ctx context.Context, from, to string) bool {
	_, err := m.run(ctx, quick, "merge-base", "--is-ancestor", from, to)
	return err == nil
}

// deepen fetches a commit with some of its history.
func (m *mirror) deepen(ctx context.Context, id string, depth int) error {
	err := m.fetchFrom(ctx, "--depth="+strconv.Itoa(depth), "+"+id+":"+byIDs+id)
	if err == nil {
		return nil
	}
	if !errors.As(err, new(*refusedID)) {
		return err
	}
	return m.fetchFrom(ctx, m.whole("+refs/heads/*:refs/slipway/heads/*", "+refs/tags/*:refs/slipway/tags/*")...)
}
