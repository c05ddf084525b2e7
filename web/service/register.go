package service

import (
	"errors"
	"net/http"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/python"
	"github.com/slipway-dev/slipway/web/shell"
	"github.com/slipway-dev/slipway/web/words"
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

func serviceInputOf(c *shell.Call) catalog.ServiceInput {
	return catalog.ServiceInput{
		Name: c.Form("name"), URL: c.Form("url"), Path: strings.Trim(c.Form("path"), "/"), Branch: c.Form("branch"),
		Kind: slipway.ServiceKind(c.Form("kind")), Team: c.Form("team"), Token: slipway.NewSecret(c.Form("git_token")),
		Environments: c.R.PostForm["environment"],
	}
}

func (p *pages) registration(c *shell.Call, in catalog.ServiceInput) (registration, error) {
	g := registration{In: in}
	teams, err := p.Teams(c.Ctx)
	if err != nil {
		return g, err
	}
	for _, t := range teams {
		if c.Viewer.May(slipway.PermitServiceAdd, t.ID, "") == slipway.Allowed {
			g.Teams = append(g.Teams, t)
		}
	}
	environments, err := p.Environments(c.Ctx)
	for _, e := range environments {
		g.All = append(g.All, e.Name)
	}
	g.First = words.FirstEnvironment(environments)
	return g, err
}

// ownPath is what was ticked; nil when that is every environment: the platform's
// path, whatever it becomes.
func (p *pages) ownPath(c *shell.Call, ticked []string) ([]string, error) {
	environments, err := p.Environments(c.Ctx)
	if len(ticked) == len(environments) {
		return nil, err
	}
	return ticked, err
}

func (p *pages) newService(c *shell.Call) error {
	g, err := p.registration(c, catalog.ServiceInput{URL: c.Query("url")})
	if err != nil {
		return err
	}
	return c.Show(http.StatusOK, registerPage(c.Frame("Register a service", "overview"), g))
}

// detectService reads the repository and shows what was found, in the same page.
func (p *pages) detectService(c *shell.Call) error {
	g, err := p.registration(c, serviceInputOf(c))
	if err != nil {
		return err
	}
	status := http.StatusOK
	o, v, wrong := readOverrides(c)
	g.In.Overrides, g.Overrides = o, v
	if g.Found, err = p.Detect(c.Ctx, g.In); err != nil {
		if err := g.refused(err); err != nil {
			return err
		}
	} else if g.In.Name == "" {
		g.In.Name = g.Found.Name
	}
	g.Overrides.Found = g.Found
	if err = errors.Join(wrong, err); err != nil && c.Fragment() == "" {
		status = shell.StatusOf(err)
	}
	if c.Fragment() == "found" {
		return c.Show(status, foundPart(g))
	}
	return c.Show(status, registerPage(c.Frame("Register a service", "overview"), g))
}

// refused keeps what stands in the way for the page; a defect is not for it.
func (g *registration) refused(err error) error {
	if code := slipway.CodeOf(err); code == slipway.Internal || code == slipway.Denied {
		return err
	}
	g.Err = shell.Sentence(err)
	return nil
}

// registerService registers, and promotes to the first environment unless the
// viewer only wants to register.
func (p *pages) registerService(c *shell.Call) error {
	in := serviceInputOf(c)
	o, v, err := readOverrides(c)
	in.Overrides = o
	var s *ent.Service
	wrong := err
	if err == nil {
		in.Environments, err = p.ownPath(c, in.Environments)
	}
	if err == nil {
		s, err = p.Register(c.Ctx, in)
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
		if g.Found, failed = p.Detect(c.Ctx, unnamed); slipway.CodeOf(failed) == slipway.Internal {
			return failed
		}
		if g.In.Name == "" && g.Found != nil {
			g.In.Name = g.Found.Name // which is free
		}
		g.Overrides.Found = g.Found
		return c.Show(shell.StatusOf(err), registerPage(c.Frame("Register a service", "overview"), g))
	}
	if c.Form("only") != "" {
		return c.To(string(words.Path("services", s.Name)), s.Name+" is registered. Nothing runs yet.")
	}
	q, err := p.Promote(c.Ctx, platform.PromoteInput{Service: s.Name})
	if err != nil {
		return c.To(string(words.Path("services", s.Name)), s.Name+" is registered, but was not promoted: "+err.Error())
	}
	return c.To(string(words.Path("promotions", q.ID)), s.Name+" is registered and on its way.")
}

// confidence says how sure a finding is.
func confidence(f python.Finding) words.State {
	switch f.Confidence {
	case python.High:
		return words.Toned("ok", "certain")
	case python.Medium:
		return words.Toned("ok", "likely")
	}
	return words.Toned("wait", "a guess")
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
	names := map[string]string{"manager": "Dependencies", "python": "Python", "framework": "Framework", "web": "Start", "test": "Tests", "health": "Health check", "release": "Release command", "release_command": "Release command"}
	if w, ok := names[what]; ok {
		return w
	}
	return words.Capital(strings.ReplaceAll(what, "_", " "))
}
