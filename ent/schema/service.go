package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"

	"github.com/slipway-dev/slipway"
)

// Service is a Python project in git.
type Service struct{ ent.Schema }

// Mixin of the entity.
func (Service) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}, Stamps{}, Revised{}} }

// Fields of the entity.
func (Service) Fields() []ent.Field {
	return []ent.Field{
		field.String("name").Unique().Immutable().MaxLen(40),
		field.Enum("kind").Values(string(slipway.KindWeb), string(slipway.KindWorker), string(slipway.KindFunction)).Default(string(slipway.KindWeb)),
		field.String("repository").MaxLen(2000),
		field.String("path").Default(""),
		field.String("branch").Default(""),
		field.Int("team_id").Optional().Comment("the team that owns it"),
		field.String("credential").Default("").Comment("reference of a secret, never its value"),
		field.JSON("environments", []string{}).Optional().Comment("its own order of environments; empty for that of the platform"),
		field.Text("overrides").Default("").Comment("what its owners state instead of what is detected, as slipway.Overrides"),
		field.Int("config_revision").Default(1).Comment("counts changes of its settings"),
	}
}

// Edges of the entity.
func (Service) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("releases", Release.Type),
		edge.To("promotions", Promotion.Type),
		edge.To("deployments", Deployment.Type),
		edge.To("settings", Setting.Type),
		edge.To("trusts", Trust.Type),
		edge.To("policies", ServicePolicy.Type),
		edge.To("holds", Hold.Type),
		edge.To("domains", Domain.Type),
		edge.From("team", Team.Type).Ref("services").Field("team_id").Unique(),
	}
}
