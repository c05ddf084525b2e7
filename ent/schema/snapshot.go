package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"

	"github.com/slipway-dev/slipway"
)

// Snapshot is a rendered config, secrets by reference.
type Snapshot struct{ ent.Schema }

// Mixin of the entity.
func (Snapshot) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}, Stamps{}} }

// Fields of the entity.
func (Snapshot) Fields() []ent.Field {
	return []ent.Field{
		field.String("digest").Unique().Immutable(),
		field.JSON("content", slipway.Snapshot{}).Immutable(),
	}
}
