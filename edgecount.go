package slipway

// EdgeCause is why an edge answered a request by itself, or did not bring an answer to
// its end.
type EdgeCause string

const (
	EdgeUnknown    EdgeCause = "unknown"    // no service has this name, or it takes no requests
	EdgeClosed     EdgeCause = "closed"     // the service has no release running
	EdgeUnreached  EdgeCause = "unreached"  // no instance took it, for as long as it could wait
	EdgeUnfinished EdgeCause = "unfinished" // an instance took it, and did not answer
	EdgeLate       EdgeCause = "late"       // an instance took it, and did not begin an answer in time
	EdgeCut        EdgeCause = "cut"        // an instance broke its answer off
	EdgeBroken     EdgeCause = "broken"     // the client broke its body off, or wrote it wrongly
	EdgeSlow       EdgeCause = "slow"       // the client sent its body too slowly
	EdgeLarge      EdgeCause = "large"      // the client sent a body that is longer than the service takes
	EdgeHeaders    EdgeCause = "headers"    // the client sent more headers than the service takes
	EdgeUnread     EdgeCause = "unread"     // the client took too little of its answer
)

// EdgeCount is how many requests to a service in an environment an edge has answered by
// itself, or not to the end, since the node agent's start. Both names are "" where nobody
// has the name that was asked for. Status is 0 where an instance had begun an answer.
type EdgeCount struct {
	Service     string    `json:"service"`
	Environment string    `json:"environment"`
	Status      int       `json:"status"`
	Cause       EdgeCause `json:"cause"`
	Count       int64     `json:"count"`
}
