//go:build long

package platform_test

// longHistories has more histories tried, and longer ones.
const longHistories = true
