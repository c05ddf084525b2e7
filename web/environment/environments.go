package environment

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/store"
	"github.com/slipway-dev/slipway/web/shell"
)

func (p *pages) showEnvironments(c *shell.Call) error {
	list, err := p.Environments(c.Ctx)
	if err != nil {
		return err
	}
	return c.Show(http.StatusOK, environmentsPage(c.Frame("Environments", "environments"), list, c.May(slipway.PermitPlatform, 0, "")))
}

func (p *pages) addEnvironment(c *shell.Call) error {
	e, err := p.AddEnvironment(c.Ctx, catalog.EnvironmentInput{Name: c.Form("name"), After: c.Form("after")})
	if err != nil {
		return err
	}
	return c.To("/environments", e.Name+" is on the path now.")
}

// changeEnvironment moves an environment one place on the path.
func (p *pages) changeEnvironment(c *shell.Call) error {
	name := c.R.PathValue("environment")
	position, err := strconv.Atoi(c.Form("position"))
	if err != nil {
		return slipway.Errorf(slipway.Invalid, "the position is not a number").At("position")
	}
	change := catalog.EnvironmentChange{Position: &position, If: store.Precondition{c.Form("revision")}}
	if _, err := p.UpdateEnvironment(c.Ctx, name, change); err != nil {
		return err
	}
	return c.To("/environments", name+" has moved.")
}

// orderAfter is the order of environments once one of them has another's place.
func orderAfter(list []*ent.Environment, from, to int) string {
	order := slices.Clone(list)
	order[from], order[to] = order[to], order[from]
	names := make([]string, len(order))
	for i, e := range order {
		names[i] = e.Name
	}
	return strings.Join(names, ", then ")
}
