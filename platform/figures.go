package platform

import (
	"context"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/promotion"
)

// FigureWeeks is how far back delivery figures look.
const FigureWeeks = 12

// Figures are the measures of delivery (DORA) into the last environment of the
// path, for the services that the viewer may see. Each list has a value for
// each week, the oldest first.
type Figures struct {
	Environment string
	Deployments int             // in all
	PerWeek     []int           // deployments that were no rollbacks
	LeadTime    time.Duration   // from commit to serving, the median; 0 for none
	LeadTimes   []time.Duration // by week
	Rollbacks   int             // deployments that were taken back
	FailRate    []float64       // by week, 0 to 1
	Recovery    time.Duration   // from a deployment to its rollback, the median; 0 for none
	Recoveries  []time.Duration // by week
}

// Figures works out how delivery goes.
func (p *Platform) Figures(ctx context.Context, now time.Time) (*Figures, error) {
	environments, err := p.Environments(ctx)
	if err != nil {
		return nil, err
	}
	f := &Figures{}
	if len(environments) == 0 {
		return f, nil
	}
	last := environments[len(environments)-1]
	since := now.UTC().Add(-FigureWeeks * 7 * 24 * time.Hour)
	query := p.db.Promotion.Query().Where(promotion.EnvironmentID(last.ID), promotion.StateEQ(promotion.StateSucceeded), promotion.EndedAtGTE(since), promotion.EndedAtLTE(now.UTC()))
	if seen := visible(ctx); seen != nil {
		query.Where(promotion.HasServiceWith(seen...))
	}
	rows, err := query.Order(promotion.ByEndedAt(), promotion.ByID()).
		Select(promotion.FieldID, promotion.FieldServiceID, promotion.FieldRollback, promotion.FieldEndedAt, promotion.FieldCommit).All(ctx)
	if err != nil {
		return nil, err
	}
	f.Environment = last.Name
	f.count(rows, since)
	return f, nil
}

// count works the figures out of what succeeded, the oldest first.
func (f *Figures) count(rows []*ent.Promotion, since time.Time) {
	leads, recoveries := make([][]time.Duration, FigureWeeks), make([][]time.Duration, FigureWeeks)
	back := make([]int, FigureWeeks)
	f.PerWeek, f.FailRate = make([]int, FigureWeeks), make([]float64, FigureWeeks)
	before := map[int]time.Time{} // when a service's last deployment ended
	for _, q := range rows {
		if q.EndedAt == nil {
			continue
		}
		week := min(max(int(q.EndedAt.Sub(since)/(7*24*time.Hour)), 0), FigureWeeks-1)
		if q.Rollback {
			f.Rollbacks++
			back[week]++
			if at, ok := before[q.ServiceID]; ok {
				recoveries[week] = append(recoveries[week], q.EndedAt.Sub(at))
			}
			continue
		}
		before[q.ServiceID] = *q.EndedAt
		f.Deployments++
		f.PerWeek[week]++
		if written := q.Commit.Time; !written.IsZero() && written.Before(*q.EndedAt) {
			leads[week] = append(leads[week], q.EndedAt.Sub(written))
		}
	}
	for week, n := range f.PerWeek {
		if n > 0 {
			f.FailRate[week] = min(float64(back[week])/float64(n), 1)
		}
	}
	f.LeadTimes, f.LeadTime = medians(leads)
	f.Recoveries, f.Recovery = medians(recoveries)
}

// medians are those of each list, and that of all of them together.
func medians(lists [][]time.Duration) (each []time.Duration, all time.Duration) {
	for _, list := range lists {
		each = append(each, median(list))
	}
	return each, median(slices.Concat(lists...))
}

func median(list []time.Duration) time.Duration {
	if len(list) == 0 {
		return 0
	}
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}

// Rate is the share of deployments that were taken back, 0 to 1.
func (f *Figures) Rate() float64 {
	if f.Deployments == 0 {
		return 0
	}
	return min(float64(f.Rollbacks)/float64(f.Deployments), 1)
}
