//go:build !amd64 && !arm64

package sandbox

// The filter isn't written for other architectures; doctor says so.

func filter(bool) (bool, error) { return false, nil }

func filters() bool { return false }
