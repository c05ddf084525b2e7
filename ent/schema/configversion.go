package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// ConfigVersion is what a setting was from one change to the next, so that it can
// be had back. Secrets are references; their values stay with the store of secrets.
type ConfigVersion struct{ ent.Schema }

// Mixin of the entity.
func (ConfigVersion) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}} }

// Fields of the entity.
func (ConfigVersion) Fields() []ent.Field {
	return []ent.Field{
		field.Int("service_id").Optional().Nillable().Immutable(),
		field.Int("environment_id").Optional().Nillable().Immutable(),
		field.String("scope").Immutable().Comment("as a setting's"),
		field.String("key").Immutable().MaxLen(200),
		field.Int("number").Immutable().Positive().Comment("counts the changes of a key in its scope, from 1"),
		field.Text("value").Default("").Immutable().Comment("as a setting's: a secret's fingerprint"),
		field.String("secret").Default("").Immutable().Comment("reference of a secret"),
		field.Bool("unset").Default(false).Immutable().Comment("the key was taken away"),
		field.String("author").Default("").Immutable().Comment("who made it so; empty for what was set before versions were kept"),
		field.Time("created_at").Default(now).Immutable(),
	}
}

// Indexes of the entity.
func (ConfigVersion) Indexes() []ent.Index {
	return []ent.Index{index.Fields("scope", "key", "number").Unique(), index.Fields("service_id"), index.Fields("environment_id")}
}
