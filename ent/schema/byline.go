package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// Byline is a name or an address that an account has or had, by which commits
// are known as its own. Rows are only ever added: whoever changes his address
// has written the same commits.
type Byline struct{ ent.Schema }

// Mixin of the entity.
func (Byline) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}, Stamps{}} }

// Fields of the entity.
func (Byline) Fields() []ent.Field {
	return []ent.Field{
		field.Int("account_id").Immutable(),
		field.Enum("kind").Values("name", "address").Immutable(),
		field.String("text").NotEmpty().Immutable().MaxLen(200).Comment("an address in lower case"),
	}
}

// Edges of the entity.
func (Byline) Edges() []ent.Edge {
	return []ent.Edge{edge.From("account", Account.Type).Ref("bylines").Field("account_id").Required().Unique().Immutable()}
}

// Indexes of the entity.
func (Byline) Indexes() []ent.Index {
	return []ent.Index{index.Fields("account_id", "kind", "text").Unique(), index.Fields("text")}
}
