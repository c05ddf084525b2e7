package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/slipway-dev/slipway"
)

// Team owns services.
type Team struct{ ent.Schema }

// Mixin of the entity.
func (Team) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}, Stamps{}, Revised{}} }

// Fields of the entity.
func (Team) Fields() []ent.Field {
	return []ent.Field{
		field.String("name").Unique().Immutable().MaxLen(40),
		field.String("display_name").Default("").MaxLen(100),
	}
}

// Edges of the entity.
func (Team) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("memberships", Membership.Type),
		edge.To("services", Service.Type),
		edge.To("webhooks", Webhook.Type),
	}
}

// Membership is the role of an account in a team.
type Membership struct{ ent.Schema }

// Mixin of the entity.
func (Membership) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}, Stamps{}} }

// Fields of the entity.
func (Membership) Fields() []ent.Field {
	return []ent.Field{
		field.Int("account_id").Immutable(),
		field.Int("team_id").Immutable(),
		field.Enum("role").Values(values(slipway.Roles)...),
	}
}

// Edges of the entity.
func (Membership) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("account", Account.Type).Ref("memberships").Field("account_id").Required().Unique().Immutable(),
		edge.From("team", Team.Type).Ref("memberships").Field("team_id").Required().Unique().Immutable(),
	}
}

// Indexes of the entity.
func (Membership) Indexes() []ent.Index {
	return []ent.Index{index.Fields("account_id", "team_id").Unique(), index.Fields("team_id")}
}
