package words

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/a-h/templ"
)

// Path makes a path of its parts, whatever they hold.
func Path(parts ...any) templ.SafeURL {
	var b strings.Builder
	for _, part := range parts {
		b.WriteString("/" + url.PathEscape(fmt.Sprint(part)))
	}
	return templ.SafeURL(b.String())
}

// WithQuery adds parameters to a path; empty ones are left out.
func WithQuery(path templ.SafeURL, pairs ...string) templ.SafeURL {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return path
	}
	return templ.SafeURL(string(path) + "?" + q.Encode())
}

// RepositoryLink is where a repository can be looked at, "" where it can't in a
// browser.
func RepositoryLink(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	u.User = nil
	return strings.TrimSuffix(u.String(), ".git")
}

// RepositoryWords is a repository as people say it.
func RepositoryWords(raw string) string {
	if u, err := url.Parse(raw); err == nil && u.Host != "" {
		return u.Host + strings.TrimSuffix(u.Path, ".git")
	}
	return strings.TrimPrefix(raw, "file://")
}

// NextPage is the address of a next page, "" when there is none.
func NextPage(cursor string, address templ.SafeURL) templ.SafeURL {
	if cursor == "" {
		return ""
	}
	return address
}
