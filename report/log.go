package report

import (
	"context"
	"slices"
	"strings"

	"entgo.io/ent/dialect/sql"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/event"
	"github.com/slipway-dev/slipway/ent/logchunk"
)

// Tail is the end of a step's output, or what comes before some chunk of it.
type Tail struct {
	Chunks []*ent.LogChunk // oldest first
	Before int             // lines that stand before the first chunk
	More   bool            // there are chunks before the first
	After  string          // from where Watch tells what is not in here
}

// tailBatch is how many chunks are read at once.
const tailBatch = 8

// Tail reads the last chunks of a step's output that come before the chunk
// with the id before, 0 for the end: as many as hold about so many lines. What
// comes earlier is not read, only counted, so that a long log costs no more than
// a short one.
func (rep *Reports) Tail(ctx context.Context, id string, name slipway.StepName, before, about int) (*Tail, error) {
	if about < 1 || about > 10_000 || before < 0 {
		return nil, slipway.Errorf(slipway.Invalid, "lines %d is not between 1 and 10000", about).At("lines")
	}
	row, err := rep.promotion(ctx, id)
	if err != nil {
		return nil, err
	}
	at, err := rep.position(ctx, row.ID)
	if err != nil {
		return nil, err
	}
	if before == 0 {
		before = at.chunk + 1
	}
	tail := &Tail{After: at.String()}
	query := rep.db.LogChunk.Query().Where(logchunk.PromotionID(row.ID), logchunk.Step(string(name)))
	for have := 0; have < about; {
		rows, err := query.Clone().Where(logchunk.IDLT(before)).Order(ent.Desc(logchunk.FieldID)).Limit(tailBatch).All(ctx)
		if err != nil {
			return nil, err
		}
		for _, c := range rows {
			if have >= about {
				break
			}
			tail.Chunks, before = append(tail.Chunks, c), c.ID
			have += strings.Count(c.Text, "\n")
		}
		if len(rows) < tailBatch {
			break
		}
	}
	slices.Reverse(tail.Chunks)
	if len(tail.Chunks) == 0 {
		return tail, nil
	}
	earlier := query.Clone().Where(logchunk.IDLT(before))
	if tail.More, err = earlier.Clone().Exist(ctx); err != nil || !tail.More {
		return tail, err
	}
	tail.Before, err = lines(ctx, earlier)
	return tail, err
}

// lines counts the lines of chunks, which end with a line's end.
func lines(ctx context.Context, q *ent.LogChunkQuery) (int, error) {
	var counted []struct {
		Lines sql.NullInt64 `sql:"lines"`
	}
	err := q.Aggregate(func(s *sql.Selector) string {
		text := s.C(logchunk.FieldText)
		return sql.As("SUM(LENGTH("+text+") - LENGTH(REPLACE("+text+", '\n', '')))", "lines")
	}).Scan(ctx, &counted)
	if err != nil || len(counted) == 0 {
		return 0, err
	}
	return int(counted[0].Lines.Int64), nil
}

// position is where a promotion's news ends now. Read it before what is shown,
// so that whoever watches from it misses nothing.
func (rep *Reports) position(ctx context.Context, promotion int) (at position, err error) {
	events, err := rep.db.Event.Query().Where(event.PromotionID(promotion)).Order(ent.Desc(event.FieldID)).Limit(1).IDs(ctx)
	if err != nil {
		return at, err
	}
	chunks, err := rep.db.LogChunk.Query().Where(logchunk.PromotionID(promotion)).Order(ent.Desc(logchunk.FieldID)).Limit(1).IDs(ctx)
	if len(events) > 0 {
		at.event = events[0]
	}
	if len(chunks) > 0 {
		at.chunk = chunks[0]
	}
	return at, err
}

// Position is from where Watch tells what happens to a promotion from now on.
func (rep *Reports) Position(ctx context.Context, id string) (string, error) {
	row, err := rep.promotion(ctx, id)
	if err != nil {
		return "", err
	}
	at, err := rep.position(ctx, row.ID)
	return at.String(), err
}

// ActiveStep is the step of a promotion that its reader most likely wants to
// see: the one that runs or ended badly, or else the last that did anything.
func ActiveStep(row *ent.Promotion) *ent.Step {
	var last *ent.Step
	for _, s := range row.Edges.Steps {
		switch slipway.StepState(s.State) {
		case slipway.StepRunning, slipway.StepFailed, slipway.StepErrored, slipway.StepCancelled:
			return s
		case slipway.StepSucceeded:
			last = s
		}
	}
	if last == nil && len(row.Edges.Steps) > 0 {
		last = row.Edges.Steps[0]
	}
	return last
}

// TestsOf finds the report of the tests that a promotion's release had, nil
// when there is none yet.
func TestsOf(row *ent.Promotion) *slipway.TestReport {
	if row.Edges.Release == nil {
		return nil
	}
	return row.Edges.Release.Tests
}
