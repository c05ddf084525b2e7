package slipway

import (
	"net/url"
	"path"
	"strings"
)

// ServiceKind is what a service mostly is; it decides whether the edge routes to it.
type ServiceKind string

const (
	KindWeb      ServiceKind = "web"
	KindWorker   ServiceKind = "worker"
	KindFunction ServiceKind = "function"
)

// Repository is where a service's code lives.
type Repository struct {
	URL        string    `json:"url"`
	Path       string    `json:"path,omitempty"`       // the service's directory inside, "" for the root
	Branch     string    `json:"branch,omitempty"`     // "" means the remote's default branch
	Credential SecretRef `json:"credential,omitempty"` // a token or a private key, by reference
}

// Validate refuses what git must never be given: options posing as URLs,
// transports that run commands, credentials inside the URL, paths out of the tree.
func (r Repository) Validate() error {
	if err := checkGitURL(r.URL); err != nil {
		return err
	}
	if r.Path != "" {
		clean := path.Clean(r.Path)
		if path.IsAbs(r.Path) || clean == ".." || strings.HasPrefix(clean, "../") || strings.ContainsAny(r.Path, "\x00\n\\") {
			return Errorf(Invalid, "path %q leaves the repository; give a directory inside it", printable(r.Path)).At("path")
		}
	}
	if r.Branch != "" {
		return CheckRef("branch", r.Branch)
	}
	return nil
}

func checkGitURL(raw string) error {
	if raw == "" {
		return Errorf(Invalid, "repository URL is missing").At("url")
	}
	if len(raw) > 2000 || strings.HasPrefix(raw, "-") || strings.ContainsAny(raw, "\x00\r\n\t ") {
		return Errorf(Invalid, "%q is not a repository URL", printable(raw)).At("url")
	}
	if path.IsAbs(raw) {
		return nil
	}
	// scp-like form: git@host:path
	if !strings.Contains(raw, "://") {
		host, rest, ok := strings.Cut(raw, ":")
		if ok && host != "" && rest != "" && !strings.HasPrefix(rest, ":") && !strings.Contains(host, "/") {
			return nil
		}
		return Errorf(Invalid, "%q is not a repository URL: use https://, ssh://, file:// or an absolute path", printable(raw)).At("url")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return Errorf(Invalid, "%q is not a repository URL", printable(raw)).At("url")
	}
	switch u.Scheme {
	case "https", "http", "ssh", "file", "git":
	default:
		return Errorf(Invalid, "repositories over %q are not supported: use https, ssh or file", printable(u.Scheme)).At("url")
	}
	if _, has := u.User.Password(); has {
		return Errorf(Invalid, "the repository URL holds a password; give it as the token, which is sealed").At("url")
	}
	if strings.HasPrefix(u.Host, "-") || u.Scheme != "file" && u.Host == "" {
		return Errorf(Invalid, "%q is not a repository URL: the host is missing", printable(raw)).At("url")
	}
	return nil
}

// CheckRef refuses what is not a branch, tag or commit name. The rules are
// those of git-check-ref-format, narrowed to what forges allow.
func CheckRef(field, ref string) error {
	bad := ref == "" || len(ref) > 200 || strings.HasPrefix(ref, "-") || strings.HasPrefix(ref, "/") ||
		strings.HasSuffix(ref, "/") || strings.HasSuffix(ref, ".") || strings.HasSuffix(ref, ".lock") ||
		strings.Contains(ref, "..") || strings.Contains(ref, "//") || strings.Contains(ref, "@{") ||
		strings.ContainsAny(ref, " ~^:?*[\\\x7f")
	for _, c := range ref {
		bad = bad || c < 0x20
	}
	if bad {
		return Errorf(Invalid, "%s %q is not a branch, tag or commit", field, printable(ref)).At(field)
	}
	return nil
}

// NameFromRepository proposes a service name: the last part of the path.
func NameFromRepository(r Repository) string {
	base := path.Base(strings.TrimSuffix(strings.TrimRight(r.URL, "/"), ".git"))
	if r.Path != "" && path.Clean(r.Path) != "." {
		base = path.Base(path.Clean(r.Path))
	}
	if i := strings.LastIndex(base, ":"); i >= 0 {
		base = base[i+1:]
	}
	var b strings.Builder
	for _, c := range strings.ToLower(base) {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			b.WriteRune(c)
		default:
			b.WriteByte('-')
		}
	}
	name := strings.Trim(strings.TrimLeft(b.String(), "0123456789-"), "-")
	if len(name) > MaxName {
		name = strings.TrimRight(name[:MaxName], "-")
	}
	return name
}

// Overrides is what a service's owners state instead of what was detected: a
// JSON object with the keys of slipway.yaml, written in one way, so that equal
// overrides are equal texts. "" states nothing. Package python reads them, and
// says what they may hold.
type Overrides string
