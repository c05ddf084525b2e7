package store

import (
	"context"
	"fmt"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/idempotencykey"
)

// IdempotencyLife is how long the answer to a call with a key is kept.
const IdempotencyLife = 24 * time.Hour

// ErrKeyReused says that two different calls have the same key.
var ErrKeyReused = slipway.Errorf(slipway.Invalid, "this Idempotency-Key was used for another call; choose a new one for each call")

// Answer is what a call was answered.
type Answer struct {
	Status   int
	Location string
	Body     []byte
}

// Once is a call that is carried out once. Exactly one of Done and Failed ends it.
type Once struct {
	db *ent.Client
	id int
}

// Once begins a call under a key of the viewer's own. When the same call was
// answered before, that answer is returned and nothing is to be done. request
// tells calls apart. A call that is still under way, or of which nobody knows
// how it ended because the platform died, is a Conflict: it is never made twice.
func (s *Store) Once(ctx context.Context, key, request string) (*Once, *Answer, error) {
	v := slipway.ViewerFrom(ctx)
	owner := fmt.Sprintf("%s/%s", v.Kind, v.Name)
	sys := AsSystem(ctx)
	old := time.Now().UTC().Add(-IdempotencyLife)
	if _, err := s.Client.IdempotencyKey.Delete().Where(idempotencykey.CreatedAtLT(old)).Exec(sys); err != nil {
		return nil, nil, err
	}
	row, err := s.Client.IdempotencyKey.Create().SetAccount(owner).SetKey(key).SetRequest(Fingerprint(request)).Save(sys)
	if err == nil {
		return &Once{s.Client, row.ID}, nil, nil
	}
	if !ent.IsConstraintError(err) {
		return nil, nil, err
	}
	row, err = s.Client.IdempotencyKey.Query().Where(idempotencykey.Account(owner), idempotencykey.Key(key)).Only(sys)
	switch {
	case ent.IsNotFound(err):
		return nil, nil, slipway.Errorf(slipway.Conflict, "a call with this key has just failed; make it again")
	case err != nil:
		return nil, nil, err
	case row.Request != Fingerprint(request):
		return nil, nil, ErrKeyReused
	case row.Status == 0 && time.Since(row.CreatedAt) > 5*time.Minute:
		return nil, nil, slipway.Errorf(slipway.Conflict, "the platform stopped while it carried out this call, and it is not known how far it got; look, and if need be make it with a new key")
	case row.Status == 0:
		return nil, nil, slipway.Errorf(slipway.Conflict, "the first call with this key is still under way; ask again in a moment")
	}
	return nil, &Answer{Status: row.Status, Location: row.Location, Body: row.Body}, nil
}

// Done keeps the answer.
func (o *Once) Done(ctx context.Context, a Answer) error {
	return o.db.IdempotencyKey.UpdateOneID(o.id).SetStatus(a.Status).SetLocation(a.Location).SetBody(a.Body).Exec(AsSystem(context.WithoutCancel(ctx)))
}

// Failed forgets the call: nothing was done, and it may be made again.
func (o *Once) Failed(ctx context.Context) error {
	return o.db.IdempotencyKey.DeleteOneID(o.id).Exec(AsSystem(context.WithoutCancel(ctx)))
}
