package platform

import (
	"context"

	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/store"
)

// Founded tells whether there is an admin of the platform: until then nobody
// can sign in, and the link of SetUp makes the first account. Anybody may ask.
func (p *Platform) Founded(ctx context.Context) (bool, error) {
	return p.db.Account.Query().Where(account.Admin(true), account.Active(true), account.KindEQ(account.KindPerson)).Exist(store.AsSystem(ctx))
}
