package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/slipway-dev/slipway"
)

// Release is an immutable build of one commit of a service.
type Release struct{ ent.Schema }

// Mixin of the entity.
func (Release) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}, Stamps{}} }

// Fields of the entity.
func (Release) Fields() []ent.Field {
	return []ent.Field{
		field.Int("service_id").Immutable(),
		field.Int("number").Immutable().Positive(),
		field.String("commit").Immutable(),
		field.String("ref").Immutable(),
		field.String("author").Immutable(),
		field.String("subject").Immutable(),
		field.Time("committed_at").Immutable(),
		field.String("artifact").Immutable().Comment("digest"),
		field.Int64("bytes").Immutable(),
		field.String("python").Immutable(),
		field.String("framework").Immutable(),
		field.String("lock").Immutable().Comment("digest of the lock file, empty when unlocked"),
		field.JSON("manifest", slipway.Manifest{}).Immutable(),
		field.JSON("tests", &slipway.TestReport{}).Optional(),
		field.JSON("dependencies", []slipway.Dependency{}).Optional().Comment("nil when it is not known"),
		field.JSON("migrations", &slipway.Migrations{}).Optional().Comment("what was read of its schema migrations, nil when it is not known"),
		field.Bool("tested").Default(false).Comment("its tests passed, or it has none"),
		field.Strings("built_under").Optional().Comment("the layers that held its build, nil when that was not recorded"),
		field.String("built_by").Optional().Comment("the version of Slipway that made its artifact last, empty when that was not recorded"),
		field.Time("discarded_at").Optional().Nillable().Comment("when its artifact was removed; its record stays"),
	}
}

// Edges of the entity.
func (Release) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("service", Service.Type).Ref("releases").Field("service_id").Required().Unique().Immutable(),
		edge.To("promotions", Promotion.Type),
		edge.To("deployments", Deployment.Type),
	}
}

// Indexes of the entity.
func (Release) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("service_id", "number").Unique(),
		index.Fields("service_id", "commit", "artifact").Unique(),
	}
}
