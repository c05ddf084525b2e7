package web

import (
	"net/http"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
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
func (p *portal) showDevice(c *call) error {
	return p.devicePage(c, http.StatusOK, deviceView{Code: c.query("code")})
}

func (p *portal) devicePage(c *call, status int, v deviceView) error {
	if v.Code != "" && v.Err == "" {
		row, err := p.Device(c.ctx, v.Code)
		switch slipway.CodeOf(err) {
		case "":
			v.DeviceLogin, v.Elsewhere = row, row.Address != callerOf(c.r).Address
		case slipway.NotFound:
			status, v.Err = http.StatusNotFound, sentence(err)
		default:
			return err
		}
	}
	return c.show(status, devicePage(c.frame("Let a command line in", ""), v))
}

func (p *portal) decideDevice(c *call) error {
	code := c.form("code")
	err := p.DecideDevice(c.ctx, code, c.form("do") == "confirm")
	switch slipway.CodeOf(err) {
	case "":
	case slipway.NotFound, slipway.Conflict:
		return p.devicePage(c, statusOf(err), deviceView{Code: code, Err: sentence(err)})
	default:
		return err
	}
	v := deviceView{Done: "The command line is signed in as " + c.viewer.Name + ". You can close this page."}
	if c.form("do") != "confirm" {
		v.Done = "It was sent away. If you did not begin this yourself, tell an admin who gave you the code."
	}
	return c.show(http.StatusOK, devicePage(c.frame("Let a command line in", ""), v))
}
