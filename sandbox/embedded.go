//go:build embedholder

package sandbox

import _ "embed"

// The Makefile builds it, from these very sources, right before it builds with the tag.
//
//go:embed slipway-holder
var embedded []byte
