package edge

import (
	"errors"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
)

// Collection is what the edge serves of a release by itself: the static files that
// its build has collected. They lie in the artifact, which no service can write to.
type Collection struct {
	Deployment string // as the answer names it
	Home       string
	Path       string // below which they are asked for
	Dir        string
}

// static finds the file that a request asks for. Where the release that
// the request goes to leaves its files to itself, there is none.
func (at *Route) static(r *http.Request, bucket func(split bool) int) (Collection, *os.File) {
	if len(at.Branches) == 0 || len(at.Collections) == 0 || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return Collection{}, nil
	}
	asked := false
	for _, c := range at.Collections {
		asked = asked || strings.HasPrefix(r.URL.Path, c.Path)
	}
	if !asked {
		return Collection{}, nil
	}
	home := choose(at.Branches, bucket(len(at.Branches) > 1)).Home
	order := make([]Collection, 0, len(at.Collections))
	own := false
	for _, c := range at.Collections {
		if c.Home == home {
			order, own = append([]Collection{c}, order...), true
		} else {
			order = append(order, c)
		}
	}
	if !own {
		return Collection{}, nil
	}
	for _, c := range order {
		if f := c.open(r.URL.Path); f != nil {
			return c, f
		}
	}
	return Collection{}, nil
}

// open opens a file of a collection: a regular one that lies in it, whatever links
// say.
func (c Collection) open(asked string) *os.File {
	name, below := strings.CutPrefix(asked, c.Path)
	if !below || name == "." || !fs.ValidPath(name) || strings.ContainsAny(name, "\\\x00") {
		return nil
	}
	root, err := os.OpenRoot(c.Dir)
	if err != nil {
		return nil
	}
	defer root.Close()
	if info, err := root.Stat(name); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	f, err := root.Open(name)
	if err != nil {
		return nil
	}
	return f
}

// hashed is how Django's storages name a file by its content: what is asked for under
// such a name never changes.
var hashed = regexp.MustCompile(`\.[0-9a-f]{12}\.[^./]+$`)

// kinds are the media types that browsers insist on; what a machine's own table says
// of them is not asked.
var kinds = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8", ".json": "application/json", ".map": "application/json",
	".svg": "image/svg+xml", ".woff": "font/woff", ".woff2": "font/woff2", ".ttf": "font/ttf", ".otf": "font/otf", ".ico": "image/x-icon", ".webmanifest": "application/manifest+json", ".wasm": "application/wasm",
}

// serve answers with a file.
func (c Collection) serve(w http.ResponseWriter, r *http.Request, f *os.File) error {
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return errors.New("a static file went away")
	}
	h := w.Header()
	h.Set(slipway.ReleaseHeader, c.Deployment)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-cache") // it may be another one in the next release; to ask costs little
	if hashed.MatchString(info.Name()) {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	// The same file in another artifact has another time, so both count.
	h.Set("ETag", `"`+strconv.FormatInt(info.Size(), 36)+"-"+strconv.FormatInt(info.ModTime().UnixNano(), 36)+`"`)
	ext := strings.ToLower(path.Ext(info.Name()))
	kind := kinds[ext]
	if kind == "" {
		kind = mime.TypeByExtension(ext)
	}
	if kind != "" {
		h.Set("Content-Type", kind)
	}
	http.ServeContent(w, r, info.Name(), time.Time{}, f) // going back would look like no change
	return nil
}
