// Package examples holds small Python services: what `slipway demo` deploys and
// the tests build.
package examples

import "embed"

// Files has one directory per service.
//
//go:embed all:catalog all:orders all:payments
var Files embed.FS
