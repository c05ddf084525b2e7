package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// Domain is a host name of a service's own in an environment.
type Domain struct{ ent.Schema }

// Mixin of the entity.
func (Domain) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}, Stamps{}} }

// Fields of the entity.
func (Domain) Fields() []ent.Field {
	return []ent.Field{
		field.Int("service_id").Immutable(),
		field.Int("environment_id").Immutable(),
		field.String("name").Unique().Immutable().MaxLen(253).Comment("in the form for DNS; of the whole platform"),
		field.Int("position").Default(0).Comment("the lowest is that of links and checks"),
		field.String("added_by").Immutable(),
	}
}

// Edges of the entity.
func (Domain) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("service", Service.Type).Ref("domains").Field("service_id").Required().Unique().Immutable(),
		edge.From("environment", Environment.Type).Ref("domains").Field("environment_id").Required().Unique().Immutable(),
	}
}

// Indexes of the entity.
func (Domain) Indexes() []ent.Index {
	return []ent.Index{index.Fields("service_id", "environment_id")}
}
