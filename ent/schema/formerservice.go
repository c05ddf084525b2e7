package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"

	"github.com/slipway-dev/slipway"
)

// FormerService is what held a service that was removed, so that registering its
// name anew is no way out of it.
type FormerService struct{ ent.Schema }

// Mixin of the entity.
func (FormerService) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}, Stamps{}} }

// Fields of the entity.
func (FormerService) Fields() []ent.Field {
	return []ent.Field{
		field.String("name").Unique().Immutable().MaxLen(slipway.MaxName),
		field.Int("team_id").Comment("it may be gone"),
		field.JSON("environments", []string{}).Optional().Comment("its own path"),
		field.JSON("policies", map[int]slipway.PolicyChange{}).Optional().Comment("by environment"),
	}
}
