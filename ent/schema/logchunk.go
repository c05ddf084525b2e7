package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// LogChunk is some lines of a step's output, in order by id within a step.
type LogChunk struct{ ent.Schema }

// Mixin of the entity.
func (LogChunk) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}} }

// Fields of the entity.
func (LogChunk) Fields() []ent.Field {
	return []ent.Field{
		field.Int("promotion_id").Immutable(),
		field.String("step").Immutable(),
		field.Int("attempt").Immutable(),
		field.Int("seq").Immutable(),
		field.Text("text").Immutable(),
		field.Time("at").Default(now).Immutable(),
	}
}

// Indexes of the entity. The unique one drops a chunk that is written twice.
func (LogChunk) Indexes() []ent.Index {
	return []ent.Index{index.Fields("promotion_id", "step", "attempt", "seq").Unique()}
}
