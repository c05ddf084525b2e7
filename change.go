package slipway

// MigrationClass says how safe a migration of a database schema is while the
// release before it still runs, and after going back to it. It is advice, read
// from the source.
type MigrationClass string

const (
	MigrationAdditive    MigrationClass = "additive"    // the release before runs on the new schema
	MigrationDestructive MigrationClass = "destructive" // it doesn't, or data is lost
	MigrationUnknown     MigrationClass = "unknown"     // it can't be told from the source
)

// Migration is one migration that a release carries.
type Migration struct {
	ID       string         `json:"id"` // shop.0004_invoice, or an Alembic revision
	File     string         `json:"file"`
	Class    MigrationClass `json:"class"`
	Reason   string         `json:"reason,omitempty"` // what makes it destructive or unknown
	Line     int            `json:"line,omitempty"`   // of Reason
	Replaces []string       `json:"replaces,omitempty"`
}

// Migrations are those that a release carries. Tool is empty when no tool that
// can be read is used, or nothing was read.
type Migrations struct {
	Tool  string      `json:"tool,omitempty"` // django or alembic
	Heads []string    `json:"heads,omitempty"`
	List  []Migration `json:"list,omitempty"`
}

// Beyond returns the migrations that older lacks, in order. A squashed one whose
// parts are all there is there.
func (m Migrations) Beyond(older Migrations) []Migration {
	there := map[string]bool{}
	for _, o := range older.List {
		there[o.ID] = true
		for _, r := range o.Replaces {
			there[r] = true
		}
	}
	var out []Migration
	for _, n := range m.List {
		known := there[n.ID]
		if !known && len(n.Replaces) > 0 {
			known = true
			for _, r := range n.Replaces {
				known = known && there[r]
			}
		}
		if !known {
			out = append(out, n)
		}
	}
	return out
}

// DependencyChange is one distribution that differs; a version is empty where
// it isn't there.
type DependencyChange struct {
	Name   string `json:"name"`
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
	Direct bool   `json:"direct"` // asked for by the project itself
	Major  bool   `json:"major"`  // its first release number differs
}

// ConfigChange is one key, or one rendered file, that differs. Of a secret it
// holds fingerprints, never a value.
type ConfigChange struct {
	Key    string `json:"key"`
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
	Secret bool   `json:"secret,omitempty"`
	File   bool   `json:"file,omitempty"` // From and To are its text
	Added  bool   `json:"added,omitempty"`
	Gone   bool   `json:"gone,omitempty"`
	// Loads is what it does to the code that programs run, see LoadsCode.
	Loads string `json:"loads,omitempty"`
}

// CommitLog is what lies between two commits, the newest first.
type CommitLog struct {
	Commits []Commit `json:"commits"`
	More    bool     `json:"more,omitempty"`    // there are more than were asked for
	Rewound bool     `json:"rewound,omitempty"` // the older one is not in the history of the newer one
}

// RiskNote is something worth knowing, with what it rests on.
type RiskNote struct {
	Level    string `json:"level"` // ok, wait (look at it), bad
	Text     string `json:"text"`
	Evidence string `json:"evidence,omitempty"`
}

// WayBack is whether and how a rollback would go after a promotion.
type WayBack struct {
	Ready   bool `json:"ready"`
	Release int  `json:"release,omitempty"` // to which
	// Deployment is the promotion whose deployment it would be: that release, with the
	// config that it had then.
	Deployment string         `json:"deployment,omitempty"`
	Warm       bool           `json:"warm"`   // it is kept running
	Schema     MigrationClass `json:"schema"` // of what would stay in the database
	Reason     string         `json:"reason"` // one sentence
	// Ahead is a newer release that was gone back from here, 0 for none: it can be
	// promoted again, as a promotion and not as a rollback.
	Ahead int `json:"ahead,omitempty"`
}

// Change is what differs between what runs in an environment and what a
// promotion would run there. It is shown with the plan, the same everywhere.
type Change struct {
	From         int                `json:"from_release,omitempty"` // 0: nothing runs
	To           int                `json:"to_release,omitempty"`   // 0: to be built
	Commits      CommitLog          `json:"commits"`
	CommitsWhy   string             `json:"commits_unknown,omitempty"` // why they can't be told
	Python       [2]string          `json:"python"`                    // from, to
	Dependencies []DependencyChange `json:"dependencies"`
	Unchanged    int                `json:"dependencies_unchanged"`
	Config       []ConfigChange     `json:"config"`
	Migrations   []Migration        `json:"migrations"`
	Tests        [2]*TestReport     `json:"tests"` // before, now
	Back         WayBack            `json:"way_back"`
	Notes        []RiskNote         `json:"notes"`
}
