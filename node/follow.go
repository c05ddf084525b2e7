package node

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway"
)

const (
	// maxLine is how much of a line is shown as one.
	maxLine   = 1 << 20
	splitMark = " [slipway: the line goes on below]"
)

var errReaderGone = errors.New("the reader has gone")

// cursor is how far a file has been read. What it hands out can be scrubbed: it
// never ends or begins in the middle of a secret.
type cursor struct {
	offset int64
	skip   bool // up to the next line
	inode  uint64
}

// next returns what was added, scrubbed, in whole lines; with all the rest as
// well. A line that does not end is handed out in pieces.
func (c *cursor) next(f *os.File, secrets []slipway.Secret, all bool) string {
	var out strings.Builder
	for {
		text, more := c.step(f, secrets, all)
		out.WriteString(slipway.Scrub(text, secrets))
		if !more || out.Len() > maxTail {
			return out.String()
		}
	}
}

func (c *cursor) step(f *os.File, secrets []slipway.Secret, all bool) (text string, more bool) {
	if info, err := f.Stat(); err == nil && info.Size() < c.offset {
		c.offset = 0 // it was cut, and begins anew
	}
	longest := slipway.ScrubReach(secrets)
	read, err := io.ReadAll(io.NewSectionReader(f, c.offset, int64(maxLine+longest)))
	if err != nil || len(read) == 0 {
		return "", false
	}
	text = string(read)
	full := len(text) == maxLine+longest
	end := strings.LastIndexByte(text, '\n') + 1
	switch {
	case c.skip:
		end = strings.IndexByte(text, '\n') + 1
		c.skip = end == 0
		if c.skip {
			end = len(text)
		}
		text = ""
	case end > 0:
		text = text[:end]
	case full:
		end = cut(text, maxLine, secrets)
		text = text[:end] + splitMark + "\n"
	case all:
		end = len(text)
	default:
		text = ""
	}
	c.offset += int64(end)
	return text, full || all && end > 0
}

// cut is the last place up to at where a text can be cut without cutting a
// secret in two; at itself when a secret fills the text.
func cut(text string, at int, secrets []slipway.Secret) int {
	limit := at
	for again := true; again; {
		again = false
		for _, s := range secrets {
			v := s.Reveal()
			if len(v) < 4 {
				continue
			}
			from, to := max(at-len(v)+1, 0), min(at+len(v)-1, len(text))
			if k := strings.Index(text[from:to], v); k >= 0 && from+k < at {
				at, again = from+k, true
			}
		}
	}
	if at == 0 {
		return limit
	}
	return at
}

// logFile is one that a reader follows.
type logFile struct {
	cursor
	path, instance string
	of             *deployment
	shown          bool // its deployment has, or had, the traffic
	gone           bool // its instance is no more
	done           bool // and all that it wrote was read
}

// reader follows the output of a service's instances, whichever they are.
type reader struct {
	node    *Node
	query   slipway.LogQuery
	to      io.Writer
	files   map[string]*logFile         // by path
	ends    map[string]cursor           // of the files that were there at first, by path
	secrets map[string][]slipway.Secret // by home
}

// wants tells whether an instance was asked for.
func (r *reader) wants(i *instance) bool {
	return r.query.Process == "" || i.process.Name == r.query.Process
}

// begin prints what is there already and remembers where it ends.
func (r *reader) begin(ctx context.Context) error {
	r.find()
	files, _ := filepath.Glob(filepath.Join(r.node.dir, "logs", r.query.Service, r.query.Environment, "*.log"))
	for _, file := range files {
		if _, end, err := tail(file, 1); err == nil {
			r.ends[file] = end
		}
	}
	lines := r.query.Lines
	if lines <= 0 {
		lines = defaultLines
	}
	shown := 0
	for _, f := range r.files {
		if f.shown {
			shown++
		}
	}
	for _, f := range r.sorted() {
		text, end, err := tail(f.path, max(lines/max(shown, 1), 1))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return slipway.Wrap(slipway.Unavailable, err, "the log of %s can't be read", f.instance)
		}
		f.cursor = end
		if !f.shown {
			continue
		}
		secrets, err := r.hidden(ctx, f)
		if err != nil {
			return err
		}
		if err := write(r.to, f.instance, text, secrets); err != nil {
			return err
		}
	}
	return nil
}

// find looks which instances there are now: a deploy or a restart brings others.
// The files of those without traffic are kept in view, so that what a new
// release said while it started is shown when it has the traffic.
func (r *reader) find() {
	for _, f := range r.files {
		f.gone = true
	}
	p := r.node.find(r.query.Service, r.query.Environment)
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, instances := range p.instances {
		for _, i := range instances {
			r.see(i, id == p.state.Live || id == p.state.Next)
		}
	}
	r.seeEdge(p)
	for _, i := range p.ending { // what they say while they finish, to who has read them so far
		r.see(i, false)
	}
}

func (r *reader) see(i *instance, shown bool) {
	if !r.wants(i) {
		return
	}
	f := r.files[i.logFile()]
	if f == nil {
		f = &logFile{path: i.logFile(), instance: i.id, of: i.of(), cursor: r.ends[i.logFile()]}
		r.files[f.path] = f
	}
	f.gone, f.done = false, false
	f.shown = f.shown || shown
}

// seeEdge shows what the edge answered by itself, beside what the instances print. It
// names no secret.
func (r *reader) seeEdge(p *place) {
	file := p.edgeLog()
	if _, err := os.Stat(file); err != nil || r.query.Process != "" && r.query.Process != "edge" {
		return
	}
	f := r.files[file]
	if f == nil {
		f = &logFile{path: file, instance: "edge", shown: true, cursor: r.ends[file]}
		r.files[file] = f
	}
	f.gone, f.done = false, false
}

func (r *reader) sorted() []*logFile {
	all := make([]*logFile, 0, len(r.files))
	for _, f := range r.files {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b *logFile) int {
		return strings.Compare(a.instance+" "+a.path, b.instance+" "+b.path)
	})
	return all
}

// print writes what was added since.
func (r *reader) print(ctx context.Context) error {
	for _, f := range r.sorted() {
		if !f.shown || f.done {
			continue
		}
		if err := r.more(ctx, f); err != nil {
			return err
		}
		f.done = f.gone
	}
	return nil
}

func (r *reader) more(ctx context.Context, f *logFile) error {
	file, err := os.Open(f.path)
	if err != nil {
		return nil // nothing was printed yet, or it is removed
	}
	defer file.Close()
	secrets, err := r.hidden(ctx, f)
	if err != nil {
		return err
	}
	text := ""
	if now := inodeOf(file); f.inode != now {
		text = f.turn(now, secrets)
	}
	if err := write(r.to, f.instance, text+f.next(file, secrets, f.gone), nil); err != nil {
		return errReaderGone
	}
	return nil
}

// turn goes on to the log that has begun since, and returns what was left to read
// of the one before, in whole lines.
func (f *logFile) turn(now uint64, secrets []slipway.Secret) (rest string) {
	if f.inode == 0 { // there was none
		f.inode = now
		return ""
	}
	if before, err := os.Open(f.path + older); err == nil {
		if inodeOf(before) == f.inode {
			rest = f.next(before, secrets, false)
		}
		_ = before.Close()
	}
	f.cursor = cursor{inode: now, skip: torn(f.path + older)}
	return rest
}

// hidden are the secrets of the deployment that wrote a file.
func (r *reader) hidden(ctx context.Context, f *logFile) ([]slipway.Secret, error) {
	if f.of == nil {
		return nil, nil
	}
	home := f.of.home()
	if known, ok := r.secrets[home]; ok {
		return known, nil
	}
	all, err := r.node.secrets(ctx, f.of.Deployment)
	if err == nil {
		r.secrets[home] = all
	}
	return all, err
}
