package schema

import (
	"encoding/json"

	"entgo.io/ent"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/slipway-dev/slipway"
)

// Promotion moves a release into an environment.
type Promotion struct{ ent.Schema }

// Mixin of the entity.
func (Promotion) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}, Stamps{}} }

// Fields of the entity.
func (Promotion) Fields() []ent.Field {
	return []ent.Field{
		field.Int("id").Comment("also the id of what it deploys, which a target keeps; numbered by the database, but for what is adopted"),
		field.Int("service_id").Immutable(),
		field.Int("environment_id").Immutable(),
		field.Int("release_id").Optional().Nillable(),
		field.JSON("commit", slipway.Commit{}).Immutable(),
		field.Enum("state").Values(values(slipway.PromotionStates)...).Default(string(slipway.PromotionQueued)),
		field.String("ended_at_step").Default(""),
		field.String("reason").Default(""),
		field.String("requested_by").Immutable(),
		field.JSON("behind", []string{}).Optional().Immutable().Comment("who made the token, or the trusts, by which it was asked for"),
		field.JSON("authors", &slipway.Authors{}).Optional().Comment("who wrote what it brings, as far as that mattered"),
		field.Bool("rollback").Default(false).Immutable(),
		field.JSON("input", json.RawMessage{}).Optional().Comment("the workflow's input, frozen when the promotion was asked for"),
		field.JSON("plan", &slipway.PromotionPlan{}).Optional().Comment("as it stood when it was last looked at"),
		field.String("plan_hash").Default("").Comment("digest of plan; what approvals are given to"),
		field.JSON("change", &slipway.Change{}).Optional().Comment("what differs from what ran, as it was shown to whoever decided"),
		field.JSON("waits", []slipway.Wait{}).Optional().Comment("the closed gates, empty when it waits for nothing"),
		field.JSON("rollout", &slipway.Rollout{}).Optional().Comment("where its canary stands, or stood last"),
		field.JSON("rehearsal", []slipway.Rehearsed{}).Optional().Comment("what a run of the artifact without traffic found"),
		field.JSON("undo", &slipway.Undoing{}).Optional().Comment("while what it deployed is taken back: since when, and until when at the latest"),
		field.Time("expires_at").Optional().Nillable().Comment("when a promotion that still waits is given up"),
		field.Int("superseded_by").Default(0),
		field.Int("retry_of").Default(0).Immutable(),
		field.Int("bundle").Default(0).Comment("the first promotion of the bundle that it belongs to; 0 for none"),
		field.String("cause").Default("").Immutable().Comment("what asked for it when no person did: push, or after ENVIRONMENT"),
		field.String("why").Optional().Immutable().MaxLen(500).Comment("why who asked for it did; of a rollback"),
		field.Time("started_at").Optional().Nillable(),
		field.Time("ended_at").Optional().Nillable(),
	}
}

// Edges of the entity.
func (Promotion) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("service", Service.Type).Ref("promotions").Field("service_id").Required().Unique().Immutable(),
		edge.From("environment", Environment.Type).Ref("promotions").Field("environment_id").Required().Unique().Immutable(),
		edge.From("release", Release.Type).Ref("promotions").Field("release_id").Unique(),
		edge.To("steps", Step.Type),
		edge.To("decisions", Decision.Type),
	}
}

// Indexes of the entity.
func (Promotion) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("service_id", "environment_id"),
		index.Fields("state"),
		index.Fields("bundle"),
	}
}

// values turns a list of named strings into what an enum field wants.
func values[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}
