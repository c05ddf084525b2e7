package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// Deployment is a release plus a config snapshot in an environment. Its
// promotion's id is its identity on the target.
type Deployment struct{ ent.Schema }

// Mixin of the entity.
func (Deployment) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}, Stamps{}} }

// Fields of the entity.
func (Deployment) Fields() []ent.Field {
	return []ent.Field{
		field.Int("service_id").Immutable(),
		field.Int("environment_id").Immutable(),
		field.Int("release_id").Immutable(),
		field.Int("promotion_id").Unique().Immutable(),
		field.String("snapshot").Immutable().Comment("digest"),
		field.Bool("live").Default(false).Comment("has the traffic; at most one per service and environment"),
		field.Bool("verified").Default(false).Comment("its promotion has succeeded"),
		field.String("condition").Default("").Comment("what is seen of it when that isn't what should be: drifted, crash_looping, down"),
		field.String("condition_reason").Default(""),
		field.Time("condition_since").Optional().Nillable(),
		field.Time("ended_at").Optional().Nillable().Comment("when it lost the traffic"),
	}
}

// Edges of the entity.
func (Deployment) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("service", Service.Type).Ref("deployments").Field("service_id").Required().Unique().Immutable(),
		edge.From("environment", Environment.Type).Ref("deployments").Field("environment_id").Required().Unique().Immutable(),
		edge.From("release", Release.Type).Ref("deployments").Field("release_id").Required().Unique().Immutable(),
	}
}

// Indexes of the entity. The unique one lets no two deployments have the traffic.
func (Deployment) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("service_id", "environment_id"),
		index.Fields("service_id", "environment_id", "live").Unique().Annotations(entsql.IndexWhere("live")),
	}
}
