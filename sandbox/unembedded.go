//go:build !embedholder

package sandbox

var embedded []byte
