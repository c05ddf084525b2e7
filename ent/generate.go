// Package ent is the store's generated code; its source is ent/schema.
package ent

//go:generate go tool ent generate --feature sql/upsert,sql/versioned-migration,privacy ./schema
