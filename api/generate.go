// Package api serves Slipway's REST API. openapi.yaml is the contract: the
// server's interface and the client are generated from it, and requests are
// validated against it before a handler sees them. Handlers are thin: they say
// in the API's words what package platform does, and have a package of their
// own, operations.
package api

//go:generate go tool oapi-codegen --config server.cfg.yaml openapi.yaml
//go:generate go tool oapi-codegen --config client.cfg.yaml openapi.yaml
