package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/slipway-dev/slipway"
)

// Webhook is an address that is told what happens.
type Webhook struct{ ent.Schema }

// Mixin of the entity.
func (Webhook) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}, Stamps{}, Revised{}} }

// Fields of the entity.
func (Webhook) Fields() []ent.Field {
	return []ent.Field{
		field.Int("team_id").Immutable().Comment("whose services it hears of"),
		field.String("url").MaxLen(2000),
		field.JSON("events", []string{}).Comment("kinds, or the beginning of kinds with *; empty for all"),
		field.String("secret").Immutable().Comment("reference of the key that signs, never its value"),
		field.Bool("active").Default(true),
	}
}

// Edges of the entity.
func (Webhook) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("team", Team.Type).Ref("webhooks").Field("team_id").Required().Unique().Immutable(),
		edge.To("deliveries", Delivery.Type),
	}
}

// Indexes of the entity.
func (Webhook) Indexes() []ent.Index { return []ent.Index{index.Fields("team_id")} }

// Delivery is one message to a webhook, with how it went.
type Delivery struct{ ent.Schema }

// Mixin of the entity.
func (Delivery) Mixin() []ent.Mixin { return []ent.Mixin{Guarded{}, Stamps{}} }

// Fields of the entity.
func (Delivery) Fields() []ent.Field {
	return []ent.Field{
		field.Int("webhook_id").Immutable(),
		field.String("kind").Immutable(),
		field.Bytes("body").Immutable().Comment("as it is sent, and signed, at every attempt"),
		field.Enum("state").Values(values(slipway.DeliveryStates)...).Default(string(slipway.DeliveryPending)),
		field.Int("attempts").Default(0),
		field.Int("status").Default(0).Comment("of the last answer; 0 for none"),
		field.String("reason").Default("").Comment("why the last attempt failed"),
		field.Time("sent_at").Optional().Nillable().Comment("of the last attempt"),
		field.Int("replay_of").Default(0).Immutable(),
	}
}

// Edges of the entity.
func (Delivery) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("webhook", Webhook.Type).Ref("deliveries").Field("webhook_id").Required().Unique().Immutable(),
	}
}

// Indexes of the entity.
func (Delivery) Indexes() []ent.Index {
	return []ent.Index{index.Fields("webhook_id", "id"), index.Fields("created_at")}
}
