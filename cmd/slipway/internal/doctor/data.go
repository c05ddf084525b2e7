package doctor

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sys/unix"

	_ "modernc.org/sqlite" // the driver of the database

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/adapters/target"
	"github.com/slipway-dev/slipway/artifact"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
	"github.com/slipway-dev/slipway/ent/migrate"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/socket"
)

// directory looks at who may do what in the data directory.
func (d *doctor) directory() {
	info, err := os.Stat(d.Data)
	if errors.Is(err, fs.ErrNotExist) {
		parent := existing(d.Data)
		if unix.Access(parent, unix.W_OK|unix.X_OK) != nil {
			d.say("data", fail, d.Data+" isn't there, and can't be made in "+parent, "name another directory with --data, or make it and give it to this user")
			return
		}
		d.say("data", ok, d.Data+" isn't there yet; slipway up makes it", "")
		return
	}
	if err != nil || !info.IsDir() {
		d.say("data", fail, d.Data+" can't be looked into, or is a file", "name another directory with --data")
		return
	}
	owner, mode := info.Sys().(*syscall.Stat_t), info.Mode().Perm()
	var system unix.Statfs_t
	_ = unix.Statfs(d.Data, &system)
	switch {
	case unix.Access(d.Data, unix.R_OK|unix.W_OK|unix.X_OK) != nil:
		d.say("data", fail, fmt.Sprintf("%s can't be written by this user (it is user %d's, %s)", d.Data, owner.Uid, mode), "run slipway as its owner, or name another directory with --data")
	case system.Flags&unix.ST_NOEXEC != 0:
		d.say("data", fail, d.Data+" lies where no program can be started (noexec)", "name a directory elsewhere with --data: services run from there")
	case system.Type == unix.NFS_SUPER_MAGIC || system.Type == unix.SMB_SUPER_MAGIC || system.Type == unix.SMB2_SUPER_MAGIC || system.Type == unix.CIFS_SUPER_MAGIC:
		d.say("data", fail, d.Data+" is on a network file system, where SQLite loses data", "name a directory on a disk of this machine with --data")
	case int(owner.Uid) != os.Geteuid():
		d.say("data", warn, fmt.Sprintf("%s is user %d's, and this is user %d", d.Data, owner.Uid, os.Geteuid()), "run slipway as its owner: files made by another can't be read by it later")
	case mode&0o077 != 0 && holdsPlatform(d.Data):
		d.say("data", warn, fmt.Sprintf("%s can be looked into by others (%s)", d.Data, mode), "chmod 700 "+d.Data)
	default:
		d.say("data", ok, d.Data, "")
	}
}

func holdsPlatform(data string) bool {
	for _, name := range []string{"slipway.db", "temporal.db"} { // rows may be kept elsewhere
		if _, err := os.Stat(filepath.Join(data, name)); err == nil {
			return true
		}
	}
	return false
}

// existing is the nearest directory above that is there.
func existing(path string) string {
	for {
		if _, err := os.Stat(path); err == nil || path == "/" || path == "." {
			return path
		}
		path = filepath.Dir(path)
	}
}

func (d *doctor) disk() {
	var system unix.Statfs_t
	at := existing(d.Data)
	if err := unix.Statfs(at, &system); err != nil {
		d.say("disk", warn, at+" doesn't say how much room it has", "see to it that 5 GiB are free")
		return
	}
	free := system.Bavail * uint64(system.Bsize) // #nosec G115 -- a block's size is positive
	state, found := ok, size(free)+" free at "+at
	switch {
	case free < 1<<30:
		state = fail
	case free < 5<<30:
		state = warn
	case system.Files > 0 && system.Ffree < 50_000:
		state, found = warn, fmt.Sprintf("room for only %d more files at %s", system.Ffree, at)
	}
	d.say("disk", state, found, "a virtual environment takes 100 to 500 MiB and thousands of files; make room, or name another disk with --data")
}

// keys looks for files that hold secrets and can be read by others.
func (d *doctor) keys() {
	var open []string
	look := func(path string) {
		if info, err := os.Lstat(path); err == nil && !info.IsDir() && info.Mode()&fs.ModeSymlink == 0 && info.Mode().Perm()&0o077 != 0 {
			open = append(open, path)
		}
	}
	seen := 0
	for _, dir := range []string{"secrets", "acme"} {
		_ = filepath.WalkDir(filepath.Join(d.Data, dir), func(path string, e fs.DirEntry, err error) error {
			if err == nil && !e.IsDir() {
				seen++
				look(path)
			}
			return nil
		})
	}
	for _, path := range []string{
		filepath.Join(d.Data, "slipway.db"), filepath.Join(d.Data, "temporal.db"), filepath.Join(d.Data, cli.OperatorSocket),
		filepath.Join(d.Data, socket.KeyFile(cli.OperatorSocket)),
		filepath.Join(d.Data, "node", "node.sock"), filepath.Join(d.Data, "node", socket.KeyFile("node.sock")), d.ProfileFile(), d.Env("SLIPWAY_TLS_KEY"),
	} {
		if _, err := os.Lstat(path); path != "" && err == nil {
			seen++
			look(path)
		}
	}
	if len(open) > 0 {
		d.say("key files", fail, "others can read "+listed(open), "chmod 600 "+strings.Join(open, " ")+"; if others have accounts here, replace what is in them")
		return
	}
	d.say("key files", ok, cli.Counted(seen, "file")+" with secrets, none that others can read", "")
}

// database reads the schema's version; it doesn't touch anything.
func (d *doctor) database(ctx context.Context) {
	if at := d.Env("SLIPWAY_DATABASE"); at != "" {
		d.elsewhere(ctx, at)
		return
	}
	file := filepath.Join(d.Data, "slipway.db")
	if _, err := os.Stat(file); err != nil {
		d.say("database", ok, "not there yet; slipway up makes it", "")
		return
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: file}).EscapedPath()+"?mode=ro&_pragma=busy_timeout(2000)")
	if err != nil {
		d.say("database", fail, "it can't be opened: "+err.Error(), "restore "+file+" from a backup")
		return
	}
	defer db.Close()
	version, err := versionOf(ctx, db)
	if err != nil {
		d.say("database", fail, file+" can't be read: "+err.Error(), "check who may read it; if it is damaged, restore it from a backup while the platform is down")
		return
	}
	if d.schema(version, "sqlite3", file) {
		d.trusts(ctx, db)
	}
}

// elsewhere looks at a database that SLIPWAY_DATABASE names.
func (d *doctor) elsewhere(ctx context.Context, at string) {
	if !strings.HasPrefix(at, "postgres://") && !strings.HasPrefix(at, "postgresql://") {
		d.say("database", ok, "kept elsewhere, as SLIPWAY_DATABASE says; not looked at", "")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	db, err := sql.Open("pgx", at)
	if err != nil {
		d.say("database", fail, "SLIPWAY_DATABASE is no address of a database", "write it as postgres://USER:PASSWORD@HOST/NAME")
		return
	}
	defer db.Close()
	version, err := versionOf(ctx, db)
	var answered *pgconn.PgError
	switch {
	case errors.As(err, new(*pgconn.ParseConfigError)): // which may quote the password
		d.say("database", fail, "SLIPWAY_DATABASE is no address of a database", "write it as postgres://USER:PASSWORD@HOST/NAME")
	case errors.As(err, &answered) && answered.Code == "42P01": // there is no such table
		d.say("database", ok, "the one that SLIPWAY_DATABASE names has no tables yet; slipway up makes them", "")
	case err != nil:
		d.say("database", fail, "the one that SLIPWAY_DATABASE names can't be read: "+err.Error(), "see whether it runs, and who may read it")
	case d.schema(version, "postgres", "the database"):
		d.trusts(ctx, db)
	}
}

func versionOf(ctx context.Context, db *sql.DB) (version int, err error) {
	err = db.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM schema_versions`).Scan(&version)
	return version, err
}

// schema compares a schema's version with what this slipway knows; it tells whether they are
// the same.
func (d *doctor) schema(version int, dialect, what string) bool {
	known, _ := fs.Glob(migrate.Versions, "migrations/"+dialect+"/*.sql")
	switch {
	case version > len(known):
		d.say("database", fail, fmt.Sprintf("a newer slipway has changed it (version %d; this one knows %d)", version, len(known)), "use the newer slipway; there is no way back but a backup")
	case version < len(known):
		d.say("database", warn, fmt.Sprintf("version %d of %d", version, len(known)), "the next slipway up brings it up to date; keep a copy of "+what+" if you may want to go back")
	default:
		d.say("database", ok, fmt.Sprintf("version %d, the newest that this slipway knows", version), "")
	}
	return version == len(known)
}

// trusts looks for trusts in CI jobs that are from before their subjects were held
// to an owner. They are not used any more.
func (d *doctor) trusts(ctx context.Context, db *sql.DB) {
	rows, err := db.QueryContext(ctx, `SELECT s.name, t.name, t.issuer, t.subject FROM trusts t JOIN services s ON s.id = t.service_id ORDER BY s.name, t.name`)
	if err != nil {
		d.say("CI trusts", warn, "they can't be read: "+err.Error(), "look again when the platform is down")
		return
	}
	defer func() { _ = rows.Close() }()
	var open, anew []string
	seen := 0
	for rows.Next() {
		var service, name, issuer, subject string
		if err := rows.Scan(&service, &name, &issuer, &subject); err != nil {
			d.say("CI trusts", warn, "they can't be read: "+err.Error(), "look again when the platform is down")
			return
		}
		seen++
		if why := identity.Ownerless(issuer, subject); why != "" {
			open = append(open, service+": "+name+" ("+subject+"; "+why+")")
			anew = append(anew, "slipway trust rm "+service+" "+name)
		}
	}
	switch {
	case rows.Err() != nil:
		d.say("CI trusts", warn, "they can't be read: "+rows.Err().Error(), "look again when the platform is down")
	case len(open) > 0:
		d.say("CI trusts", warn, "refused, as anybody's jobs would fit: "+strings.Join(open, ", "), strings.Join(anew, "; ")+"; then add them anew with subjects that say whose jobs are meant: slipway trust add")
	case seen > 0:
		d.say("CI trusts", ok, cli.Counted(seen, "trust")+", each held to an owner or to an issuer of its own", "")
	}
}

// running looks at the platform and the node agent of the data directory, at
// the ports that they have or will want, and at processes that nobody minds.
func (d *doctor) running() {
	r, err := cli.ReadRunning(d.Data)
	known := err == nil
	up := locked(d.Data)
	switch {
	case up && known:
		d.say("platform", ok, fmt.Sprintf("process %d at %s", r.PID, r.Address()), "")
	case up:
		d.say("platform", warn, "a platform is just starting or stopping here", "look again in a moment")
	case known:
		d.say("platform", warn, fmt.Sprintf("process %d has ended without saying so", r.PID), "start it again, it goes on where it was: slipway up --data "+d.Data)
	default:
		d.say("platform", warn, "none runs on "+d.Data, "slipway up --data "+d.Data)
	}
	var agent slipway.NodeStatus
	d.within(func(ctx context.Context) { agent, err = target.Process(d.Data).Status(ctx) })
	alive := err == nil
	switch {
	case alive:
		d.say("node", ok, fmt.Sprintf("process %d, services answer at %s", agent.PID, agent.Edge), "")
	case up:
		d.say("node", fail, "the node agent doesn't answer, though the platform runs", "the platform starts it again within seconds; if not, the reason is at the end of "+cli.AgentLog(d.Data))
	default:
		d.say("node", ok, "no node agent runs; slipway up starts one", "")
	}
	if alive && agent.Confinement != "" {
		state := ok
		if len(agent.Weak) > 0 {
			state = warn
		}
		d.say("services", state, "held by: "+agent.Confinement, strings.Join(agent.Weak, "; "))
	}
	d.artifacts()
	ours, edge := "", ""
	if up && known {
		ours = r.Listen
	}
	if alive {
		edge = agent.Edge
	}
	d.port("port", "--listen", d.listen, ours)
	d.port("edge port", "--edge", d.edge, edge)
	d.lingering(alive)
}

// artifacts compares what the node has deployed with what was built.
func (d *doctor) artifacts() {
	files, _ := filepath.Glob(filepath.Join(d.Data, "node", "state", "*.json"))
	seen := map[slipway.Digest]bool{}
	var differ []string
	for _, file := range files {
		var state struct {
			Deployments map[string]struct {
				Service, Environment string
				Artifact             slipway.Digest
			}
		}
		text, err := os.ReadFile(file)
		if err != nil || json.Unmarshal(text, &state) != nil {
			continue // the agent says so when it starts
		}
		for _, of := range state.Deployments {
			if seen[of.Artifact] || of.Artifact == "" {
				continue
			}
			seen[of.Artifact] = true
			if err := artifact.Verify(d.Context, d.Data, of.Artifact); err != nil {
				differ = append(differ, of.Service+" in "+of.Environment+": "+err.Error())
			}
		}
	}
	switch {
	case len(differ) > 0:
		d.say("artifacts", fail, strings.Join(differ, "; "), "promote the commit again, which builds what is missing, and find out who changed it")
	case len(seen) > 0:
		d.say("artifacts", ok, cli.Counted(len(seen), "release")+" deployed here, as built", "")
	}
}

// locked tells whether a platform holds the data directory.
func locked(data string) bool {
	f, err := os.Open(filepath.Join(data, "up.lock"))
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}

// lingering finds node agents whose data directory is gone, and services whose
// node agent is.
func (d *doctor) lingering(alive bool) {
	id := ""
	if text, err := os.ReadFile(filepath.Join(d.Data, "node", "id")); err == nil {
		_ = json.Unmarshal(text, &id)
	}
	var dead, orphans []string
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range all {
		pid := filepath.Base(dir)
		if pid == strconv.Itoa(os.Getpid()) {
			continue
		}
		cmdline, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		args := strings.Split(string(cmdline), "\x00")
		for i, arg := range args {
			if arg == "--data" && i > 0 && i+1 < len(args) && args[1] == "node" && gone(args[i+1]) {
				dead = append(dead, pid)
			}
		}
		environ, _ := os.ReadFile(filepath.Join(dir, "environ"))
		node, data := "", ""
		for pair := range strings.SplitSeq(string(environ), "\x00") {
			switch name, value, _ := strings.Cut(pair, "="); name {
			case "SLIPWAY_NODE":
				node = value
			case "SLIPWAY_DATA":
				data = value
			}
		}
		switch {
		case node == "":
		case data != "" && gone(data):
			dead = append(dead, pid)
		case node == id && !alive:
			orphans = append(orphans, pid)
		}
	}
	switch {
	case len(dead) > 0:
		d.say("processes", warn, "left over from a data directory that is gone: "+listed(dead), "look at them, then end them: kill "+strings.Join(dead, " "))
	case len(orphans) > 0:
		d.say("processes", warn, "services that run without their node agent: "+listed(orphans), "slipway up --data "+d.Data+" takes care of them again; then slipway down ends them")
	default:
		d.say("processes", ok, "none is left over", "")
	}
}

func gone(dir string) bool {
	_, err := os.Stat(dir) // #nosec G703 -- only whether it is there; the name is of this user's own process
	return errors.Is(err, fs.ErrNotExist)
}
