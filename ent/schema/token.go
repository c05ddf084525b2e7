package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/slipway-dev/slipway"
)

// Token opens the API for a program. Its text is shown once; only its hash is
// kept.
type Token struct{ ent.Schema }

// Mixin of the entity.
func (Token) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}, Stamps{}} }

// Fields of the entity.
func (Token) Fields() []ent.Field {
	return []ent.Field{
		field.Int("account_id").Immutable(),
		field.String("name").Immutable().MaxLen(100),
		field.String("hash").Unique().Immutable().Sensitive().Comment("SHA-256 of the text"),
		field.String("hint").Immutable().Comment("the first characters, to recognise it by"),
		field.JSON("scopes", []slipway.Scope{}).Immutable(),
		field.Time("expires_at").Optional().Nillable().Immutable(),
		field.String("made_by").Optional().Immutable().Comment("the account; empty where it was not kept yet"),
		field.Time("used_at").Optional().Nillable(),
		field.Time("revoked_at").Optional().Nillable(),
	}
}

// Edges of the entity.
func (Token) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("account", Account.Type).Ref("tokens").Field("account_id").Required().Unique().Immutable(),
	}
}

// Indexes of the entity.
func (Token) Indexes() []ent.Index { return []ent.Index{index.Fields("account_id")} }
