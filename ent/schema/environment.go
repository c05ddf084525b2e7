package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"

	"github.com/slipway-dev/slipway"
)

// Environment is a place to run; position gives the order.
type Environment struct{ ent.Schema }

// Mixin of the entity.
func (Environment) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}, Stamps{}, Revised{}} }

// Fields of the entity.
func (Environment) Fields() []ent.Field {
	return []ent.Field{
		field.String("name").Unique().Immutable().MaxLen(40),
		field.Int("position"),
		field.String("target").Default("process"),
		field.JSON("policy", slipway.Policy{}).Optional().Comment("what it asks of promotions"),
		field.Int("config_revision").Default(1).Comment("counts changes of its settings"),
	}
}

// Edges of the entity.
func (Environment) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("promotions", Promotion.Type),
		edge.To("deployments", Deployment.Type),
		edge.To("settings", Setting.Type),
		edge.To("policies", ServicePolicy.Type),
		edge.To("holds", Hold.Type),
		edge.To("domains", Domain.Type),
	}
}
