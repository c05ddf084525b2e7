package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/slipway-dev/slipway"
)

// Trust lets jobs of a CI system act for one service by their own identity
// token, so that no secret is stored there.
type Trust struct{ ent.Schema }

// Mixin of the entity.
func (Trust) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}, Stamps{}} }

// Fields of the entity.
func (Trust) Fields() []ent.Field {
	return []ent.Field{
		field.Int("service_id").Immutable(),
		field.String("name").Immutable().MaxLen(40),
		field.String("issuer").Immutable().MaxLen(2000),
		field.String("audience").Immutable().MaxLen(500),
		field.String("subject").Immutable().MaxLen(500).Comment("a pattern; * stands for anything"),
		field.JSON("scopes", []slipway.Scope{}).Immutable(),
		field.String("made_by").Optional().Immutable().Comment("the account; empty where it was not kept yet"),
		field.Time("used_at").Optional().Nillable(),
	}
}

// Edges of the entity.
func (Trust) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("service", Service.Type).Ref("trusts").Field("service_id").Required().Unique().Immutable(),
	}
}

// Indexes of the entity.
func (Trust) Indexes() []ent.Index {
	return []ent.Index{index.Fields("service_id", "name").Unique(), index.Fields("issuer")}
}
