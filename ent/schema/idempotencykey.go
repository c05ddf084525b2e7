package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// IdempotencyKey remembers the answer to a creating call, so that the same call
// made again gets the same answer and does nothing.
type IdempotencyKey struct{ ent.Schema }

// Mixin of the entity.
func (IdempotencyKey) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}, Stamps{}} }

// Fields of the entity.
func (IdempotencyKey) Fields() []ent.Field {
	return []ent.Field{
		field.String("account").Immutable().Comment("keys of different accounts don't meet"),
		field.String("key").Immutable().MaxLen(200),
		field.String("request").Immutable().Comment("SHA-256 of method, path and body"),
		field.Int("status").Default(0).Comment("of the answer; 0 while the first call is under way"),
		field.String("location").Default(""),
		field.Bytes("body").Optional().Sensitive(),
	}
}

// Indexes of the entity.
func (IdempotencyKey) Indexes() []ent.Index {
	return []ent.Index{index.Fields("account", "key").Unique(), index.Fields("created_at")}
}
