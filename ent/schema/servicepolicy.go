package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/slipway-dev/slipway"
)

// ServicePolicy is what a service asks in an environment beyond, or instead of,
// the environment's own policy.
type ServicePolicy struct{ ent.Schema }

// Mixin of the entity.
func (ServicePolicy) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}, Stamps{}, Revised{}} }

// Fields of the entity.
func (ServicePolicy) Fields() []ent.Field {
	return []ent.Field{
		field.Int("service_id").Immutable(),
		field.Int("environment_id").Immutable(),
		field.JSON("change", slipway.PolicyChange{}),
	}
}

// Edges of the entity.
func (ServicePolicy) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("service", Service.Type).Ref("policies").Field("service_id").Required().Unique().Immutable(),
		edge.From("environment", Environment.Type).Ref("policies").Field("environment_id").Required().Unique().Immutable(),
	}
}

// Indexes of the entity.
func (ServicePolicy) Indexes() []ent.Index {
	return []ent.Index{index.Fields("service_id", "environment_id").Unique()}
}
