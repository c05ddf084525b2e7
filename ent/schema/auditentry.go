package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// AuditEntry is one change, decision or refused attempt. Rows are only ever
// added; each holds the hash of the one before.
type AuditEntry struct{ ent.Schema }

// Mixin of the entity.
func (AuditEntry) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}} }

// Fields of the entity.
func (AuditEntry) Fields() []ent.Field {
	return []ent.Field{
		field.Int("sequence").Unique().Immutable().Positive().Comment("1, 2, 3 without a gap"),
		field.Time("at").Immutable(),
		field.String("actor").Immutable(),
		field.String("kind").Immutable().Comment("person, service or system"),
		field.String("via").Immutable(),
		field.String("address").Immutable(),
		field.String("request").Immutable().Comment("the request's id"),
		field.String("action").Immutable().Comment("noun.verb, such as config.change"),
		field.String("team").Immutable(),
		field.String("service").Immutable(),
		field.String("environment").Immutable(),
		field.String("object").Immutable().Comment("what else it was done to: a promotion, an account, a token"),
		field.String("result").Immutable().Comment("done, refused or failed"),
		field.String("reason").Immutable(),
		field.JSON("before", map[string]string{}).Optional().Immutable(),
		field.JSON("after", map[string]string{}).Optional().Immutable(),
		field.String("previous").Immutable().Comment("hash of the entry before"),
		field.String("hash").Immutable().Comment("SHA-256 over previous and everything above"),
	}
}

// Indexes of the entity.
func (AuditEntry) Indexes() []ent.Index {
	return []ent.Index{index.Fields("actor"), index.Fields("service"), index.Fields("action")}
}
