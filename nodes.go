package slipway

import "time"

// NodeStatus is what a node says of itself and of its machine.
type NodeStatus struct {
	ID      string    `json:"id"`
	PID     int       `json:"pid"`
	Edge    string    `json:"edge"` // the address that its services answer at
	Started time.Time `json:"started"`

	Services  int `json:"services"`  // that have something live, by environment
	Instances int `json:"instances"` // of what is live
	Unhealthy int `json:"unhealthy"` // of these

	CPUs       int     `json:"cpus"`
	Load       float64 `json:"load"` // of the last minute; as many as CPUs keep all of them busy
	Memory     int64   `json:"memory"`
	MemoryFree int64   `json:"memory_free"` // that programs could have
	Disk       int64   `json:"disk"`        // of the data directory
	DiskFree   int64   `json:"disk_free"`

	// Confinement says what holds services to what is theirs, in words.
	Confinement string `json:"confinement,omitempty"`
	// Weak lists what doesn't hold them that should, each with its remedy.
	Weak []string `json:"weak,omitempty"`
}
