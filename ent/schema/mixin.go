// Package schema describes what is stored: one file per noun.
package schema

import (
	"time"

	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/mixin"
)

// Stamps adds when a row was made and last changed.
type Stamps struct{ mixin.Schema }

// Fields of the mixin.
func (Stamps) Fields() []ent.Field {
	return []ent.Field{
		field.Time("created_at").Default(now).Immutable(),
		field.Time("updated_at").Default(now).UpdateDefault(now),
	}
}

// now is in UTC, so that both databases give back what was put in.
func now() time.Time { return time.Now().UTC() }
