package promotion

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/store"
	"github.com/slipway-dev/slipway/web/parts"
	"github.com/slipway-dev/slipway/web/shell"
)

const (
	// shownLines is about how many lines of a log a page begins with.
	shownLines = 1000
	// maxHits bounds what a search in a log shows.
	maxHits = 500
)

// stepLog is what a page shows of a step's output.
type stepLog struct {
	Promotion *ent.Promotion
	Step      *ent.Step
	Chosen    bool // the reader asked for this step; else it follows what runs
	Lines     []parts.LogLine
	Earlier   int    // lines before the first
	Before    int    // the first chunk, to load what comes before it
	Chunk     int    // the last chunk that is in here
	After     string // from where the stream goes on
	Find      string
	More      bool // the search found more than is shown
	Window    bool // around a line, so nothing is appended live
}

// stepOf is the step that a request asks for, or the one most worth seeing.
func stepOf(c *shell.Call, q *ent.Promotion) (s *ent.Step, chosen bool) {
	if name := c.Query("step"); name != "" {
		for _, s := range q.Edges.Steps {
			if string(s.Name) == name {
				return s, true
			}
		}
	}
	return report.ActiveStep(q), false
}

// readLog reads what a request asks to see of a step's log: its end, what comes
// before a chunk, what stands around a line, or the lines that hold a text.
func (p *pages) readLog(c *shell.Call, q *ent.Promotion) (*stepLog, error) {
	s, chosen := stepOf(c, q)
	if s == nil {
		return nil, nil
	}
	l := &stepLog{Promotion: q, Step: s, Chosen: chosen, Find: c.Query("find")}
	id, name := strconv.Itoa(q.ID), slipway.StepName(s.Name)
	var err error
	if l.After, err = p.Position(c.Ctx, id); err != nil {
		return nil, err
	}
	around, _ := strconv.Atoi(c.Query("line"))
	switch {
	case l.Find != "":
		l.Window = true
		return l, p.findInLog(c.Ctx, l, id, name)
	case around > 0:
		l.Window = true
		return l, p.aroundLine(c.Ctx, l, id, name, around)
	}
	before, _ := strconv.Atoi(c.Query("before"))
	tail, err := p.Tail(c.Ctx, id, name, max(before, 0), shownLines)
	if err != nil {
		return nil, err
	}
	l.After, l.Earlier = tail.After, tail.Before
	n := tail.Before
	for _, chunk := range tail.Chunks {
		for _, line := range parts.LinesOf(chunk.Text) {
			n++
			l.Lines = append(l.Lines, parts.LogLine{N: n, Spans: parts.Spans(line)})
		}
		l.Chunk = chunk.ID
	}
	if len(tail.Chunks) > 0 {
		l.Before = tail.Chunks[0].ID
	}
	return l, nil
}

// eachChunk calls f with every chunk of a step's log until it returns false.
func (p *pages) eachChunk(ctx context.Context, id string, name slipway.StepName, f func(text string) bool) error {
	page := store.Page{Limit: 100}
	for {
		list, err := p.StepLog(ctx, id, name, page)
		if err != nil {
			return err
		}
		for _, chunk := range list.Items {
			if !f(chunk.Text) {
				return nil
			}
		}
		if page.Cursor = list.Next; page.Cursor == "" {
			return nil
		}
	}
}

// eachLine calls f with every line of a step's log until it returns false.
func (p *pages) eachLine(ctx context.Context, id string, name slipway.StepName, f func(n int, line string) bool) error {
	n := 0
	return p.eachChunk(ctx, id, name, func(text string) bool {
		for _, line := range parts.LinesOf(text) {
			n++
			if !f(n, line) {
				return false
			}
		}
		return true
	})
}

// findInLog looks at whole chunks first: most hold nothing of what is looked
// for, and their lines need not be taken apart.
func (p *pages) findInLog(ctx context.Context, l *stepLog, id string, name slipway.StepName) error {
	want, n := []byte(strings.ToLower(l.Find)), 0
	var plain []byte
	return p.eachChunk(ctx, id, name, func(text string) bool {
		lines := strings.Count(strings.TrimSuffix(text, "\n"), "\n") + 1
		if plain = parts.Lowered(plain[:0], text); !bytes.Contains(plain, want) {
			n += lines
			return true
		}
		for i, line := range parts.LinesOf(text) {
			end := bytes.IndexByte(plain, '\n')
			found := bytes.Contains(plain[:end], want)
			plain = plain[end+1:]
			if !found {
				continue
			}
			if len(l.Lines) == maxHits {
				l.More = true
				return false
			}
			l.Lines = append(l.Lines, parts.LogLine{N: n + i + 1, Spans: parts.Spans(line)})
		}
		n += lines
		return true
	})
}

func (p *pages) aroundLine(ctx context.Context, l *stepLog, id string, name slipway.StepName, around int) error {
	l.Earlier = max(around-200, 1) - 1
	return p.eachLine(ctx, id, name, func(n int, line string) bool {
		if n > l.Earlier {
			l.Lines = append(l.Lines, parts.LogLine{N: n, Spans: parts.Spans(line), Hit: n == around})
		}
		return n < l.Earlier+shownLines
	})
}

// downloadLog sends a step's whole log as text, as it was printed.
func (p *pages) downloadLog(c *shell.Call) error {
	id, name := c.R.PathValue("id"), slipway.StepName(c.R.PathValue("step"))
	q, err := p.Promotion(c.Ctx, id)
	if err != nil {
		return err
	}
	page := store.Page{Limit: 100}
	first, err := p.StepLog(c.Ctx, id, name, page)
	if err != nil {
		return err
	}
	h := c.W.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+q.Edges.Service.Name+"-"+strconv.Itoa(q.ID)+"-"+string(name)+`.log"`)
	for list := first; ; {
		for _, chunk := range list.Items {
			if _, err := io.WriteString(c.W, chunk.Text); err != nil {
				return nil // the reader has left
			}
		}
		if page.Cursor = list.Next; page.Cursor == "" {
			return nil
		}
		if list, err = p.StepLog(c.Ctx, id, name, page); err != nil {
			p.Log.Error("a log could not be sent", "promotion", id, "step", name, "error", err)
			return nil
		}
	}
}

// followPromotion tells a page of what happens to a promotion: that something
// about it has changed, and the output itself.
func (p *pages) followPromotion(c *shell.Call) error {
	id := c.R.PathValue("id")
	if _, err := p.Promotion(c.Ctx, id); err != nil {
		return err
	}
	s, ctx, cancel, err := c.Stream()
	if err != nil {
		return shell.StreamRefused(err)
	}
	defer cancel()
	err = p.Watch(ctx, id, c.Resume(), func(e report.LiveEvent) error {
		if e.Log == nil {
			return s.Send(e.ID, "changed", "promotion "+e.Kind())
		}
		html, err := parts.LogItems(ctx, e.Log.Text)
		if err != nil {
			return err
		}
		return s.SendLog(e.ID, shell.LogNews{Step: e.Log.Step, Chunk: e.Log.ID, HTML: html})
	})
	if err == nil {
		_ = s.Send("", "over", id) // the page doesn't come back then
		return nil
	}
	if ctx.Err() == nil {
		p.Log.Error("an event stream ended early", "promotion", id, "request_id", c.RequestID, "error", err)
	}
	return nil
}

// logPart shows a log, or what comes before the part of it that is shown.
func (p *pages) logPart(c *shell.Call, q *ent.Promotion) error {
	l, err := p.readLog(c, q)
	if err != nil {
		return err
	}
	if c.Fragment() == "earlier" {
		return c.Show(http.StatusOK, earlierLines(*l))
	}
	return c.Show(http.StatusOK, logCard(*l))
}
