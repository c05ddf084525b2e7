package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// Throttle counts the wrong guesses of one kind, and says when the next is
// looked at. What it counts is told by a keyed hash alone: a name that nobody
// has is counted as one that somebody has, and is not kept.
type Throttle struct{ ent.Schema }

// Mixin of the entity.
func (Throttle) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}} }

// Fields of the entity.
func (Throttle) Fields() []ent.Field {
	return []ent.Field{
		field.String("key").Unique().Immutable().MaxLen(64).Comment("of whose guesses: a keyed hash"),
		field.Int("guesses").Default(0).Comment("counted before they are looked at, taken back when they were right"),
		field.Time("next_at").Comment("none is looked at before"),
		field.Time("expires_at").Comment("after that it is as if there had been none"),
	}
}

// Indexes of the entity.
func (Throttle) Indexes() []ent.Index { return []ent.Index{index.Fields("expires_at")} }
