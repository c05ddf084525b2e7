package web

import (
	"net/http"
	"strconv"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/store"
)

func (p *portal) showEnvironments(c *call) error { return p.environmentsPage(c, http.StatusOK, "") }

func (p *portal) environmentsPage(c *call, status int, problem string) error {
	list, err := p.Environments(c.ctx)
	if err != nil {
		return err
	}
	return c.show(status, environmentsPage(c.frame("Environments", "environments"), list, c.may(slipway.PermitPlatform, 0, ""), problem))
}

// formRefused shows what stands in the way of a form in its page; what is no
// matter of the form's has a page of its own.
func formRefused(err error, page func(status int, problem string) error) error {
	switch slipway.CodeOf(err) {
	case slipway.Internal, slipway.Denied, slipway.NotFound, slipway.Unauthenticated, slipway.Unproved:
		return err
	}
	return page(statusOf(err), sentence(err))
}

func (p *portal) addEnvironment(c *call) error {
	e, err := p.AddEnvironment(c.ctx, catalog.EnvironmentInput{Name: c.form("name"), After: c.form("after")})
	if err != nil {
		return formRefused(err, func(status int, problem string) error { return p.environmentsPage(c, status, problem) })
	}
	return c.to("/environments", e.Name+" is on the path now.")
}

// changeEnvironment moves an environment one place on the path.
func (p *portal) changeEnvironment(c *call) error {
	name := c.r.PathValue("environment")
	position, err := strconv.Atoi(c.form("position"))
	if err != nil {
		return slipway.Errorf(slipway.Invalid, "the position is not a number")
	}
	change := catalog.EnvironmentChange{Position: &position, If: store.Precondition{c.form("revision")}}
	if _, err := p.UpdateEnvironment(c.ctx, name, change); err != nil {
		return formRefused(err, func(status int, problem string) error { return p.environmentsPage(c, status, problem) })
	}
	return c.to("/environments", name+" has moved.")
}

// teamView is a team and what its reader may do with it.
type teamView struct {
	*ent.Team
	Change   verdict
	Platform verdict
	Hooks    verdict
	Accounts []*ent.Account // who could become a member
	Link     string         // of an invitation, shown once
	Until    string
	Err      string
}

func (v teamView) has(a *ent.Account) bool {
	for _, m := range v.Edges.Memberships {
		if m.AccountID == a.ID {
			return true
		}
	}
	return false
}

// teamsView is the teams of the viewer and, for admins, all accounts.
type teamsView struct {
	Teams    []*ent.Team
	Accounts store.List[*ent.Account]
	Platform verdict
	Err      string
}

func (p *portal) showTeams(c *call) error { return p.teamsPage(c, http.StatusOK, "") }

func (p *portal) teamsPage(c *call, status int, problem string) error {
	v := teamsView{Err: problem, Platform: c.may(slipway.PermitPlatform, 0, "")}
	var err error
	if v.Teams, err = p.Teams(c.ctx); err != nil {
		return err
	}
	if v.Accounts, err = p.Accounts(c.ctx, store.Page{Cursor: c.query("after"), Limit: 100}); err != nil {
		return err
	}
	return c.show(status, teamsPage(c.frame("Teams and people", "teams"), v))
}

func (p *portal) addTeam(c *call) error {
	t, err := p.AddTeam(c.ctx, c.form("name"), c.form("display_name"))
	if err != nil {
		return formRefused(err, func(status int, problem string) error { return p.teamsPage(c, status, problem) })
	}
	return c.to(string(at("teams", t.Name)), "The team "+t.Name+" is there. Give it members.")
}

func (p *portal) showTeam(c *call) error { return p.teamPage(c, http.StatusOK, teamView{}) }

func (p *portal) teamPage(c *call, status int, v teamView) error {
	var err error
	if v.Team, err = p.Team(c.ctx, c.r.PathValue("team")); err != nil {
		return err
	}
	v.Change, v.Platform, v.Hooks = c.may(slipway.PermitTeam, v.ID, ""), c.may(slipway.PermitPlatform, 0, ""), c.may(slipway.PermitWebhookRead, v.ID, "")
	if v.Change.May {
		list, err := p.Accounts(c.ctx, store.Page{Limit: store.MaxPage})
		if err != nil {
			return err
		}
		v.Accounts = list.Items
	}
	return c.show(status, teamPage(c.frame("Team "+v.Name, "teams"), v))
}

func (p *portal) teamRefused(c *call, err error) error {
	return formRefused(err, func(status int, problem string) error { return p.teamPage(c, status, teamView{Err: problem}) })
}

func (p *portal) changeMember(c *call) error {
	name, account := c.r.PathValue("team"), c.form("account")
	said := account + " is " + c.form("role") + " in " + name + "."
	var err error
	if c.form("do") == "remove" {
		err, said = p.RemoveMember(c.ctx, name, account, nil), account+" is no longer in "+name+"."
	} else {
		_, err = p.SetMember(c.ctx, name, account, slipway.Role(c.form("role")), nil)
	}
	if err != nil {
		return p.teamRefused(c, err)
	}
	if _, err := p.Team(c.ctx, name); slipway.CodeOf(err) == slipway.NotFound {
		return c.to("/teams", said) // one has left it oneself
	}
	return c.to(string(at("teams", name)), said)
}

// inviteMember shows the link in the answer itself: it is kept nowhere.
func (p *portal) inviteMember(c *call) error {
	in, err := p.Invite(c.ctx, c.r.PathValue("team"), slipway.Role(c.form("role")))
	if err != nil {
		return p.teamRefused(c, err)
	}
	return p.teamPage(c, http.StatusOK, teamView{Link: p.InvitationURL(in), Until: in.Expires.UTC().Format("2006-01-02 15:04 UTC")})
}

func (p *portal) removeTeam(c *call) error {
	name := c.r.PathValue("team")
	if err := p.RemoveTeam(c.ctx, name, nil); err != nil {
		return p.teamRefused(c, err)
	}
	return c.to("/teams", "The team "+name+" is removed.")
}

// changePerson makes somebody an admin of the platform or not, or lets the
// account in or not.
func (p *portal) changePerson(c *call) error {
	name := c.r.PathValue("account")
	yes, no := true, false
	var change identity.AccountChange
	said := ""
	switch c.form("do") {
	case "admin":
		change.Admin, said = &yes, name+" is an admin of the platform now."
	case "no-admin":
		change.Admin, said = &no, name+" is no admin of the platform any more."
	case "active":
		change.Active, said = &yes, name+" may sign in again."
	case "no-active":
		change.Active, said = &no, name+" is signed out everywhere and may not sign in."
	case "reset-factors":
		if err := p.ResetFactors(c.ctx, name); err != nil {
			return formRefused(err, func(status int, problem string) error { return p.teamsPage(c, status, problem) })
		}
		return c.to("/teams", name+" has no second factor any more, and is signed out everywhere.")
	default:
		return slipway.Errorf(slipway.Invalid, "say what to do with %s", name)
	}
	if _, err := p.UpdateAccount(c.ctx, name, change); err != nil {
		return formRefused(err, func(status int, problem string) error { return p.teamsPage(c, status, problem) })
	}
	return c.to("/teams", said)
}
