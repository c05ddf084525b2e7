package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// Hold stops automatic promotion of a service into an environment until
// somebody releases it.
type Hold struct{ ent.Schema }

// Mixin of the entity.
func (Hold) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}, Stamps{}} }

// Fields of the entity.
func (Hold) Fields() []ent.Field {
	return []ent.Field{
		field.Int("service_id").Immutable(),
		field.Int("environment_id").Immutable(),
		field.Int("promotion_id").Default(0).Immutable().Comment("the rollback that placed it; 0 when a person did"),
		field.String("reason").Immutable().MaxLen(500),
		field.String("placed_by").Immutable(),
		field.Bool("active").Default(true),
		field.String("released_by").Default(""),
		field.Time("released_at").Optional().Nillable(),
	}
}

// Edges of the entity.
func (Hold) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("service", Service.Type).Ref("holds").Field("service_id").Required().Unique().Immutable(),
		edge.From("environment", Environment.Type).Ref("holds").Field("environment_id").Required().Unique().Immutable(),
	}
}

// Indexes of the entity.
func (Hold) Indexes() []ent.Index {
	return []ent.Index{index.Fields("service_id", "environment_id", "active").Unique().Annotations(entsql.IndexWhere("active"))}
}
