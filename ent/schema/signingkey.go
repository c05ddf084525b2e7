package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
)

// SigningKey signs access tokens. The private half is in the secret store.
type SigningKey struct{ ent.Schema }

// Mixin of the entity.
func (SigningKey) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}} }

// Fields of the entity.
func (SigningKey) Fields() []ent.Field {
	return []ent.Field{
		field.String("kid").Unique().Immutable(),
		field.Bytes("public").Immutable().Comment("Ed25519"),
		field.String("private").Immutable().Comment("reference of a secret"),
		field.Time("created_at").Default(now).Immutable(),
		field.Time("retired_at").Optional().Nillable().Comment("signs no more; still verifies what it signed"),
	}
}
