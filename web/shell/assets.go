package shell

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
)

//go:embed assets/*.css assets/*.js assets/*.svg
var embedded embed.FS

// asset is a file in the program, ready to be sent.
type asset struct {
	kind    string
	plain   []byte
	zipped  []byte
	address string // with the hash of the content
}

// files are the assets by their name. They are read, and packed, by the first page that
// names one: commands and what holds a build are the same program, and need none.
var files = sync.OnceValue(readAssets)

// readAssets reads what is embedded; a name is slipway.HASH.css from then on.
func readAssets() map[string]asset {
	out := map[string]asset{}
	_ = fs.WalkDir(embedded, "assets", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := embedded.ReadFile(name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(text)
		base, kind := path.Base(name), path.Ext(name)
		var zipped bytes.Buffer
		z, _ := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
		_, _ = z.Write(text) // a buffer takes everything
		_ = z.Close()
		out[base] = asset{
			kind: mime.TypeByExtension(kind), plain: text, zipped: zipped.Bytes(),
			address: "/assets/" + strings.TrimSuffix(base, kind) + "." + hex.EncodeToString(sum[:6]) + kind,
		}
		return nil
	})
	return out
}

// assetURL is where a page finds an asset.
func assetURL(name string) string { return files()[name].address }

// serveAssets answers for the assets under their hashed names, for ever: a new
// content has a new name.
func serveAssets() (http.Handler, error) {
	byAddress := map[string]asset{}
	for _, a := range files() {
		byAddress[a.address] = a
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := byAddress[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", a.kind)
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("Vary", "Accept-Encoding")
		body := a.plain
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
			body = a.zipped
		}
		_, _ = w.Write(body) // the reader may be gone
	}), nil
}
