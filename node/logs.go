package node

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
)

const (
	defaultLines = 100
	lastLinesOf  = 20       // of an instance that did not get healthy
	maxTail      = 4 << 20  // bytes of a file that a tail looks at
	maxLog       = 50 << 20 // bytes of a file before its older half is dropped
	keptLogs     = 20       // files of deployments that are gone
)

// Logs writes what the instances printed, secrets taken out.
func (n *Node) Logs(ctx context.Context, q slipway.LogQuery, w io.Writer) error {
	if err := checkPlace(q.Service, q.Environment); err != nil {
		return err
	}
	r := &reader{node: n, query: q, to: w, files: map[string]*logFile{}, ends: map[string]cursor{}, secrets: map[string][]slipway.Secret{}}
	if err := r.begin(ctx); err != nil || !q.Follow {
		return err
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		r.find()
		if err := r.print(ctx); errors.Is(err, errReaderGone) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func write(w io.Writer, instance, text string, secrets []slipway.Secret) error {
	for line := range strings.Lines(slipway.Scrub(text, secrets)) {
		line = strings.TrimRight(line, "\r\n")
		for len(line) > maxLine {
			if _, err := fmt.Fprintf(w, "%s | %s%s\n", instance, line[:maxLine], splitMark); err != nil {
				return err
			}
			line = line[maxLine:]
		}
		if _, err := fmt.Fprintf(w, "%s | %s\n", instance, line); err != nil {
			return err
		}
	}
	return nil
}

// tail returns the last whole lines of a log and where they end.
func tail(file string, lines int) (string, cursor, error) {
	before := torn(file + older)
	text, c, err := tailOf(file, lines, before)
	if errors.Is(err, os.ErrNotExist) { // in this moment it has become the older one
		if _, there := os.Stat(file + older); there == nil {
			c, err = cursor{skip: before}, nil
		}
	}
	if have := strings.Count(text, "\n"); err == nil && have < lines {
		if former, _, err := tailOf(file+older, lines-have, false); err == nil {
			text = former + text
		}
	}
	return text, c, err
}

// tailOf is of one file, whose first line may have begun in the one before.
func tailOf(file string, lines int, begun bool) (string, cursor, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", cursor{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", cursor{}, err
	}
	c := cursor{offset: max(info.Size()-maxTail, 0), inode: inodeOf(f)}
	c.skip = c.offset > 0 || begun // in the middle of a line, perhaps of a secret
	if _, err := f.Seek(c.offset, io.SeekStart); err != nil {
		return "", cursor{}, err
	}
	var kept []string
	r := bufio.NewReaderSize(f, 64<<10)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			break
		}
		c.offset += int64(len(line))
		if c.skip {
			c.skip = false
			continue
		}
		kept = append(kept, line)
		if len(kept) > 2*lines {
			kept = slices.Delete(kept, 0, lines)
		}
	}
	if len(kept) > lines {
		kept = kept[len(kept)-lines:]
	}
	return strings.Join(kept, ""), c, nil
}

// lastLines puts the end of what instances printed under the reason of a
// failure, where its reader looks.
func (p *place) lastLines(ctx context.Context, instances []*instance, log io.Writer) {
	for _, i := range instances {
		text, _, err := tail(i.logFile(), lastLinesOf)
		if err != nil || text == "" {
			continue
		}
		secrets, err := p.node.secrets(ctx, i.of().Deployment)
		if err != nil {
			fmt.Fprintf(log, "the last lines of %s can't be shown: %v\n", i.id, err)
			continue
		}
		fmt.Fprintf(log, "the last lines of %s:\n", i.id)
		_ = write(log, i.id, text, secrets)
	}
}

// pruneLogs drops the logs of deployments that are long gone.
func (p *place) pruneLogs() {
	files, _ := filepath.Glob(filepath.Join(p.logDir(), "*.log"))
	p.mu.Lock()
	var gone []string
	for _, f := range files {
		home, _, _ := strings.Cut(filepath.Base(f), ".")
		used := f == p.edgeLog()
		for _, d := range p.state.Deployments {
			used = used || d.home() == home
		}
		if !used {
			gone = append(gone, f)
		}
	}
	p.mu.Unlock()
	slices.Sort(gone)
	for len(gone) > keptLogs {
		_ = os.Remove(gone[0])
		_ = os.Remove(gone[0] + older)
		gone = gone[1:]
	}
}

// trim keeps the log of a process within its bound that an earlier version of the
// agent let write to the file itself.
func (i *instance) trim() {
	i.mu.Lock()
	kept := i.known.Keeper != 0
	i.mu.Unlock()
	if kept {
		return
	}
	info, err := os.Stat(i.logFile())
	if err != nil || info.Size() <= maxLog {
		return
	}
	text, _, err := tail(i.logFile(), 10_000)
	if err != nil {
		return
	}
	if err := os.Truncate(i.logFile(), 0); err != nil {
		return
	}
	if f, err := i.openLog(); err == nil {
		_, _ = io.WriteString(f, "[the older lines were dropped: the log was over 50 MB]\n"+text)
		_ = f.Close()
	}
}
