package slipway_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const module = "github.com/slipway-dev/slipway"

// doors is the table of docs/architecture.md: what a room must never reach,
// directly or through another room.
var doors = []struct {
	pkg   string
	never []string
	why   string
}{
	{".", []string{module + "/", "github.com/", "golang.org/", "go.temporal.io/", "entgo.io/"}, "the words import only the standard library"},
	{"./python/...", []string{"os/exec", "net/http", module + "/platform", module + "/ent", module + "/adapters", module + "/workflows", module + "/node", module + "/sandbox"}, "what we know about Python runs nothing"},
	{"./python/tree", []string{module + "/python"}, "where something stands is known without what it means"},
	{"./python/shell", []string{module + "/python/manifest", module + "/python/lock", module + "/python/stated", module + "/python/syntax", module + "/python/program"}, "a command line is taken apart without a project"},
	{"./python/syntax", []string{module + "/python/manifest", module + "/python/lock", module + "/python/stated", module + "/python/program"}, "Python source is read as it stands"},
	{"./python/manifest", []string{module + "/python/lock", module + "/python/stated", module + "/python/syntax", module + "/python/program"}, "what is declared is read and not judged"},
	{"./python/lock", []string{module + "/python/stated", module + "/python/syntax", module + "/python/program"}, "a lock is compared with its manifest alone"},
	{"./python/stated", []string{module + "/python/lock", module + "/python/syntax", module + "/python/program"}, "what owners state is checked without what would be detected"},
	{"./python/program", []string{module + "/python/manifest", module + "/python/lock", module + "/python/stated"}, "how a program is stopped is known by its command"},
	{"./sandbox", []string{module + "/platform", module + "/ent", module + "/adapters", module + "/workflows", module + "/node", module + "/api"}, "running a command knows nothing of the platform"},
	{"./cmd/slipway-holder", []string{"net/http", "go.temporal.io/", module + "/python", module + "/platform", module + "/node"}, "what is started for each confined command starts in no time"},
	{"./artifact", []string{"os/exec", "net/http", module + "/platform", module + "/ent", module + "/adapters", module + "/workflows", module + "/node", module + "/api", module + "/sandbox"}, "whether a release is what was built is read from the disk alone"},
	{"./egress", []string{module + "/platform", module + "/ent", module + "/adapters", module + "/workflows", module + "/node", module + "/api", module + "/sandbox"}, "where calls may go is decided by addresses alone"},
	{"./adapters/...", []string{module + "/ent", module + "/api", module + "/platform", module + "/workflows", module + "/node", "go.temporal.io/"}, "an adapter knows its port and its SDK"},
	{"./edge", []string{module + "/ent", module + "/api", module + "/platform", module + "/workflows", module + "/adapters", module + "/node", module + "/python", module + "/sandbox", "go.temporal.io/"}, "the edge knows doors, and nothing of who is behind them"},
	{"./node", []string{module + "/ent", module + "/api", module + "/platform", module + "/workflows", module + "/adapters", module + "/python", "go.temporal.io/"}, "services outlive the control plane"},
	{"./ent/schema", []string{module + "/platform", module + "/workflows", module + "/api"}, "the schema is below the rules"},
	{"./workflows", []string{module + "/ent", module + "/api", module + "/platform", module + "/adapters", module + "/node", "go.temporal.io/server"}, "histories outlive the schema; effects arrive as ports"},
	{"./store", []string{module + "/python", module + "/platform", module + "/workflows", module + "/adapters", module + "/node", module + "/api", module + "/sandbox", "go.temporal.io/"}, "the store knows nobody's rules"},
	{"./audit", []string{module + "/python", module + "/platform", module + "/workflows", module + "/adapters", module + "/node", module + "/api", module + "/sandbox", "go.temporal.io/"}, "what is put on record doesn't depend on whose deed it was"},
	{"./event", []string{module + "/python", module + "/platform", module + "/workflows", module + "/adapters", module + "/node", module + "/api", module + "/sandbox", "go.temporal.io/"}, "what happened is told whoever did it"},
	{"./identity", []string{module + "/python", module + "/platform", module + "/workflows", module + "/adapters", module + "/node", module + "/api", module + "/sandbox", "go.temporal.io/"}, "who somebody is and may doesn't depend on what is promoted"},
	{"./webhook", []string{module + "/platform", module + "/adapters", module + "/node", module + "/api", module + "/sandbox", "go.temporal.io/server"}, "who is told doesn't depend on how it came to be"},
	{"./catalog", []string{module + "/platform", module + "/workflows", module + "/webhook", module + "/adapters", module + "/node", module + "/api", module + "/sandbox", "go.temporal.io/"}, "what is registered doesn't depend on how it is promoted"},
	{"./report", []string{module + "/platform", module + "/workflows", module + "/webhook", module + "/adapters", module + "/node", module + "/api", module + "/sandbox", "go.temporal.io/"}, "looking changes nothing"},
	{"./platform", []string{module + "/api", module + "/adapters", module + "/node", "go.temporal.io/server"}, "what a user can do doesn't depend on how it is asked"},
	{"./web/...", []string{module + "/api", module + "/adapters", module + "/node", "go.temporal.io/server"}, "the portal speaks to the platform"},
	{"./web/words", []string{module + "/platform", module + "/workflows", module + "/web/parts", module + "/web/shell"}, "how something is said doesn't depend on where it stands"},
	{"./web/parts", []string{module + "/platform", module + "/workflows", module + "/web/shell"}, "what pages are made of knows no request"},
	{"./api", []string{module + "/adapters", module + "/node", "go.temporal.io/server"}, "the API speaks to the platform"},
	{"./api/operations", []string{module + "/api", module + "/ingress", module + "/adapters", module + "/node", "go.temporal.io/server"}, "an operation says what the platform does, and knows nothing of how it was asked"},
	{"./ingress", []string{module + "/ent", module + "/api", module + "/web", module + "/platform", module + "/workflows", module + "/adapters", module + "/node"}, "the way in knows nothing of what is behind it"},
	{"./socket", []string{module + "/ent", module + "/api", module + "/web", module + "/platform", module + "/workflows", module + "/adapters", module + "/node", module + "/sandbox"}, "a socket and its key know nothing of what is asked there"},
	{"./socket/holder", []string{"os/exec", "net", module}, "what outlives everything else is tiny"},
	{"./cmd/slipway/internal/cli", behindServer, "what every command stands on knows a server by its API"},
	{"./cmd/slipway/internal/access", behindServer, "a command speaks to a server wherever that is"},
	{"./cmd/slipway/internal/services", behindServer, "a command speaks to a server wherever that is"},
	{"./cmd/slipway/internal/promotions", behindServer, "a command speaks to a server wherever that is"},
	{"./cmd/slipway/internal/report", behindServer, "a command speaks to a server wherever that is"},
	{"./cmd/slipway/internal/completion", behindServer, "a command speaks to a server wherever that is"},
	{"./cmd/slipway/internal/project", []string{module + "/ent", module + "/store", module + "/platform", module + "/workflows", module + "/node", module + "/web", module + "/ingress", "go.temporal.io/"}, "a project is looked at without a platform"},
	{"./cmd/slipway/internal/doctor", []string{module + "/platform", module + "/workflows", module + "/node", module + "/web", module + "/ingress", "go.temporal.io/"}, "what keeps the platform from working is found without it"},
	{"./api/client", []string{module + "/ent", module + "/platform", module + "/workflows", module + "/adapters", module + "/node"}, "the client is for other people's programs"},
}

// behindServer is what commands that speak to a server reach by its API alone.
var behindServer = []string{
	module + "/ent", module + "/store", module + "/audit", module + "/event", module + "/identity", module + "/webhook", module + "/catalog", module + "/report",
	module + "/platform", module + "/workflows", module + "/adapters", module + "/node", module + "/edge", module + "/artifact", module + "/sandbox",
	module + "/egress", module + "/ingress", module + "/web", "entgo.io/", "go.temporal.io/", "github.com/caddyserver/",
}

func TestDoors(t *testing.T) {
	for _, door := range doors {
		out, err := exec.Command("go", "list", "-deps", "-f", "{{.ImportPath}}", door.pkg).Output()
		if err != nil {
			t.Fatalf("go list %s: %v", door.pkg, err)
		}
		self := listed(t, door.pkg)
		for _, dep := range strings.Fields(string(out)) {
			if self[dep] {
				continue
			}
			for _, never := range door.never {
				if dep == strings.TrimSuffix(never, "/") || strings.HasPrefix(dep, strings.TrimSuffix(never, "/")+"/") {
					t.Errorf("%s reaches %s: %s", door.pkg, dep, door.why)
				}
			}
		}
	}
}

// TestPortalAsksThePlatform keeps the portal from the store and from workflows:
// whatever it reads or does is decided in one place.
func TestPortalAsksThePlatform(t *testing.T) {
	allowed := map[string]bool{module: true, module + "/platform": true, module + "/python": true, module + "/python/stated": true, module + "/ent": true, module + "/store": true, module + "/audit": true, module + "/identity": true, module + "/webhook": true, module + "/catalog": true, module + "/report": true}
	for pkg, imports := range importsOf(t, "./web/...") {
		for _, imported := range imports {
			if strings.HasPrefix(imported, module) && !strings.HasPrefix(imported, module+"/web/") && !allowed[imported] {
				t.Errorf("%s imports %s", pkg, imported)
			}
		}
		sources, err := filepath.Glob(strings.TrimPrefix(pkg, module+"/") + "/*")
		if err != nil || len(sources) == 0 {
			t.Fatalf("%s: %d files: %v", pkg, len(sources), err)
		}
		for _, name := range sources {
			if text, err := os.ReadFile(name); err == nil && !strings.HasSuffix(name, "_test.go") && holdsStore.Match(text) {
				t.Errorf("%s holds the store itself", name)
			}
		}
	}
}

// TestAreasOfThePortalDoNotMeet keeps areas from importing each other, and what they
// stand in from importing them.
func TestAreasOfThePortalDoNotMeet(t *testing.T) {
	shared := map[string]bool{module + "/web/words": true, module + "/web/parts": true, module + "/web/shell": true}
	for pkg, imports := range importsOf(t, "./web/...") {
		for _, imported := range imports {
			if pkg != module+"/web" && strings.HasPrefix(imported, module+"/web/") && !shared[imported] {
				t.Errorf("%s imports %s", pkg, imported)
			}
		}
	}
}

// importsOf lists what packages import themselves.
func importsOf(t *testing.T, pattern string) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, pattern).Output()
	if err != nil {
		t.Fatalf("go list %s: %v", pattern, err)
	}
	imports := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		imports[fields[0]] = fields[1:]
	}
	return imports
}

var holdsStore = regexp.MustCompile(`\b(ent\.Client|store\.(Store|Open|InTx|AsSystem)|audit\.Log|(identity|webhook|catalog|report)\.New\()\b`)

// TestAdaptersDoNotMeet keeps adapters from importing each other.
func TestAdaptersDoNotMeet(t *testing.T) {
	for pkg, imports := range importsOf(t, "./adapters/...") {
		for _, imported := range imports {
			if strings.HasPrefix(imported, module+"/adapters/") && port(imported) != port(pkg) {
				t.Errorf("%s imports %s", pkg, imported)
			}
		}
	}
}

// TestCommandsDoNotMeet keeps the rooms of commands from each other, and those that
// speak to a server to the client of its API: what they share is below them, in cli.
func TestCommandsDoNotMeet(t *testing.T) {
	const rooms = module + "/cmd/slipway/internal/"
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./cmd/slipway/internal/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	speaking := map[string]bool{"access": true, "services": true, "promotions": true, "report": true, "completion": true}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		room := strings.TrimPrefix(fields[0], rooms)
		for _, imported := range fields[1:] {
			other, isRoom := strings.CutPrefix(imported, rooms)
			switch {
			case !strings.HasPrefix(imported, module), other == "cli", room == "server" && other == "project":
			case isRoom, speaking[room] && imported != module && imported != module+"/api/client":
				t.Errorf("%s imports %s", fields[0], imported)
			}
		}
	}
}

func port(pkg string) string {
	rest := strings.TrimPrefix(pkg, module+"/adapters/")
	name, _, _ := strings.Cut(rest, "/")
	return name
}

func listed(t *testing.T, pattern string) map[string]bool {
	t.Helper()
	out, err := exec.Command("go", "list", pattern).Output()
	if err != nil {
		t.Fatalf("go list %s: %v", pattern, err)
	}
	set := map[string]bool{}
	for _, p := range strings.Fields(string(out)) {
		set[p] = true
	}
	return set
}

// TestFilesTellOneStory holds hand-written files to a length that is read in one go.
func TestFilesTellOneStory(t *testing.T) {
	const limit = 400
	err := filepath.WalkDir(".", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		head, _, _ := strings.Cut(string(text), "\npackage ")
		if strings.Contains(head, "DO NOT EDIT") {
			return nil
		}
		if n := strings.Count(string(text), "\n"); n > limit {
			t.Errorf("%s has %d lines; split it by what it tells (limit %d)", path, n, limit)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestEveryPackageSaysWhatItIs wants a package comment everywhere.
func TestEveryPackageSaysWhatItIs(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}}\t{{len .GoFiles}}\t{{.Doc}}", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.SplitN(strings.TrimSpace(line), "\t", 3)
		generated := strings.HasPrefix(fields[0], module+"/ent/") && !strings.HasSuffix(fields[0], "/schema")
		if fields[1] == "0" || generated {
			continue
		}
		if len(fields) < 3 || fields[2] == "" {
			t.Errorf("%s has no package comment", fields[0])
		}
	}
}
