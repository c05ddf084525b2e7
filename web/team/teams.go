package team

import (
	"net/http"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/store"
	"github.com/slipway-dev/slipway/web/parts"
	"github.com/slipway-dev/slipway/web/shell"
	"github.com/slipway-dev/slipway/web/words"
)

// teamView is a team and what its reader may do with it.
type teamView struct {
	*ent.Team
	Change   parts.Verdict
	Platform parts.Verdict
	Hooks    parts.Verdict
	Accounts []*ent.Account // who could become a member
	Link     string         // of an invitation, shown once
	Until    string
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
	Platform parts.Verdict
}

func (p *pages) showTeams(c *shell.Call) error {
	v := teamsView{Platform: c.May(slipway.PermitPlatform, 0, "")}
	var err error
	if v.Teams, err = p.Teams(c.Ctx); err != nil {
		return err
	}
	if v.Accounts, err = p.Accounts(c.Ctx, store.Page{Cursor: c.Query("after"), Limit: 100}); err != nil {
		return err
	}
	return c.Show(http.StatusOK, teamsPage(c.Frame("Teams and people", "teams"), v))
}

func (p *pages) addTeam(c *shell.Call) error {
	t, err := p.AddTeam(c.Ctx, c.Form("name"), c.Form("display_name"))
	if err != nil {
		return err
	}
	return c.To(string(words.Path("teams", t.Name)), "The team "+t.Name+" is there. Give it members.")
}

func (p *pages) showTeam(c *shell.Call) error { return p.teamPage(c, teamView{}) }

func (p *pages) teamPage(c *shell.Call, v teamView) error {
	var err error
	if v.Team, err = p.Team(c.Ctx, c.R.PathValue("team")); err != nil {
		return err
	}
	v.Change, v.Platform, v.Hooks = c.May(slipway.PermitTeam, v.ID, ""), c.May(slipway.PermitPlatform, 0, ""), c.May(slipway.PermitWebhookRead, v.ID, "")
	if v.Change.May {
		list, err := p.Accounts(c.Ctx, store.Page{Limit: store.MaxPage})
		if err != nil {
			return err
		}
		v.Accounts = list.Items
	}
	return c.Show(http.StatusOK, teamPage(c.Frame("Team "+v.Name, "teams"), v))
}

func (p *pages) changeMember(c *shell.Call) error {
	name, account := c.R.PathValue("team"), c.Form("account")
	said := account + " is " + c.Form("role") + " in " + name + "."
	var err error
	if c.Form("do") == "remove" {
		err, said = p.RemoveMember(c.Ctx, name, account, nil), account+" is no longer in "+name+"."
	} else {
		_, err = p.SetMember(c.Ctx, name, account, slipway.Role(c.Form("role")), nil)
	}
	if err != nil {
		return err
	}
	if _, err := p.Team(c.Ctx, name); slipway.CodeOf(err) == slipway.NotFound {
		return c.To("/teams", said) // one has left it oneself
	}
	return c.To(string(words.Path("teams", name)), said)
}

// inviteMember shows the link in the answer itself: it is kept nowhere.
func (p *pages) inviteMember(c *shell.Call) error {
	in, err := p.Invite(c.Ctx, c.R.PathValue("team"), slipway.Role(c.Form("role")))
	if err != nil {
		return err
	}
	return p.teamPage(c, teamView{Link: p.InvitationURL(in), Until: in.Expires.UTC().Format("2006-01-02 15:04 UTC")})
}

func (p *pages) removeTeam(c *shell.Call) error {
	name := c.R.PathValue("team")
	if err := p.RemoveTeam(c.Ctx, name, nil); err != nil {
		return err
	}
	return c.To("/teams", "The team "+name+" is removed.")
}

// changePerson makes somebody an admin of the platform or not, or lets the
// account in or not.
func (p *pages) changePerson(c *shell.Call) error {
	name := c.R.PathValue("account")
	yes, no := true, false
	var change identity.AccountChange
	said := ""
	switch c.Form("do") {
	case "admin":
		change.Admin, said = &yes, name+" is an admin of the platform now."
	case "no-admin":
		change.Admin, said = &no, name+" is no admin of the platform any more."
	case "active":
		change.Active, said = &yes, name+" may sign in again."
	case "no-active":
		change.Active, said = &no, name+" is signed out everywhere and may not sign in."
	case "reset-factors":
		if err := p.ResetFactors(c.Ctx, name); err != nil {
			return err
		}
		return c.To("/teams", name+" has no second factor any more, and is signed out everywhere.")
	default:
		return slipway.Errorf(slipway.Invalid, "say what to do with %s", name)
	}
	if _, err := p.UpdateAccount(c.Ctx, name, change); err != nil {
		return err
	}
	return c.To("/teams", said)
}
