package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/slipway-dev/slipway"
)

// IdentityProvider is an OpenID provider that people sign in with.
type IdentityProvider struct{ ent.Schema }

// Mixin of the entity.
func (IdentityProvider) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}, Stamps{}, Revised{}} }

// Fields of the entity.
func (IdentityProvider) Fields() []ent.Field {
	return []ent.Field{
		field.String("name").Unique().Immutable().MaxLen(40),
		field.String("display_name").Default("").MaxLen(100),
		field.String("issuer").MaxLen(2000),
		field.String("client_id").MaxLen(500),
		field.String("client_secret").Default("").Comment("reference of a secret, never its value"),
		field.JSON("scopes", []string{}).Optional().Comment("beyond openid, profile and email"),
		field.String("groups_claim").Default("groups").MaxLen(200),
		field.JSON("groups", []slipway.GroupRule{}).Optional().Comment("which groups make a member of which team"),
		field.Bool("open").Default(false).Comment("whoever signs in gets an account, not only who is in a group or known"),
		field.Bool("trust_mfa").Default(false).Comment("that it says of a sign-in that there was a second factor, counts as one"),
		field.Bool("active").Default(true),
	}
}

// Edges of the entity.
func (IdentityProvider) Edges() []ent.Edge {
	return []ent.Edge{edge.To("identities", Identity.Type)}
}

// Identity is who an account is at a provider. The subject never changes there;
// names and addresses do.
type Identity struct{ ent.Schema }

// Mixin of the entity.
func (Identity) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}, Stamps{}} }

// Fields of the entity.
func (Identity) Fields() []ent.Field {
	return []ent.Field{
		field.Int("account_id").Immutable(),
		field.Int("provider_id").Immutable(),
		field.String("subject").Immutable().MaxLen(255),
		field.String("email").Default("").MaxLen(200),
	}
}

// Edges of the entity.
func (Identity) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("account", Account.Type).Ref("identities").Field("account_id").Required().Unique().Immutable(),
		edge.From("provider", IdentityProvider.Type).Ref("identities").Field("provider_id").Required().Unique().Immutable(),
	}
}

// Indexes of the entity.
func (Identity) Indexes() []ent.Index {
	return []ent.Index{index.Fields("provider_id", "subject").Unique(), index.Fields("account_id")}
}

// SignInAttempt is a way through a provider that somebody has begun. It is good
// once and for minutes.
type SignInAttempt struct{ ent.Schema }

// Mixin of the entity.
func (SignInAttempt) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}, Stamps{}} }

// Fields of the entity.
func (SignInAttempt) Fields() []ent.Field {
	return []ent.Field{
		field.String("state").Unique().Immutable().Sensitive().Comment("SHA-256 of the state; the browser holds another half"),
		field.String("browser").Immutable().Sensitive().Comment("SHA-256 of what the browser's cookie holds"),
		field.String("provider").Immutable(),
		field.String("nonce").Immutable().Sensitive(),
		field.String("verifier").Immutable().Sensitive().Comment("of PKCE"),
		field.String("next").Immutable().Default("").Comment("where to go afterwards, a path here"),
		field.Time("expires_at").Immutable(),
	}
}

// Indexes of the entity.
func (SignInAttempt) Indexes() []ent.Index { return []ent.Index{index.Fields("expires_at")} }
