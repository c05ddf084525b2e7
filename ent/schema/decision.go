package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/slipway-dev/slipway"
)

// Decision is what a person said to a promotion. It is never changed: a plan
// that moves makes it void, which is written beside it.
type Decision struct{ ent.Schema }

// Mixin of the entity.
func (Decision) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}} }

// Fields of the entity.
func (Decision) Fields() []ent.Field {
	return []ent.Field{
		field.Time("created_at").Default(now).Immutable(),
		field.Int("promotion_id").Immutable(),
		field.Int("account_id").Immutable(),
		field.String("name").Immutable().Comment("of the account, then"),
		field.Enum("verdict").Values(values(slipway.Verdicts)...).Immutable(),
		field.String("comment").Default("").Immutable(),
		field.String("plan").Immutable().Comment("digest of the plan that it was given to"),
		field.String("via").Default("").Immutable(),
		field.String("factor").Default("").Immutable().Comment("the second one of the session that it was said in; empty for none"),
		field.Bool("own").Default(false).Immutable().Comment("by who asked, or wrote the commit"),
		field.String("void").Default("").Comment("why it counts no more"),
		field.String("lapsed").Optional().Comment("why it doesn't count as things stand: who said it may not say it now"),
	}
}

// Edges of the entity.
func (Decision) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("promotion", Promotion.Type).Ref("decisions").Field("promotion_id").Required().Unique().Immutable(),
	}
}

// Indexes of the entity. One answer of a person to a plan counts; what is void may be
// said again, when the plan is once more what it was.
func (Decision) Indexes() []ent.Index {
	return []ent.Index{index.Fields("promotion_id", "account_id", "plan", "verdict")}
}
