package account

import (
	"net/http"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/web/shell"
)

// deviceView is a command line that asks to be let in.
type deviceView struct {
	*ent.DeviceLogin // nil until a code is known
	Code             string
	Elsewhere        bool // it asks from another address than this browser's
	Err              string
	Done             string // what was decided
}

// showDevice asks for a code, and then whether the command line that shows it is
// the reader's own.
func (p *pages) showDevice(c *shell.Call) error {
	return p.devicePage(c, http.StatusOK, deviceView{Code: c.Query("code")})
}

func (p *pages) devicePage(c *shell.Call, status int, v deviceView) error {
	if v.Code != "" && v.Err == "" {
		row, err := p.Device(c.Ctx, v.Code)
		switch slipway.CodeOf(err) {
		case "":
			v.DeviceLogin, v.Elsewhere = row, row.Address != shell.CallerOf(c.R).Address
		case slipway.NotFound:
			status, v.Err = http.StatusNotFound, shell.Sentence(err)
		default:
			return err
		}
	}
	return c.Show(status, devicePage(c.Frame("Let a command line in", ""), v))
}

func (p *pages) decideDevice(c *shell.Call) error {
	code := c.Form("code")
	err := p.DecideDevice(c.Ctx, code, c.Form("do") == "confirm")
	switch slipway.CodeOf(err) {
	case "":
	case slipway.NotFound, slipway.Conflict:
		return p.devicePage(c, shell.StatusOf(err), deviceView{Code: code, Err: shell.Sentence(err)})
	default:
		return err
	}
	v := deviceView{Done: "The command line is signed in as " + c.Viewer.Name + ". You can close this page."}
	if c.Form("do") != "confirm" {
		v.Done = "It was sent away. If you did not begin this yourself, tell an admin who gave you the code."
	}
	return c.Show(http.StatusOK, devicePage(c.Frame("Let a command line in", ""), v))
}
