package e2e

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // copies the database

	"github.com/slipway-dev/slipway/internal/postgrestest"
)

// backup copies the database of a site as it is now, and returns what puts it back
// while the platform is down.
func (s *site) backup() (restore func()) {
	s.t.Helper()
	if s.database != "" {
		copied := postgrestest.Backup(s.t, s.database)
		return func() { s.database = copied() }
	}
	file, copied := filepath.Join(s.data, "slipway.db"), filepath.Join(s.t.TempDir(), "backup.db")
	db, err := sql.Open("sqlite", file)
	if err == nil {
		_, err = db.ExecContext(s.t.Context(), "VACUUM INTO ?", copied)
	}
	if err == nil {
		err = db.Close()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return func() {
		for _, more := range []string{"-wal", "-shm"} {
			_ = os.Remove(file + more)
		}
		text, err := os.ReadFile(copied)
		if err == nil {
			err = os.WriteFile(file, text, 0o600)
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
}

// TestRestore restores an older database under services that run on: they are shown,
// nothing is started beside them, one is adopted and one ended, and then promotions go.
func TestRestore(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) { restoreAndGoOn(t, kind == "postgres") })
	}
}

func restoreAndGoOn(t *testing.T, postgres bool) {
	s := newSite(t)
	if postgres {
		s.database = postgrestest.URL(t)
	}
	s.start()
	repo := newRepository(t, plugApp("one"))
	serves := func(service, word string) {
		t.Helper()
		if _, body := s.get(service, "dev", "/"); body != word {
			t.Errorf("%s answers %q, not %s", service, body, word)
		}
	}
	s.must("service", "add", repo.url(), "--name", "shop")
	s.must("promote", "shop", "--follow")
	restore := s.backup()

	// Since the backup: another release, and another service.
	repo.commit("second", plugApp("two"))
	s.must("promote", "shop", "--follow")
	s.must("service", "add", repo.url(), "--name", "extra")
	s.must("promote", "extra", "--follow")
	s.kill()
	restore()
	s.start()

	var list struct {
		Items []struct {
			Service, Unfit    string
			Release, Recorded int
		}
	}
	s.decode(&list, "unrecorded", "ls")
	if len(list.Items) != 2 || list.Items[0].Service != "extra" || !strings.Contains(list.Items[0].Unfit, "register it first") ||
		list.Items[1].Service != "shop" || list.Items[1].Unfit != "" || list.Items[1].Release != 2 || list.Items[1].Recorded != 1 {
		t.Fatalf("%+v", list)
	}
	if r := s.run("doctor"); !strings.Contains(r.out, "shop runs in dev as release 2 and isn't on record") || !strings.Contains(r.out, "slipway unrecorded adopt shop --env dev") {
		t.Errorf("doctor says\n%s", r.out)
	}

	repo.commit("third", plugApp("three"))
	var p promotion
	s.decode(&p, "promote", "shop")
	s.reached("the promotion waits until somebody says what becomes of what runs", &p, func() bool { return p.State == "waiting" && strings.Contains(p.Reason, "isn't on record") })
	serves("shop", "two")
	s.must("unrecorded", "adopt", "shop", "--env", "dev", "--reason", "the backup is of before it")
	s.reached("the promotion goes on", &p, func() bool { return p.State == "succeeded" })
	serves("shop", "three")
	s.must("rollback", "shop", "--env", "dev", "-m", "a look at the way back", "--follow")
	serves("shop", "two")

	serves("extra", "two")
	s.must("unrecorded", "end", "extra", "--env", "dev", "--reason", "nobody needs it")
	if status, _ := s.get("extra", "dev", "/"); status != 503 {
		t.Errorf("what was ended answers %d", status)
	}
	s.must("service", "add", repo.url(), "--name", "extra")
	s.must("promote", "extra", "--follow")
	serves("extra", "three")
	if r := s.run("doctor"); !strings.Contains(r.out, "all that runs is on record") {
		t.Errorf("doctor says\n%s", r.out)
	}
	if s.decode(&list, "unrecorded", "ls"); len(list.Items) != 0 {
		t.Errorf("still: %+v", list)
	}
}
