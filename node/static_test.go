package node_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
)

// withStatic puts files into a deployment's artifact, and has the edge serve them.
func (b *bench) withStatic(d slipway.Deployment, files map[string]string) slipway.Deployment {
	b.t.Helper()
	source := filepath.Join(b.data, "artifacts", strings.TrimPrefix(string(d.Artifact), "sha256:"), "source")
	for name, text := range files {
		at := filepath.Join(source, "out", name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			b.t.Fatal(err)
		}
		var err error
		if target, link := strings.CutPrefix(text, "-> "); link {
			err = os.Symlink(target, at)
		} else {
			err = os.WriteFile(at, []byte(text), 0o644)
		}
		if err != nil {
			b.t.Fatal(err)
		}
	}
	d.Manifest.Static = &slipway.Static{Path: "/static/", Dir: "out"}
	return d
}

// fetch asks the edge, and returns the answer with its body.
func (b *bench) fetch(method, path string, header ...string) (*http.Response, string) {
	b.t.Helper()
	req, err := http.NewRequest(method, "http://"+b.edge, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	req.URL.Opaque = path // as it is, and not cleaned
	req.Host = "shop.dev.localhost"
	for k := 0; k < len(header); k += 2 {
		req.Header.Set(header[k], header[k+1])
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return res, string(text)
}

// TestStaticFiles: the edge serves what a release has collected, that alone, and
// leaves everything else to the service.
func TestStaticFiles(t *testing.T) {
	b := newBench(t)
	d := b.withStatic(b.deployment(1, "one", nil), map[string]string{
		"a.css": "a{}", "js/app.0123456789ab.js": "1", "deep/x.bin": "0123456789", "inside.css": "-> a.css", "out.py": "-> ../app.py", "abs": "-> /etc/hostname",
	})
	b.must(d)
	for path, want := range map[string]string{"/static/a.css": "text/css", "/static/js/app.0123456789ab.js": "text/javascript", "/static/inside.css": "text/css", "/static/a.css?v=1": "text/css", "/static/%61.css": "text/css"} {
		res, _ := b.fetch("GET", path)
		if res.StatusCode != 200 || !strings.HasPrefix(res.Header.Get("Content-Type"), want) || res.Header.Get(slipway.ReleaseHeader) != "1" || res.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v", path, res.StatusCode, res.Header)
		}
		caching := "no-cache"
		if strings.Contains(path, "0123") {
			caching = "public, max-age=31536000, immutable"
		}
		if res.Header.Get("Cache-Control") != caching {
			t.Errorf("%s: %v", path, res.Header)
		}
	}
	// The service answers everything with its word.
	for _, path := range []string{"/", "/static", "/static/", "/static/deep", "/static/deep/", "/static/none.css", "/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static//a.css",
		"/static/out.py", "/static/abs", "/static/a.css%00", "/static/./a.css", "/other/a.css", "/app.py", "/static/a.css/"} {
		if res, body := b.fetch("GET", path); !strings.HasPrefix(body, "one ") {
			t.Errorf("%s: %d %q", path, res.StatusCode, body)
		}
	}
	if _, body := b.fetch("POST", "/static/a.css"); strings.Contains(body, "a{}") {
		t.Errorf("a file for a POST: %q", body)
	}
	if res, body := b.fetch("HEAD", "/static/a.css"); res.StatusCode != 200 || res.ContentLength != 3 || body != "" {
		t.Errorf("%+v %q", res, body)
	}
	if res, body := b.fetch("GET", "/static/deep/x.bin", "Range", "bytes=2-4"); res.StatusCode != 206 || body != "234" {
		t.Errorf("%d %q", res.StatusCode, body)
	}
	res, _ := b.fetch("GET", "/static/a.css")
	if again, _ := b.fetch("GET", "/static/a.css", "If-None-Match", res.Header.Get("ETag")); again.StatusCode != 304 || res.Header.Get("Last-Modified") != "" {
		t.Errorf("%d", again.StatusCode)
	}
	// They are no part of what the release is judged by.
	before := b.requests(t)
	b.fetch("GET", "/static/a.css")
	if after := b.requests(t); after != before {
		t.Errorf("%d requests, %d before", after, before)
	}
}

func (b *bench) requests(t *testing.T) (n int64) {
	t.Helper()
	traffic, err := b.node.Traffic(t.Context(), "shop", "dev", b.observe().Instances[0].StartedAt)
	if err != nil {
		t.Fatal(err)
	}
	for _, slices := range traffic.Deployments {
		for _, s := range slices {
			n += s.Requests
		}
	}
	return n
}

// TestStaticFilesOfTwoReleases: who has a page of the one or of the other finds its
// files, during a canary and after the switch; a name that both have is that of the
// release that answers.
func TestStaticFilesOfTwoReleases(t *testing.T) {
	b := newBench(t)
	one := b.withStatic(b.deployment(1, "one", nil), map[string]string{"a.css": "old", "a.aaaaaaaaaaaa.css": "old hashed"})
	two := b.withStatic(b.deployment(2, "two", nil), map[string]string{"a.css": "new", "a.bbbbbbbbbbbb.css": "new hashed"})
	b.must(one)
	both := func(when, plain string) {
		t.Helper()
		for name, want := range map[string]string{"a.aaaaaaaaaaaa.css": "old hashed", "a.bbbbbbbbbbbb.css": "new hashed"} {
			for _, bucket := range []string{"0", "9999"} {
				if res, body := b.fetch("GET", "/static/"+name, "Cookie", "slipway_bucket="+bucket); body != want {
					t.Errorf("%s, %s: %d %q", when, name, res.StatusCode, body)
				}
			}
		}
		if _, body := b.fetch("GET", "/static/a.css", "Cookie", "slipway_bucket=9999"); body != plain {
			t.Errorf("%s: %q", when, body)
		}
	}
	canary := two
	canary.Strategy, canary.Weight = slipway.Canary, 10
	b.must(canary)
	both("during the canary", "old")
	if _, body := b.fetch("GET", "/static/a.css", "Cookie", "slipway_bucket=0"); body != "new" {
		t.Errorf("a browser of the canary: %q", body)
	}
	canary.Weight = 100
	b.must(canary)
	both("after the switch", "new")
	// One that serves its files itself is asked for all of them.
	own := b.deployment(3, "three", nil)
	b.must(own)
	if _, body := b.fetch("GET", "/static/a.css"); !strings.HasPrefix(body, "three ") {
		t.Errorf("%q", body)
	}
}
