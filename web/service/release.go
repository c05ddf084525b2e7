package service

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/store"
	"github.com/slipway-dev/slipway/web/shell"
	"github.com/slipway-dev/slipway/web/words"
)

// releaseView is a release with what it contains.
type releaseView struct {
	*ent.Release
	Dependencies []slipway.Dependency
	Gone         string // why the dependencies can't be told
	Ran          []*ent.Deployment
}

func (p *pages) showRelease(c *shell.Call) error {
	v, err := p.serviceOf(c, "")
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(c.R.PathValue("release"))
	if err != nil {
		return slipway.Errorf(slipway.NotFound, "there is no release %s of %s", c.R.PathValue("release"), v.Name)
	}
	r, err := p.releaseView(c, v.Name, n)
	if err != nil {
		return err
	}
	list, err := p.Deployments(c.Ctx, report.DeploymentsQuery{Service: v.Name, Page: store.Page{Limit: 200}})
	if err != nil {
		return err
	}
	for _, d := range list.Items {
		if d.ReleaseID == r.ID {
			r.Ran = append(r.Ran, d)
		}
	}
	return c.Show(http.StatusOK, releasePage(c.Frame(v.Name+" "+words.Number(n), "overview"), v, r))
}

func (p *pages) releaseView(c *shell.Call, service string, n int) (releaseView, error) {
	row, err := p.Release(c.Ctx, service, n)
	if err != nil {
		return releaseView{}, err
	}
	r := releaseView{Release: row}
	r.Dependencies, err = p.Dependencies(c.Ctx, service, n)
	if slipway.CodeOf(err) == slipway.NotFound {
		r.Gone, err = shell.Sentence(err), nil
	}
	return r, err
}

func (p *pages) downloadSBOM(c *shell.Call) error {
	n, _ := strconv.Atoi(c.R.PathValue("release"))
	text, err := p.SBOM(c.Ctx, c.R.PathValue("service"), n)
	if err != nil {
		return err
	}
	h := c.W.Header()
	h.Set("Content-Type", "application/vnd.cyclonedx+json")
	h.Set("Content-Disposition", `attachment; filename="sbom.json"`)
	_, _ = c.W.Write(text) // the reader may be gone
	return nil
}

// person is who wrote a commit, without the address.
func person(author string) string {
	name, _, _ := strings.Cut(author, " <")
	return name
}

func builtFrom(r *ent.Release) string {
	if strings.HasPrefix(r.Commit, r.Ref) {
		return "the commit itself"
	}
	return r.Ref
}

// builtUnder is what held the code of a release while it was built.
func builtUnder(r *ent.Release) string {
	if len(r.BuiltUnder) == 0 {
		return "not recorded"
	}
	return strings.Join(r.BuiltUnder, ", ")
}

func runsOn(r *ent.Release) string {
	if r.Framework == "" {
		return "Python " + r.Python
	}
	return words.Capital(r.Framework) + ", Python " + r.Python
}
