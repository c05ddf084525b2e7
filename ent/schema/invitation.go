package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"

	"github.com/slipway-dev/slipway"
)

// Invitation lets somebody make an account, once: the first admin at the first
// start, or a new member of a team.
type Invitation struct{ ent.Schema }

// Mixin of the entity.
func (Invitation) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}, Stamps{}} }

// Fields of the entity.
func (Invitation) Fields() []ent.Field {
	return []ent.Field{
		field.String("hash").Unique().Immutable().Sensitive().Comment("SHA-256 of the link's token"),
		field.Bool("admin").Default(false).Immutable().Comment("of the platform"),
		field.Int("team_id").Optional().Nillable().Immutable(),
		field.Enum("role").Values(values(slipway.Roles)...).Optional().Nillable().Immutable(),
		field.String("invited_by").Immutable(),
		field.Time("expires_at").Immutable(),
		field.Time("used_at").Optional().Nillable(),
		field.String("used_by").Default(""),
	}
}
