package web

import (
	"net/http"
	"strconv"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/store"
)

// releaseView is a release with what it contains.
type releaseView struct {
	*ent.Release
	Dependencies []slipway.Dependency
	Gone         string // why the dependencies can't be told
	Ran          []*ent.Deployment
}

func (p *portal) showRelease(c *call) error {
	v, err := p.serviceOf(c, "")
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(c.r.PathValue("release"))
	if err != nil {
		return slipway.Errorf(slipway.NotFound, "there is no release %s of %s", c.r.PathValue("release"), v.Name)
	}
	r, err := p.releaseView(c, v.Name, n)
	if err != nil {
		return err
	}
	list, err := p.Deployments(c.ctx, report.DeploymentsQuery{Service: v.Name, Page: store.Page{Limit: 200}})
	if err != nil {
		return err
	}
	for _, d := range list.Items {
		if d.ReleaseID == r.ID {
			r.Ran = append(r.Ran, d)
		}
	}
	return c.show(http.StatusOK, releasePage(c.frame(v.Name+" "+number(n), "overview"), v, r))
}

func (p *portal) releaseView(c *call, service string, n int) (releaseView, error) {
	row, err := p.Release(c.ctx, service, n)
	if err != nil {
		return releaseView{}, err
	}
	r := releaseView{Release: row}
	r.Dependencies, err = p.Dependencies(c.ctx, service, n)
	if slipway.CodeOf(err) == slipway.NotFound {
		r.Gone, err = sentence(err), nil
	}
	return r, err
}

func (p *portal) downloadSBOM(c *call) error {
	n, _ := strconv.Atoi(c.r.PathValue("release"))
	text, err := p.SBOM(c.ctx, c.r.PathValue("service"), n)
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Content-Type", "application/vnd.cyclonedx+json")
	h.Set("Content-Disposition", `attachment; filename="sbom.json"`)
	_, _ = c.w.Write(text) // the reader may be gone
	return nil
}
