package service

import (
	"net/http"

	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/web/shell"
	"github.com/slipway-dev/slipway/web/words"
)

// betweenView is what lies between two environments of a service.
type betweenView struct {
	*report.Between
	Service, From, To string
	Whole             *comparison // nil unless something runs in both
}

func (b betweenView) address(part string) string {
	return string(words.WithQuery(words.Path("services", b.Service, "between"), "from", b.From, "to", b.To, "part", part))
}

// count says how many commits, "" when there are none to count.
func (b betweenView) count() string {
	n := len(b.Log.Commits)
	if n == 0 {
		return ""
	}
	words := words.Plural(n, "commit")
	if b.Log.More {
		words = "over " + words
	}
	if b.Behind {
		return words + " behind"
	}
	return words
}

// title says which commits these are.
func (b betweenView) title() string {
	if b.Behind {
		return "In " + b.To + ", not in " + b.From
	}
	return "In " + b.From + ", not in " + b.To
}

// none says why there is no commit to list.
func (b betweenView) none() string {
	switch {
	case b.Why != "":
		return "The commits can't be told: " + b.Why + "."
	case b.Between.From == nil:
		return "Nothing runs in " + b.From + "."
	case b.Between.To == nil:
		return "Nothing runs in " + b.To + " to compare with."
	}
	return b.From + " and " + b.To + " run the same commit."
}

// showBetween answers with the page, with the list alone, or with what stands
// in the gap of the path.
func (p *pages) showBetween(c *shell.Call) error {
	b := betweenView{Service: c.R.PathValue("service"), From: c.Query("from"), To: c.Query("to")}
	var err error
	if b.Between, err = p.Between(c.Ctx, b.Service, b.From, b.To); err != nil {
		return err
	}
	switch c.Fragment() {
	case "gap":
		return c.Show(http.StatusOK, gapCommits(b))
	case "between":
		return c.Show(http.StatusOK, betweenCard(b, true))
	}
	v, err := p.serviceOf(c, "between")
	if err != nil {
		return err
	}
	if b.Between.From != nil && b.Between.To != nil {
		// What the later one would get from the earlier one.
		x := comparison{Service: v.Name, Was: b.To, Is: b.From, Rendered: true}
		if x.Compared, err = p.CompareEnvironments(c.Ctx, v.Name, b.To, b.From); err != nil {
			return err
		}
		x.Facts = factChanges(x.From, x.To)
		b.Whole = &x
	}
	return c.Show(http.StatusOK, betweenPage(c.Frame("Between "+b.From+" and "+b.To+" of "+v.Name, "overview"), v, b))
}
