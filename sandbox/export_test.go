package sandbox

// WithoutNamespaces has Run do as on a machine that gives none, and returns what
// undoes it.
func WithoutNamespaces() (undo func()) {
	before := namespaces
	namespaces = func() bool { return false }
	return func() { namespaces = before }
}
