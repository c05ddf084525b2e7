package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/slipway-dev/slipway"
)

// Step is one step of a promotion.
type Step struct{ ent.Schema }

// Mixin of the entity.
func (Step) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}} }

// Fields of the entity.
func (Step) Fields() []ent.Field {
	return []ent.Field{
		field.Int("promotion_id").Immutable(),
		field.Enum("name").Values(values(slipway.StepNames)...).Immutable(),
		field.Int("position").Immutable(),
		field.Enum("state").Values(values(slipway.StepStates)...),
		field.Int("attempt").Default(0),
		field.String("reason").Default(""),
		field.Time("started_at").Optional().Nillable(),
		field.Time("ended_at").Optional().Nillable(),
		field.Time("until").Optional().Nillable().Comment("when it is given up at the latest, while it runs"),
	}
}

// Edges of the entity.
func (Step) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("promotion", Promotion.Type).Ref("steps").Field("promotion_id").Required().Unique().Immutable(),
	}
}

// Indexes of the entity.
func (Step) Indexes() []ent.Index {
	return []ent.Index{index.Fields("promotion_id", "name").Unique()}
}
