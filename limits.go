package slipway

// Limits bound what the edge does with the requests to a service: how long they may be
// and take, and how much of them is kept. What nobody states is nil, and holds as
// LimitKinds says. They stand in a release's manifest, so they come and go with it.
type Limits struct {
	AnswerSeconds      *int `yaml:"answer_seconds" json:"answer_seconds,omitempty"`
	HeaderKilobytes    *int `yaml:"header_kilobytes" json:"header_kilobytes,omitempty"`
	BodyMegabytes      *int `yaml:"body_megabytes" json:"body_megabytes,omitempty"`
	BodyIdleSeconds    *int `yaml:"body_idle_seconds" json:"body_idle_seconds,omitempty"`
	BodyGraceSeconds   *int `yaml:"body_grace_seconds" json:"body_grace_seconds,omitempty"`
	BodyBytesPerSecond *int `yaml:"body_bytes_per_second" json:"body_bytes_per_second,omitempty"`
	AnswerIdleSeconds  *int `yaml:"answer_idle_seconds" json:"answer_idle_seconds,omitempty"`
	MemoryMegabytes    *int `yaml:"memory_megabytes" json:"memory_megabytes,omitempty"`
	DiskMegabytes      *int `yaml:"disk_megabytes" json:"disk_megabytes,omitempty"`
	WaitingRequests    *int `yaml:"waiting_requests" json:"waiting_requests,omitempty"`
	WaitingSeconds     *int `yaml:"waiting_seconds" json:"waiting_seconds,omitempty"`
}

// LimitKind is one of the limits.
type LimitKind struct {
	Key         string              // in slipway.yaml, below limits
	Default     int                 // where nobody states it
	Least, Most int                 // that may be stated
	Of          func(*Limits) **int // where what is stated of it stands; nil there for nothing
}

// LimitKinds are all of them: docs/servers.md has the same table.
var LimitKinds = []LimitKind{
	{"answer_seconds", AnswerSeconds, 0, 3600, func(l *Limits) **int { return &l.AnswerSeconds }},
	{"header_kilobytes", 64, 1, 128, func(l *Limits) **int { return &l.HeaderKilobytes }},
	{"body_megabytes", 0, 0, 1 << 20, func(l *Limits) **int { return &l.BodyMegabytes }},
	{"body_idle_seconds", 60, 1, 3600, func(l *Limits) **int { return &l.BodyIdleSeconds }},
	{"body_grace_seconds", 20, 0, 3600, func(l *Limits) **int { return &l.BodyGraceSeconds }},
	{"body_bytes_per_second", 500, 0, 1 << 20, func(l *Limits) **int { return &l.BodyBytesPerSecond }},
	{"answer_idle_seconds", 60, 1, 3600, func(l *Limits) **int { return &l.AnswerIdleSeconds }},
	{"memory_megabytes", 64, 1, 1024, func(l *Limits) **int { return &l.MemoryMegabytes }},
	{"disk_megabytes", 1024, 0, 1 << 16, func(l *Limits) **int { return &l.DiskMegabytes }},
	{"waiting_requests", 1000, 1, 10_000, func(l *Limits) **int { return &l.WaitingRequests }},
	{"waiting_seconds", 30, 1, 300, func(l *Limits) **int { return &l.WaitingSeconds }},
}

// Limit is what holds of a kind: as it is stated, brought within its bounds, or as
// nobody states it.
func (l Limits) Limit(key string) (value int, isStated bool) {
	for _, kind := range LimitKinds {
		if kind.Key != key {
			continue
		}
		if stated := *kind.Of(&l); stated != nil {
			return min(max(*stated, kind.Least), kind.Most), true
		}
		return kind.Default, false
	}
	panic("there is no limit " + key)
}

// Over returns the limits with others laid over them.
func (l Limits) Over(n Limits) Limits {
	for _, kind := range LimitKinds {
		prefer(kind.Of(&l), *kind.Of(&n))
	}
	return l
}

// LimitsIn are those of the release in an environment. One that was built before there
// was a limit to answers goes on without it.
func (m Manifest) LimitsIn(environment string) Limits {
	l := Limits{AnswerSeconds: &m.AnswerSeconds}
	if m.Limits != nil {
		l = l.Over(*m.Limits)
	}
	return l.Over(m.LimitsByEnvironment[environment])
}
