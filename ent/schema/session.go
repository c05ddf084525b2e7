package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// Session is one signing-in. Its refresh token changes at each use; that one
// which was used before is kept by its hash, so that a stolen one is noticed.
type Session struct{ ent.Schema }

// Mixin of the entity.
func (Session) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}, Stamps{}} }

// Fields of the entity.
func (Session) Fields() []ent.Field {
	return []ent.Field{
		field.String("key").Unique().Immutable().Comment("its public id, random"),
		field.Int("account_id").Immutable(),
		field.String("refresh").Sensitive().Comment("SHA-256 of the refresh token that is good now"),
		field.String("via").Immutable().Comment("portal, cli or api"),
		field.String("address").Default(""),
		field.String("agent").Default("").MaxLen(200),
		field.String("peer").Default("").Immutable().Comment("whose process began it over loopback in clear: uid N, or unknown; empty where that isn't asked"),
		field.Time("used_at"),
		field.Time("proved_at").Optional().Nillable().Comment("when it was shown last that it is still the one who signed in"),
		field.String("proved_with").Default("").Comment("a kind of factor, or what signed in"),
		field.String("factor").Default("").Comment("the second one that was shown in it: a kind, or provider NAME; empty for none"),
		field.Time("expires_at"),
		field.Time("ended_at").Optional().Nillable(),
		field.String("ended_by").Default("").Comment("why it ended before its time"),
	}
}

// Edges of the entity.
func (Session) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("account", Account.Type).Ref("sessions").Field("account_id").Required().Unique().Immutable(),
	}
}

// Indexes of the entity.
func (Session) Indexes() []ent.Index { return []ent.Index{index.Fields("account_id")} }
