package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// Event is something that happened. Rows are only ever added.
type Event struct{ ent.Schema }

// Mixin of the entity.
func (Event) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}} }

// Fields of the entity.
func (Event) Fields() []ent.Field {
	return []ent.Field{
		field.Time("at").Default(now).Immutable(),
		field.String("kind").Immutable().Comment("noun.verb, such as service.registered"),
		field.String("actor").Immutable(),
		field.String("service").Default("").Immutable(),
		field.String("environment").Default("").Immutable(),
		field.Int("promotion_id").Optional().Nillable().Immutable(),
		field.JSON("data", map[string]string{}).Optional().Immutable(),
	}
}

// Indexes of the entity. By kind and time the changes of config are found that don't
// run yet.
func (Event) Indexes() []ent.Index {
	return []ent.Index{index.Fields("promotion_id"), index.Fields("service"), index.Fields("kind", "at")}
}
