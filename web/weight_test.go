package web_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"html"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/slipway-dev/slipway/platform"
)

const mostWeight = 150 << 10 // of a page at its first visit, without a log

var (
	assetLink = regexp.MustCompile(`(?:src|href)="(/assets/[^"]+)"`)
	loadsToo  = regexp.MustCompile(`hx-get="([^"]+)"[^>]*hx-trigger="load"`)
)

// wire counts what comes over a connection: headers, compression and all.
type wire struct {
	net.Conn
	read *atomic.Int64
}

func (w wire) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	w.read.Add(int64(n))
	return n, err
}

// TestPageWeight adds up what a browser with an empty cache transfers for each
// page of a busy platform: the page, its assets, and the parts that it asks for
// by itself.
func TestPageWeight(t *testing.T) {
	s := newSite(t)
	s.service("payments", "billing", "main")
	s.promote(platform.PromoteInput{Service: "payments", Ref: "two"})
	s.hook("billing")
	crowd(t, s, 2) // lists are cut at a page, so more would not be heavier
	b := s.person("alice", true, nil)
	var read atomic.Int64
	b.http.Transport = &http.Transport{DisableCompression: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return wire{c, &read}, err
	}}
	fetch := func(path string, headers ...string) (text, kind string) {
		a := b.get(path, append(headers, "Accept-Encoding", "gzip, br")...)
		if a.status != http.StatusOK {
			t.Fatalf("%s: %d", path, a.status)
		}
		kind = a.header.Get("Content-Type")
		if a.header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(bytes.NewReader([]byte(a.body)))
			if err != nil {
				t.Fatal(err)
			}
			plain, err := io.ReadAll(z)
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			return string(plain), kind
		}
		if strings.HasPrefix(kind, "text/html") || strings.HasPrefix(path, "/assets/") {
			t.Errorf("%s is not compressed", path)
		}
		return a.body, kind
	}
	heaviest, weight := "", int64(0)
	for _, path := range append([]string{"/audit", "/services/payments/compare?from=1&to=2"}, allPages...) {
		if strings.Contains(path, "/log/") {
			continue
		}
		read.Store(0)
		page, _ := fetch(path)
		var needs []string
		for _, m := range assetLink.FindAllStringSubmatch(page, -1) {
			if !slices.Contains(needs, m[1]) {
				needs = append(needs, m[1])
			}
		}
		if len(needs) < 4 {
			t.Errorf("%s names the assets %v", path, needs)
		}
		for _, need := range needs {
			fetch(need)
		}
		for _, m := range loadsToo.FindAllStringSubmatch(page, -1) {
			fetch(html.UnescapeString(m[1]), "HX-Request", "true")
		}
		if n := read.Load(); n > mostWeight {
			t.Errorf("%s weighs %d KB, more than %d", path, n>>10, mostWeight>>10)
		} else if n > weight {
			heaviest, weight = path, n
		}
	}
	t.Logf("the heaviest page is %s with %d KB", heaviest, weight>>10)
}

// TestLengthsTellNothing guards against guessing a form's token from how well a
// page compresses when it repeats what was asked (BREACH): the token is masked
// anew each time, so that no guess is ever a repetition.
func TestLengthsTellNothing(t *testing.T) {
	s := newSite(t)
	b := s.person("alice", true, nil)
	seen := map[string]bool{}
	for range 5 {
		token := b.token("/services/new?url=" + url.QueryEscape("guess"))
		for _, half := range []string{token[:len(token)/2], token[len(token)/2:]} {
			if seen[half] {
				t.Fatal("a part of a token came twice")
			}
			seen[half] = true
		}
	}
}
