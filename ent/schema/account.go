package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"

	"github.com/slipway-dev/slipway"
)

// Account is a person, or a program that acts as itself.
type Account struct{ ent.Schema }

// Mixin of the entity.
func (Account) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}, Stamps{}, Revised{}} }

// Fields of the entity.
func (Account) Fields() []ent.Field {
	return []ent.Field{
		field.String("name").Unique().Immutable().MaxLen(40).Comment("what a person signs in with"),
		field.Enum("kind").Values(string(slipway.ViewerPerson), string(slipway.ViewerService)).Immutable(),
		field.String("display_name").Default("").MaxLen(100),
		field.String("email").Default("").MaxLen(200),
		field.String("password").Default("").Sensitive().Comment("argon2id in PHC form; empty means that no password opens it"),
		field.Bool("admin").Default(false).Comment("of the platform"),
		field.Bool("active").Default(true),
		field.String("invited_by").Optional().Immutable().Comment("the account that made or invited it; empty for the operator, a provider, and where it was not kept yet"),
		field.Time("last_seen_at").Optional().Nillable(),
	}
}

// Edges of the entity.
func (Account) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("memberships", Membership.Type),
		edge.To("sessions", Session.Type),
		edge.To("tokens", Token.Type),
		edge.To("identities", Identity.Type),
		edge.To("factors", Factor.Type),
		edge.To("bylines", Byline.Type),
	}
}
