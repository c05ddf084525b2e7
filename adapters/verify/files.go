package verify

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/html"
)

// file is something that a page asks for.
type file struct {
	url    *url.URL
	strict bool // a browser takes no HTML page for it
}

// sheet is a style sheet that has come, or one within a page.
type sheet struct {
	url  *url.URL // its own, to which what it names is relative
	text string
}

// filesOf reads what a page loads from its own host: style sheets, scripts, icons
// and images, as far as the page itself names them; and the style sheets that it
// holds itself.
func filesOf(page []byte, base *url.URL, own func(*url.URL) bool) (files []file, styles []sheet) {
	tokens := html.NewTokenizer(strings.NewReader(string(page)))
	based := false
	for len(files) < mostFiles {
		kind := tokens.Next()
		if kind == html.ErrorToken {
			break
		}
		if kind != html.StartTagToken && kind != html.SelfClosingTagToken {
			continue
		}
		token := tokens.Token()
		attribute := map[string]string{}
		for _, a := range token.Attr {
			attribute[a.Key] = a.Val
		}
		if style := attribute["style"]; style != "" {
			_, named := namedBy(style)
			for _, where := range named {
				files = added(files, base, where, false, own)
			}
		}
		where, strict := "", true
		switch token.Data {
		case "base":
			if u, err := base.Parse(attribute["href"]); err == nil && !based && attribute["href"] != "" {
				base, based = u, true
			}
		case "style":
			if tokens.Next() == html.TextToken {
				styles = append(styles, sheet{base, string(tokens.Raw())})
			}
		case "script":
			where = attribute["src"]
		case "img":
			where, strict = attribute["src"], false
		case "link":
			rel := strings.Fields(strings.ToLower(attribute["rel"]))
			loads := func(one string) bool { return slices.Contains(rel, one) }
			if loads("stylesheet") && !loads("alternate") || loads("modulepreload") {
				where = attribute["href"]
			} else if loads("icon") || loads("manifest") {
				where, strict = attribute["href"], false
			}
		}
		files = added(files, base, where, strict, own)
	}
	return files[:min(len(files), mostFiles)], styles
}

// added adds a file of the service's own, unless it is among them.
func added(files []file, base *url.URL, where string, strict bool, own func(*url.URL) bool) []file {
	where = strings.TrimSpace(where)
	if where == "" {
		return files
	}
	u, err := base.Parse(where)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || !own(u) {
		return files
	}
	u.Fragment = ""
	if slices.ContainsFunc(files, func(f file) bool { return f.url.String() == u.String() }) {
		return files
	}
	return append(files, file{u, strict})
}

// look asks for files, and says in their order which of them don't come; sheets are
// the style sheets among those that do.
func (v *visitor) look(ctx context.Context, files []file) (bad []string, sheets []sheet) {
	said, found := make([]string, len(files)), make([]sheet, len(files))
	turns := make(chan struct{}, filesAtOnce)
	var all sync.WaitGroup
	for k, f := range files {
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			one := visitor{client: v.client, req: v.req, cookies: map[string]string{}}
			for name, value := range v.cookies {
				one.cookies[name] = value
			}
			got, why := one.lacks(ctx, f)
			if why != "" {
				said[k] = fmt.Sprintf("%.120s (%s)", f.url.RequestURI(), why)
			} else if got.kind == "text/css" {
				found[k] = sheet{one.base(got.path), string(got.body)}
			}
		})
	}
	all.Wait()
	return slices.DeleteFunc(said, func(s string) bool { return s == "" }), slices.DeleteFunc(found, func(s sheet) bool { return s.text == "" })
}

// sheets looks at what style sheets name beyond files, and at what the sheets name that
// they import; asked is how many files that are.
func (v *visitor) sheets(ctx context.Context, list []sheet, files []file) (asked int, bad []string) {
	known := slices.Clone(files)
	for range deepest {
		before := len(known)
		for _, s := range list {
			imports, others := namedBy(s.text)
			for _, where := range imports {
				known = added(known, s.url, where, true, v.own)
			}
			for _, where := range others {
				known = added(known, s.url, where, false, v.own)
			}
		}
		known = known[:min(len(known), len(files)+mostFiles)]
		var missing []string
		missing, list = v.look(ctx, known[before:])
		bad = append(bad, missing...)
		if len(list) == 0 {
			break
		}
	}
	return len(known) - len(files), bad
}

// lacks says why a browser gets nothing of use; "" when it does, or when it isn't
// known.
func (v *visitor) lacks(ctx context.Context, f file) (visit, string) {
	if v.unserved(f.url) {
		return visit{}, "it is at https, and the edge serves http only here"
	}
	got := v.open(ctx, f.url.RequestURI(), "*/*")
	switch {
	case ctx.Err() != nil || got.status == http.StatusTooManyRequests:
		return visit{}, ""
	case got.unknown:
		return visit{}, got.why
	case got.away != nil && v.unserved(got.away):
		return visit{}, "a redirect to https, and the edge serves http only here"
	case got.away != nil:
		return visit{}, ""
	case got.status >= 400:
		return visit{}, fmt.Sprint(got.status)
	case f.strict && got.kind == "text/html":
		return visit{}, "an HTML page comes in its place"
	}
	return got, ""
}
