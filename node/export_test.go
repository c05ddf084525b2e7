package node

import "time"

// Patience is how long requests wait at most for an instance to take them, and while one
// release makes room for another.
func (n *Node) Patience(taken, held time.Duration) { n.edge.Patience, n.edge.Hold = taken, held }

// Drain is how long a deployment without traffic may take for what it has.
func (n *Node) Drain(d time.Duration) { n.edge.DrainWithin = d }
