package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/slipway-dev/slipway"
)

// Factor is what somebody has besides a password. It counts once it is
// confirmed: until then it may have been misread.
type Factor struct{ ent.Schema }

// Mixin of the entity.
func (Factor) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}, Stamps{}} }

// Fields of the entity.
func (Factor) Fields() []ent.Field {
	return []ent.Field{
		field.String("key").Unique().Immutable().Comment("its public id, random"),
		field.Int("account_id").Immutable(),
		field.Enum("kind").Values(string(slipway.FactorTOTP), string(slipway.FactorPasskey)).Immutable(),
		field.String("name").Default("").MaxLen(100),
		field.String("secret").Default("").Comment("where the secret of codes is kept"),
		field.Int64("last_step").Default(0).Comment("the time step of the code that was good last; none before it is any more"),
		field.String("credential_id").Optional().Nillable().Unique().Immutable().Comment("of a passkey, in base64url"),
		field.Bytes("credential").Optional().Comment("a passkey's public key, and how often it was used"),
		field.Time("confirmed_at").Optional().Nillable(),
		field.Time("used_at").Optional().Nillable(),
	}
}

// Edges of the entity.
func (Factor) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("account", Account.Type).Ref("factors").Field("account_id").Required().Unique().Immutable(),
	}
}

// Indexes of the entity.
func (Factor) Indexes() []ent.Index { return []ent.Index{index.Fields("account_id")} }

// Ceremony is what the answer of a browser about a passkey is checked against,
// once.
type Ceremony struct{ ent.Schema }

// Mixin of the entity.
func (Ceremony) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}, Stamps{}} }

// Fields of the entity.
func (Ceremony) Fields() []ent.Field {
	return []ent.Field{
		field.String("key").Unique().Immutable().MaxLen(64).Comment("SHA-256 of the text that goes with the answer"),
		field.String("purpose").Immutable().Comment("what it was begun for: its answer is good for nothing else"),
		field.Int("account_id").Default(0).Immutable().Comment("whose passkey is asked for; 0 for whoever's"),
		field.Bytes("data").Immutable(),
		field.Time("expires_at"),
	}
}

// Indexes of the entity.
func (Ceremony) Indexes() []ent.Index { return []ent.Index{index.Fields("expires_at")} }

// RecoveryCode stands in for a factor that was lost, once.
type RecoveryCode struct{ ent.Schema }

// Mixin of the entity.
func (RecoveryCode) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}, Stamps{}} }

// Fields of the entity.
func (RecoveryCode) Fields() []ent.Field {
	return []ent.Field{
		field.Int("account_id").Immutable(),
		field.String("hash").Unique().Immutable().MaxLen(64).Sensitive().Comment("keyed, of account and code"),
		field.Time("used_at").Optional().Nillable(),
	}
}

// Indexes of the entity.
func (RecoveryCode) Indexes() []ent.Index { return []ent.Index{index.Fields("account_id")} }

// HalfSignIn is somebody who has given a password, or come from a provider, and
// is asked for a factor yet. It is good once.
type HalfSignIn struct{ ent.Schema }

// Mixin of the entity.
func (HalfSignIn) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}, Stamps{}} }

// Fields of the entity.
func (HalfSignIn) Fields() []ent.Field {
	return []ent.Field{
		field.String("key").Unique().Immutable().MaxLen(64).Comment("SHA-256 of the text that goes with the factor"),
		field.Int("account_id").Immutable(),
		field.String("by").Immutable().MaxLen(100).Comment("what was proved already: password, or provider NAME"),
		field.String("next").Default("").Immutable().MaxLen(1000).Comment("a path of the portal to go to afterwards"),
		field.Int("guesses").Default(0),
		field.Time("expires_at").Immutable(),
	}
}

// Indexes of the entity.
func (HalfSignIn) Indexes() []ent.Index { return []ent.Index{index.Fields("expires_at")} }
