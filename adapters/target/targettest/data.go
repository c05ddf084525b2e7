package targettest

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/sandbox"
)

// keeper is a service that writes inside its own directory: rows of an SQLite
// database, and a file for each release. It answers with how many there are.
const keeper = `import http.server, os, sqlite3, sys
mode = os.environ.get("MODE") or ""
at = "/tmp/" if mode == "/tmp/" else ""
uploads = at + ("up/loads" if at else "uploads")
def add():
    c = sqlite3.connect(at + "shop.db")
    c.execute("PRAGMA journal_mode=WAL")
    c.execute("CREATE TABLE IF NOT EXISTS words (word TEXT)")
    c.execute("INSERT INTO words VALUES (?)", (WORD,))
    c.commit()
if sys.argv[1] == "release": add(); sys.exit()
if mode == "adds": add()
os.makedirs(uploads, exist_ok=True)
open(uploads + "/" + WORD, "w").write(WORD)
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        words = sorted(w for w, in sqlite3.connect(at + "shop.db").execute("SELECT word FROM words"))
        body = (" ".join(words) + "; " + " ".join(sorted(os.listdir(uploads)))).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), H).serve_forever()
`

// keeping is a deployment of the keeper, in a directory of its repository.
func (s *suite) keeping(id int, word, mode string, data ...slipway.DataPath) slipway.Deployment {
	s.Helper()
	d := s.deployment(id, word, mode)
	dir := s.TempDir()
	for name, text := range map[string]string{"app.py": "WORD = \"" + word + "\"\n" + keeper, "services/shop/app.py": "WORD = \"" + word + "\"\n" + keeper, "services/shop/uploads/brought": word} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			s.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			s.Fatal(err)
		}
	}
	d.Artifact, d.Manifest.Dir, d.Manifest.Data = s.Artifact(s.T, dir), "services/shop", data
	return d
}

var declared = []slipway.DataPath{{Path: "services/shop/shop.db"}, {Path: "services/shop/uploads", Directory: true}}

// data: what a service is said to write inside its own directory stays.
func data(s *suite) {
	ctx := context.Background()
	for id, word := range []string{"one", "two"} {
		d := s.keeping(id+1, word, "", declared...)
		if err := s.Target.Release(ctx, d, io.Discard); err != nil {
			s.Fatal(err)
		}
		if log := s.deploy(d); strings.Contains(log, "warning") {
			s.Errorf("%q", log)
		}
		want := []string{"one; brought one", "one two; brought one two"}[id]
		if _, body, _ := s.ask(s.observe(d)); body != want {
			s.Errorf("%q, want %q", body, want)
		}
	}
}

// undeclared: a migration that would be gone is no success.
func undeclared(s *suite) {
	d := s.keeping(1, "one", "")
	for range 2 {
		s.refused(s.Target.Release(context.Background(), d, io.Discard), slipway.Refused, "slipway service set SERVICE --set 'data=[shop.db]'")
	}
	d = s.keeping(2, "two", "", declared[1]) // what is declared already stays so
	s.refused(s.Target.Release(context.Background(), d, io.Discard), slipway.Refused, "--set 'data=[uploads/, shop.db]'")
}

// inTmp: all processes of a release find one /tmp, which is that release's own; what is
// declared in it stays, and a migration of anything else there is no success.
func inTmp(s *suite) {
	if !sandbox.GivesTmp() {
		return
	}
	for id, word := range []string{"one", "two"} {
		d := s.keeping(id+1, word, "/tmp/", slipway.DataPath{Path: "shop.db", Tmp: true}, slipway.DataPath{Path: "up/loads", Directory: true, Tmp: true})
		if err := s.Target.Release(context.Background(), d, io.Discard); err != nil {
			s.Fatal(err)
		}
		if log := s.deploy(d); strings.Contains(log, "warning") {
			s.Errorf("%q", log)
		}
		want := []string{"one; one", "one two; one two"}[id]
		if _, body, _ := s.ask(s.observe(d)); body != want {
			s.Errorf("%q, want %q", body, want)
		}
	}
	d := s.keeping(3, "three", "/tmp/")
	s.refused(s.Target.Release(context.Background(), d, io.Discard), slipway.Refused, "--set 'data=[/tmp/shop.db]'")
	d.Manifest.Data = []slipway.DataPath{{Path: "shop.db/x", Tmp: true}}
	s.refused(s.Target.Deploy(context.Background(), d, io.Discard), slipway.Refused, "data: names /tmp/shop.db/x, which can't be laid out: the service's data has a file at shop.db")
}

// unlaid: data that has no place in a release is that release's own matter, and said
// at once.
func unlaid(s *suite) {
	for id, c := range []struct{ path, says string }{
		{"services/shop/app.py/shop.db", "the release has a file at services/shop/app.py"},
		{"services/shop/" + strings.Repeat("x", 300), "can't be laid out"},
	} {
		d := s.keeping(id+1, []string{"one", "two"}[id], "", slipway.DataPath{Path: slipway.SourcePath(c.path)})
		for _, err := range []error{s.Target.Release(context.Background(), d, io.Discard), s.Target.Deploy(context.Background(), d, io.Discard)} {
			s.refused(err, slipway.Refused, c.says)
			s.refused(err, slipway.Refused, "data: names "+c.path)
		}
	}
	s.deploy(s.keeping(3, "three", "adds", slipway.DataPath{Path: "services/shop/shop.db"}))
	d := s.keeping(4, "four", "adds", slipway.DataPath{Path: "services/shop/shop.db/x", Directory: true})
	s.refused(s.Target.Deploy(context.Background(), d, io.Discard), slipway.Refused, "the service's data has a file at services/shop/shop.db")
}

// declaredLater: what the release that serves has written is told of, and taken
// over once it is declared.
func declaredLater(s *suite) {
	s.deploy(s.keeping(1, "one", "adds"))
	two := s.keeping(2, "two", "adds")
	var log bytes.Buffer
	if err := s.Target.Deploy(context.Background(), two, &log); err != nil || !strings.Contains(log.String(), "release 1, which serves now, has written the SQLite database shop.db") {
		s.Errorf("%v %s", err, log.String())
	}
	if _, body, _ := s.ask(s.observe(two)); body != "two; brought two" {
		s.Errorf("%q", body)
	}
	three := s.keeping(3, "three", "adds", declared...)
	s.deploy(three)
	if _, body, _ := s.ask(s.observe(three)); body != "three two; brought three" {
		s.Errorf("%q", body)
	}
}
