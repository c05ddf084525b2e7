package web

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/platform"
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
	list, err := p.Deployments(c.ctx, platform.DeploymentsQuery{Service: v.Name, Page: platform.Page{Limit: 200}})
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

// comparison is what differs between two releases of a service.
type comparison struct {
	From, To releaseView
	Packages []packageChange
	Facts    []factChange
	Same     int // packages that are equal
}

// packageChange is one package that differs; "" for a version that isn't there.
type packageChange struct {
	Name, Was, Is string
	Direct, Major bool
}

// factChange is something about how a release runs that differs.
type factChange struct{ What, Was, Is string }

func (p *portal) compareReleases(c *call) error {
	v, err := p.serviceOf(c, "")
	if err != nil {
		return err
	}
	from, _ := strconv.Atoi(c.query("from"))
	to, _ := strconv.Atoi(c.query("to"))
	if from < 1 || to < 1 {
		return slipway.Errorf(slipway.Invalid, "choose two releases to compare")
	}
	var x comparison
	if x.From, err = p.releaseView(c, v.Name, from); err != nil {
		return err
	}
	if x.To, err = p.releaseView(c, v.Name, to); err != nil {
		return err
	}
	x.Packages, x.Same = packageChanges(x.From.Dependencies, x.To.Dependencies)
	x.Facts = factChanges(x.From.Release, x.To.Release)
	return c.show(http.StatusOK, comparePage(c.frame(v.Name+" "+number(from)+" and "+number(to), "overview"), v, x))
}

// packageChanges tells what differs between two lists of packages, by name, and
// how many are equal.
func packageChanges(was, is []slipway.Dependency) (changes []packageChange, same int) {
	before := map[string]slipway.Dependency{}
	for _, d := range was {
		before[d.Name] = d
	}
	for _, d := range is {
		b, ok := before[d.Name]
		delete(before, d.Name)
		switch {
		case !ok:
			changes = append(changes, packageChange{Name: d.Name, Is: d.Version, Direct: d.Direct})
		case b.Version == d.Version:
			same++
		default:
			major, _, _ := strings.Cut(b.Version, ".")
			now, _, _ := strings.Cut(d.Version, ".")
			changes = append(changes, packageChange{Name: d.Name, Was: b.Version, Is: d.Version, Direct: d.Direct, Major: major != now})
		}
	}
	for _, d := range before {
		changes = append(changes, packageChange{Name: d.Name, Was: d.Version, Direct: d.Direct})
	}
	slices.SortFunc(changes, func(a, b packageChange) int { return strings.Compare(a.Name, b.Name) })
	return changes, same
}

// factChanges tells what differs in how two releases run.
func factChanges(was, is *ent.Release) []factChange {
	var out []factChange
	note := func(what, a, b string) {
		if a != b {
			out = append(out, factChange{what, a, b})
		}
	}
	note("Python", was.Python, is.Python)
	note("Framework", was.Framework, is.Framework)
	note("Release command", was.Manifest.ReleaseCommand, is.Manifest.ReleaseCommand)
	note("Health check", was.Manifest.Health.Path, is.Manifest.Health.Path)
	commands := map[string][2]string{}
	for _, p := range was.Manifest.Processes {
		commands[p.Name] = [2]string{p.Command, ""}
	}
	for _, p := range is.Manifest.Processes {
		commands[p.Name] = [2]string{commands[p.Name][0], p.Command}
	}
	for _, name := range sortedKeys(commands) {
		note("Process "+name, commands[name][0], commands[name][1])
	}
	env := map[string][2]string{}
	for k, v := range was.Manifest.Env {
		env[k] = [2]string{v, ""}
	}
	for k, v := range is.Manifest.Env {
		env[k] = [2]string{env[k][0], v}
	}
	for _, k := range sortedKeys(env) {
		note("Default "+k, env[k][0], env[k][1])
	}
	return out
}
