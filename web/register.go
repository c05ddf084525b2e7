package web

import (
	"errors"
	"net/http"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/python"
)

// registration is a service before it is one.
type registration struct {
	In    catalog.ServiceInput
	Found *catalog.Detection
	Err   string
	Field string
	Teams []*ent.Team // in which the viewer may register
	All   []string    // environments, in order
	First string      // the first environment

	Overrides overridesView
}

func (c *call) serviceInput() catalog.ServiceInput {
	return catalog.ServiceInput{
		Name: c.form("name"), URL: c.form("url"), Path: strings.Trim(c.form("path"), "/"), Branch: c.form("branch"),
		Kind: slipway.ServiceKind(c.form("kind")), Team: c.form("team"), Token: slipway.NewSecret(c.form("git_token")),
		Environments: c.r.PostForm["environment"],
	}
}

func (p *portal) registration(c *call, in catalog.ServiceInput) (registration, error) {
	g := registration{In: in}
	teams, err := p.Teams(c.ctx)
	if err != nil {
		return g, err
	}
	for _, t := range teams {
		if c.viewer.May(slipway.PermitServiceAdd, t.ID, "") == slipway.Allowed {
			g.Teams = append(g.Teams, t)
		}
	}
	environments, err := p.Environments(c.ctx)
	for _, e := range environments {
		g.All = append(g.All, e.Name)
	}
	g.First = firstName(environments)
	return g, err
}

// ownPath is what was ticked; nil when that is every environment: the platform's
// path, whatever it becomes.
func (p *portal) ownPath(c *call, ticked []string) ([]string, error) {
	environments, err := p.Environments(c.ctx)
	if len(ticked) == len(environments) {
		return nil, err
	}
	return ticked, err
}

func (p *portal) newService(c *call) error {
	g, err := p.registration(c, catalog.ServiceInput{URL: c.query("url")})
	if err != nil {
		return err
	}
	return c.show(http.StatusOK, registerPage(c.frame("Register a service", "overview"), g))
}

// detectService reads the repository and shows what was found, in the same page.
func (p *portal) detectService(c *call) error {
	g, err := p.registration(c, c.serviceInput())
	if err != nil {
		return err
	}
	status := http.StatusOK
	o, v, wrong := c.readOverrides()
	g.In.Overrides, g.Overrides = o, v
	if g.Found, err = p.Detect(c.ctx, g.In); err != nil {
		if err := g.refused(err); err != nil {
			return err
		}
	} else if g.In.Name == "" {
		g.In.Name = g.Found.Name
	}
	g.Overrides.Found = g.Found
	if err = errors.Join(wrong, err); err != nil && c.fragment() == "" {
		status = statusOf(err)
	}
	if c.fragment() == "found" {
		return c.show(status, foundPart(g))
	}
	return c.show(status, registerPage(c.frame("Register a service", "overview"), g))
}

// refused keeps what stands in the way for the page; a defect is not for it.
func (g *registration) refused(err error) error {
	if code := slipway.CodeOf(err); code == slipway.Internal || code == slipway.Denied {
		return err
	}
	g.Err = sentence(err)
	return nil
}

// registerService registers, and promotes to the first environment unless the
// viewer only wants to register.
func (p *portal) registerService(c *call) error {
	in := c.serviceInput()
	o, v, err := c.readOverrides()
	in.Overrides = o
	var s *ent.Service
	wrong := err
	if err == nil {
		in.Environments, err = p.ownPath(c, in.Environments)
	}
	if err == nil {
		s, err = p.Register(c.ctx, in)
	}
	if err != nil {
		g, failed := p.registration(c, in)
		if failed != nil {
			return failed
		}
		g.Overrides = v
		if failed := g.refused(err); failed != nil {
			return failed
		}
		if wrong != nil {
			g.Err = "" // it stands where it was typed
		}
		unnamed := in // the name may be what stands in the way
		unnamed.Name = ""
		if g.Found, failed = p.Detect(c.ctx, unnamed); slipway.CodeOf(failed) == slipway.Internal {
			return failed
		}
		if g.In.Name == "" && g.Found != nil {
			g.In.Name = g.Found.Name // which is free
		}
		g.Overrides.Found = g.Found
		return c.show(statusOf(err), registerPage(c.frame("Register a service", "overview"), g))
	}
	if c.form("only") != "" {
		return c.to(string(at("services", s.Name)), s.Name+" is registered. Nothing runs yet.")
	}
	q, err := p.Promote(c.ctx, platform.PromoteInput{Service: s.Name})
	if err != nil {
		return c.to(string(at("services", s.Name)), s.Name+" is registered, but was not promoted: "+err.Error())
	}
	return c.to(string(at("promotions", q.ID)), s.Name+" is registered and on its way.")
}

// confidence says how sure a finding is.
func confidence(f python.Finding) state {
	switch f.Confidence {
	case python.High:
		return toned("ok", "certain")
	case python.Medium:
		return toned("ok", "likely")
	}
	return toned("wait", "a guess")
}

// ruleWords says a rule's id as words, where no file is the reason.
func ruleWords(rule string) string {
	if strings.HasPrefix(rule, "python.") {
		return "the project does not say; what is here and fits"
	}
	return strings.NewReplacer(".", " ", "_", " ").Replace(rule)
}

// findingWord is the name of a finding.
func findingWord(what string) string {
	words := map[string]string{"manager": "Dependencies", "python": "Python", "framework": "Framework", "web": "Start", "test": "Tests", "health": "Health check", "release": "Before the switch", "release_command": "Before the switch"}
	if w, ok := words[what]; ok {
		return w
	}
	return capital(strings.ReplaceAll(what, "_", " "))
}
