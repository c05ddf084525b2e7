// Package client speaks to Slipway's REST API. client.gen.go is generated from
// the contract; events.go follows a promotion live.
package client
