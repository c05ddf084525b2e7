package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// Setting is one key of config: of a service, of an environment, or of a
// service in an environment, by which of the two is set.
type Setting struct{ ent.Schema }

// Mixin of the entity.
func (Setting) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}, Stamps{}} }

// Fields of the entity.
func (Setting) Fields() []ent.Field {
	return []ent.Field{
		field.Int("service_id").Optional().Nillable().Immutable(),
		field.Int("environment_id").Optional().Nillable().Immutable(),
		field.String("scope").Immutable().Comment("service/environment by id, so that uniqueness holds where one of them is empty"),
		field.String("key").Immutable().MaxLen(200),
		field.Text("value").Default(""),
		field.String("secret").Default("").Comment("reference of a secret"),
	}
}

// Edges of the entity.
func (Setting) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("service", Service.Type).Ref("settings").Field("service_id").Unique().Immutable(),
		edge.From("environment", Environment.Type).Ref("settings").Field("environment_id").Unique().Immutable(),
	}
}

// Indexes of the entity.
func (Setting) Indexes() []ent.Index {
	return []ent.Index{index.Fields("scope", "key").Unique()}
}
