package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// DeviceLogin is a command line that waits until somebody says in a browser
// that it is theirs (RFC 8628). It is good once and for minutes.
type DeviceLogin struct{ ent.Schema }

// Mixin of the entity.
func (DeviceLogin) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}, Stamps{}} }

// Fields of the entity.
func (DeviceLogin) Fields() []ent.Field {
	return []ent.Field{
		field.String("device").Unique().Immutable().Sensitive().Comment("SHA-256 of the code that the command holds"),
		field.String("code").Unique().Immutable().Sensitive().Comment("what a person compares and confirms"),
		field.String("agent").Immutable().Comment("which program asks"),
		field.String("address").Immutable().Comment("where from"),
		field.Int("account_id").Default(0).Comment("who said yes; 0 for nobody yet"),
		field.String("factor").Default("").Comment("the second one of the session that let it in"),
		field.String("proved_with").Default("").Comment("with what the one who confirmed it had just proved himself"),
		field.Bool("refused").Default(false),
		field.Time("polled_at").Optional().Nillable(),
		field.Time("expires_at").Immutable(),
	}
}

// Indexes of the entity.
func (DeviceLogin) Indexes() []ent.Index { return []ent.Index{index.Fields("expires_at")} }
