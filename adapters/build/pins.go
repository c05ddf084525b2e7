package build

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/python"
)

const (
	maxPins      = 150
	pinsKept     = 30 * 24 * time.Hour
	maxIndexPage = 20 << 20
	indexPatient = 15 * time.Second // for all of it: a choice is no reason to wait
)

// indexPage is what a package index says of a package (PEP 691, with PEP 700's times).
type indexPage struct {
	Files []struct {
		Filename       string    `json:"filename"`
		RequiresPython string    `json:"requires-python"`
		Uploaded       time.Time `json:"upload-time"`
		Yanked         any       `json:"yanked"`
	} `json:"files"`
}

// pinFacts asks the package index about pins, so that a Python is chosen that they
// can use. An index that can't be asked, or doesn't answer in the form of today,
// tells nothing: then the choice is made without.
func (r *run) pinFacts(ctx context.Context, pins []python.Pin) []python.PinFacts {
	index := packageIndex()
	if len(pins) == 0 || len(pins) > maxPins || index == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, indexPatient)
	defer cancel()
	facts := make([]python.PinFacts, len(pins))
	var wg sync.WaitGroup
	places := make(chan struct{}, 8)
	for i, pin := range pins {
		wg.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			facts[i] = r.knownFacts(pin, func() python.PinFacts { return factsOf(pin, askIndex(ctx, index, pin.Name)) })
		})
	}
	wg.Wait()
	facts = slices.DeleteFunc(facts, func(f python.PinFacts) bool { return f.Name == "" })
	if len(facts)*2 < len(pins) {
		fmt.Fprintln(r.log, "note: the package index doesn't tell which Pythons the pinned versions run on")
		return nil
	}
	return facts
}

// knownFacts remembers what was told of a pin, of which little changes afterwards: the
// same pins give the same Python, and a build of them asks nobody.
func (r *run) knownFacts(pin python.Pin, ask func() python.PinFacts) (facts python.PinFacts) {
	sum := sha256.Sum256([]byte(packageIndex() + " " + pin.Name + "==" + pin.Version))
	name := filepath.Join(r.o.Data, "cache", "pins", hex.EncodeToString(sum[:12])+".json")
	if info, err := os.Stat(name); err == nil && time.Since(info.ModTime()) < pinsKept {
		if text, err := os.ReadFile(name); err == nil && json.Unmarshal(text, &facts) == nil && facts.Pin == pin {
			return facts
		}
	}
	if facts = ask(); facts.Name == "" {
		return facts
	}
	// What can't be kept is asked again.
	if text, err := json.Marshal(facts); err == nil && os.MkdirAll(filepath.Dir(name), 0o755) == nil {
		_ = os.WriteFile(name, text, 0o644)
	}
	return facts
}

// packageIndex is where this machine has its packages from, as uv and pip are told;
// "" when there are several, and nobody can say which of them has a package.
func packageIndex() string {
	if cmp.Or(os.Getenv("UV_INDEX"), os.Getenv("UV_EXTRA_INDEX_URL"), os.Getenv("PIP_EXTRA_INDEX_URL")) != "" {
		return ""
	}
	return strings.TrimSuffix(cmp.Or(os.Getenv("UV_DEFAULT_INDEX"), os.Getenv("UV_INDEX_URL"), os.Getenv("PIP_INDEX_URL"), "https://pypi.org/simple"), "/")
}

func askIndex(ctx context.Context, index, name string) (page indexPage) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, index+"/"+name+"/", nil)
	if err != nil {
		return page
	}
	req.Header.Set("Accept", "application/vnd.pypi.simple.v1+json")
	answer, err := http.DefaultClient.Do(req) // #nosec G704 -- the index of the machine's operator
	if err != nil {
		return page
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK || json.NewDecoder(io.LimitReader(answer.Body, maxIndexPage)).Decode(&page) != nil {
		return indexPage{}
	}
	return page
}

var (
	wheelVersion = regexp.MustCompile(`^[^-]+-([^-]+)-.*\.whl$`)
	sdistVersion = regexp.MustCompile(`-([^-]+)\.(?:tar\.(?:gz|bz2)|zip)$`)
)

// factsOf finds a pinned version among the files; a nameless answer says that it
// isn't there.
func factsOf(pin python.Pin, page indexPage) (facts python.PinFacts) {
	last := ""
	for _, f := range page.Files {
		v := ""
		if m := wheelVersion.FindStringSubmatch(f.Filename); m != nil {
			v = m[1]
		} else if m := sdistVersion.FindStringSubmatch(f.Filename); m != nil {
			v = m[1]
		}
		if f.Yanked == nil || f.Yanked == false {
			if n := numbers(v); !strings.ContainsAny(v, "abcdrv") && slices.Compare(n, numbers(last)) > 0 {
				last = v
			}
		}
		if !sameVersion(v, pin.Version) {
			continue
		}
		facts.Pin = pin
		if strings.HasSuffix(f.Filename, ".whl") {
			facts.Wheels = append(facts.Wheels, f.Filename)
		}
		if facts.Uploaded.IsZero() || f.Uploaded.Before(facts.Uploaded) {
			facts.Uploaded = f.Uploaded
		}
		facts.RequiresPython = cmp.Or(f.RequiresPython, facts.RequiresPython)
	}
	facts.Superseded = slices.Compare(numbers(last), numbers(pin.Version)) > 0
	return facts
}

// sameVersion compares as files are named: 1.0 is 1.0.0, too.
func sameVersion(a, b string) bool {
	trim := func(v string) string {
		for strings.HasSuffix(v, ".0") {
			v = strings.TrimSuffix(v, ".0")
		}
		return strings.ToLower(v)
	}
	return trim(a) == trim(b)
}

// understand is Detect with what the index says of the pins, where that matters.
func (r *run) understand(ctx context.Context, dir string, o python.Options) (*python.Project, error) {
	tree := os.DirFS(dir)
	project, err := python.Detect(tree, o)
	if err != nil {
		return nil, err
	}
	if o.Pins = r.pinFacts(ctx, project.AskedPins()); o.Pins != nil {
		if project, err = python.Detect(tree, o); err != nil {
			return nil, err
		}
	}
	if project.Python.Fetch == "" {
		return project, nil
	}
	if err := r.fetchPython(ctx, project.Python.Fetch); err != nil {
		return nil, err
	}
	o.Interpreters, o.Fetch = r.interpreters(), false
	return python.Detect(tree, o)
}

// only leaves the interpreter of a version, so that a release is tested with the
// one that it was built with; all of them when it isn't here any more.
func only(all []python.Interpreter, version string) []python.Interpreter {
	for _, i := range all {
		if i.Version == version {
			return []python.Interpreter{i}
		}
	}
	return all
}
