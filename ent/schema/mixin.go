// Package schema describes what is stored: one file per noun.
package schema

import (
	"context"
	"time"

	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/mixin"

	"github.com/slipway-dev/slipway"
)

// Guarded is the second lock: nothing is read or written for nobody. What a
// viewer may is decided in platform; a query that forgot to ask fails here.
type Guarded struct{ mixin.Schema }

// Policy of the mixin.
func (Guarded) Policy() ent.Policy { return someone{} }

type someone struct{}

func (someone) EvalQuery(ctx context.Context, _ ent.Query) error       { return signedIn(ctx) }
func (someone) EvalMutation(ctx context.Context, _ ent.Mutation) error { return signedIn(ctx) }

func signedIn(ctx context.Context) error {
	if slipway.ViewerFrom(ctx).Kind == "" {
		return slipway.Errorf(slipway.Unauthenticated, "the store was asked on nobody's behalf; sign in first")
	}
	return nil
}

// Stamps adds when a row was made and last changed.
type Stamps struct{ mixin.Schema }

// Fields of the mixin.
func (Stamps) Fields() []ent.Field {
	return []ent.Field{
		field.Time("created_at").Default(now).Immutable(),
		field.Time("updated_at").Default(now).UpdateDefault(now),
	}
}

// Revised counts the changes of a row, so that two editors can't overwrite each
// other unseen.
type Revised struct{ mixin.Schema }

// Fields of the mixin.
func (Revised) Fields() []ent.Field {
	return []ent.Field{field.Int("revision").Default(1)}
}

// now is in UTC, so that both databases give back what was put in.
func now() time.Time { return time.Now().UTC() }
