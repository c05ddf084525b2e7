package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
)

// Preference is a setting of the platform as a whole.
type Preference struct{ ent.Schema }

// Mixin of the entity.
func (Preference) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}, Stamps{}} }

// Fields of the entity.
func (Preference) Fields() []ent.Field {
	return []ent.Field{
		field.String("key").Unique().Immutable(),
		field.String("value"),
	}
}
