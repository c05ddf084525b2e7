package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/slipway-dev/slipway"
)

// Freeze is a time in which nothing is promoted.
type Freeze struct{ ent.Schema }

// Mixin of the entity.
func (Freeze) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}, Stamps{}} }

// Fields of the entity.
func (Freeze) Fields() []ent.Field {
	return []ent.Field{
		field.String("reason").Immutable().MaxLen(500),
		field.Int("team_id").Default(0).Immutable().Comment("0 for every team"),
		field.Int("environment_id").Default(0).Immutable().Comment("0 for every environment"),
		field.Time("starts_at").Immutable(),
		field.Time("ends_at").Comment("lifting one brings this forward"),
		field.JSON("window", &slipway.Window{}).Optional().Immutable().Comment("recurring: only within it"),
		field.String("placed_by").Immutable(),
		field.String("lifted_by").Default(""),
	}
}

// Indexes of the entity.
func (Freeze) Indexes() []ent.Index { return []ent.Index{index.Fields("ends_at")} }
