package sandbox

// WithoutNamespaces has Run and Start do as on a machine that gives none, and
// returns what undoes it.
func WithoutNamespaces() (undo func()) {
	before, mountsBefore := namespaces, mounts
	namespaces, mounts = func() bool { return false }, func() bool { return false }
	return func() { namespaces, mounts = before, mountsBefore }
}

// Mounts tells whether Start gives a command mounts of its own.
func Mounts() bool { return mounts() }
