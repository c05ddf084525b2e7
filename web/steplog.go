package web

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/store"
)

const (
	// shownLines is about how many lines of a log a page begins with.
	shownLines = 1000
	// maxHits bounds what a search in a log shows.
	maxHits = 500
)

// logLine is a line of output with its number in the step's log.
type logLine struct {
	N     int
	Spans []span
	Hit   bool
}

// stepLog is what a page shows of a step's output.
type stepLog struct {
	Promotion *ent.Promotion
	Step      *ent.Step
	Chosen    bool // the reader asked for this step; else it follows what runs
	Lines     []logLine
	Earlier   int    // lines before the first
	Before    int    // the first chunk, to load what comes before it
	Chunk     int    // the last chunk that is in here
	After     string // from where the stream goes on
	Find      string
	More      bool // the search found more than is shown
	Window    bool // around a line, so nothing is appended live
}

// linesOf splits a chunk, which holds whole lines.
func linesOf(text string) []string {
	text = strings.TrimSuffix(text, "\n")
	return strings.Split(text, "\n")
}

// stepOf is the step that a request asks for, or the one most worth seeing.
func stepOf(c *call, q *ent.Promotion) (s *ent.Step, chosen bool) {
	if name := c.query("step"); name != "" {
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
func (p *portal) readLog(c *call, q *ent.Promotion) (*stepLog, error) {
	s, chosen := stepOf(c, q)
	if s == nil {
		return nil, nil
	}
	l := &stepLog{Promotion: q, Step: s, Chosen: chosen, Find: c.query("find")}
	id, name := strconv.Itoa(q.ID), slipway.StepName(s.Name)
	var err error
	if l.After, err = p.Position(c.ctx, id); err != nil {
		return nil, err
	}
	around, _ := strconv.Atoi(c.query("line"))
	switch {
	case l.Find != "":
		l.Window = true
		return l, p.findInLog(c.ctx, l, id, name)
	case around > 0:
		l.Window = true
		return l, p.aroundLine(c.ctx, l, id, name, around)
	}
	before, _ := strconv.Atoi(c.query("before"))
	tail, err := p.Tail(c.ctx, id, name, max(before, 0), shownLines)
	if err != nil {
		return nil, err
	}
	l.After, l.Earlier = tail.After, tail.Before
	n := tail.Before
	for _, chunk := range tail.Chunks {
		for _, line := range linesOf(chunk.Text) {
			n++
			l.Lines = append(l.Lines, logLine{N: n, Spans: spans(line)})
		}
		l.Chunk = chunk.ID
	}
	if len(tail.Chunks) > 0 {
		l.Before = tail.Chunks[0].ID
	}
	return l, nil
}

// eachChunk calls f with every chunk of a step's log until it returns false.
func (p *portal) eachChunk(ctx context.Context, id string, name slipway.StepName, f func(text string) bool) error {
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
func (p *portal) eachLine(ctx context.Context, id string, name slipway.StepName, f func(n int, line string) bool) error {
	n := 0
	return p.eachChunk(ctx, id, name, func(text string) bool {
		for _, line := range linesOf(text) {
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
func (p *portal) findInLog(ctx context.Context, l *stepLog, id string, name slipway.StepName) error {
	want, n := []byte(strings.ToLower(l.Find)), 0
	var plain []byte
	return p.eachChunk(ctx, id, name, func(text string) bool {
		lines := strings.Count(strings.TrimSuffix(text, "\n"), "\n") + 1
		if plain = lowered(plain[:0], text); !bytes.Contains(plain, want) {
			n += lines
			return true
		}
		for i, line := range linesOf(text) {
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
			l.Lines = append(l.Lines, logLine{N: n + i + 1, Spans: spans(line)})
		}
		n += lines
		return true
	})
}

func (p *portal) aroundLine(ctx context.Context, l *stepLog, id string, name slipway.StepName, around int) error {
	l.Earlier = max(around-200, 1) - 1
	return p.eachLine(ctx, id, name, func(n int, line string) bool {
		if n > l.Earlier {
			l.Lines = append(l.Lines, logLine{N: n, Spans: spans(line), Hit: n == around})
		}
		return n < l.Earlier+shownLines
	})
}

// downloadLog sends a step's whole log as text, as it was printed.
func (p *portal) downloadLog(c *call) error {
	id, name := c.r.PathValue("id"), slipway.StepName(c.r.PathValue("step"))
	q, err := p.Promotion(c.ctx, id)
	if err != nil {
		return err
	}
	page := store.Page{Limit: 100}
	first, err := p.StepLog(c.ctx, id, name, page)
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+q.Edges.Service.Name+"-"+strconv.Itoa(q.ID)+"-"+string(name)+`.log"`)
	for list := first; ; {
		for _, chunk := range list.Items {
			if _, err := io.WriteString(c.w, chunk.Text); err != nil {
				return nil // the reader has left
			}
		}
		if page.Cursor = list.Next; page.Cursor == "" {
			return nil
		}
		if list, err = p.StepLog(c.ctx, id, name, page); err != nil {
			p.log.Error("a log could not be sent", "promotion", id, "step", name, "error", err)
			return nil
		}
	}
}

// news is what a stream tells a page about a step's output.
type news struct {
	Step  string `json:"step"`
	Chunk int    `json:"chunk"`
	HTML  string `json:"html"`
}

// logItems renders lines without numbers, which the page gives them.
func logItems(ctx context.Context, text string) (string, error) {
	var html strings.Builder
	for _, line := range linesOf(text) {
		if err := logItem(logLine{Spans: spans(line)}).Render(ctx, newShownText(&html)); err != nil {
			return "", err
		}
	}
	return html.String(), nil
}

func (s *stream) sendLog(id string, n news) error {
	text, err := json.Marshal(n)
	if err != nil {
		return err
	}
	return s.send(id, "log", string(text))
}

// followPromotion tells a page of what happens to a promotion: that something
// about it has changed, and the output itself.
func (p *portal) followPromotion(c *call) error {
	id := c.r.PathValue("id")
	if _, err := p.Promotion(c.ctx, id); err != nil {
		return err
	}
	s, ctx, cancel, err := c.stream()
	if err != nil {
		return refusedStream(err)
	}
	defer cancel()
	err = p.Watch(ctx, id, c.resume(), func(e report.LiveEvent) error {
		if e.Log == nil {
			return s.send(e.ID, "changed", "promotion "+e.Kind())
		}
		html, err := logItems(ctx, e.Log.Text)
		if err != nil {
			return err
		}
		return s.sendLog(e.ID, news{Step: e.Log.Step, Chunk: e.Log.ID, HTML: html})
	})
	if err == nil {
		_ = s.send("", "over", id) // the page doesn't come back then
		return nil
	}
	if ctx.Err() == nil {
		p.log.Error("an event stream ended early", "promotion", id, "request_id", c.request, "error", err)
	}
	return nil
}

// logPart shows a log, or what comes before the part of it that is shown.
func (p *portal) logPart(c *call, q *ent.Promotion) error {
	l, err := p.readLog(c, q)
	if err != nil {
		return err
	}
	if c.fragment() == "earlier" {
		return c.show(http.StatusOK, earlierLines(*l))
	}
	return c.show(http.StatusOK, logCard(*l))
}
