package node

import "time"

// Patience is how long requests wait at most for an instance to take them, and while one
// release makes room for another.
func (n *Node) Patience(taken, held time.Duration) { n.edge.patience, n.edge.hold = taken, held }
