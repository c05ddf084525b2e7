package syntax

import (
	"bytes"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python/tree"
)

// given are the variables that every process has beside the reserved ones, whatever
// its config.
var given = []string{"HOME", "TMPDIR", "LANG", "LC_ALL", "PATH", "VIRTUAL_ENV", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH"}

// Given tells whether a process has a variable without anybody setting it.
func Given(name string) bool {
	return slices.Contains(given, name) || slipway.ReservedVariable(name)
}

// Asks are the keys that a release asks its config for: the variables that its
// code reads, and what its templates write. A key is required where it is read
// or written without a default and under no condition that can be seen.
func Asks(fsys fs.FS, dir string, templates []slipway.Template) []Variable {
	list := Variables(fsys, dir)
	t, err := tree.Open(fsys, dir)
	if err != nil {
		return list
	}
	seen := map[string]bool{}
	for _, template := range templates {
		list = append(list, templateAsks(t, path.Clean(template.Source), seen)...)
	}
	slices.SortStableFunc(list, func(a, b Variable) int {
		switch {
		case a.Name != b.Name:
			return strings.Compare(a.Name, b.Name)
		case a.Required == b.Required:
			return 0
		case a.Required: // it is told where it is required
			return -1
		}
		return 1
	})
	return slices.CompactFunc(list, func(a, b Variable) bool { return a.Name == b.Name })
}

var (
	templateTag  = regexp.MustCompile(`(?s)\{#.*?#\}|\{%[-+]?\s*raw\s*[-+]?%\}.*?\{%[-+]?\s*endraw\s*[-+]?%\}|\{\{.*?\}\}|\{%.*?%\}`)
	templateName = regexp.MustCompile(`^(?:config\.([A-Za-z_]\w*)|config\[\s*["']([A-Za-z_]\w*)["']\s*\]|([A-Za-z_]\w*))`)
	templateFile = regexp.MustCompile(`^(?:include|extends|import|from)\s+["']([^"']+)["']`)
	templateOwn  = regexp.MustCompile(`^(?:for|set|with|macro|block|import|from)\b(.*)`)
	anyName      = regexp.MustCompile(`[A-Za-z_]\w*`)
	withDefault  = regexp.MustCompile(`\|\s*(?:default|d)\b|\bis\s+(?:not\s+)?(?:un)?defined\b|\bor\b`)
)

// notKeys are the names that templates have without any config.
var notKeys = []string{"service", "environment", "release", "config", "range", "dict", "lipsum", "cycler", "joiner", "namespace", "loop", "self", "super", "caller", "varargs", "kwargs", "not", "true", "false", "none", "True", "False", "None"}

// templateAsks reads a template and those that it brings in. It reads the first
// name of what is written or compared, which is the key in all but contrived
// templates; the renderer itself has the last word.
func templateAsks(t tree.Tree, file string, seen map[string]bool) (list []Variable) {
	if seen[file] || len(seen) > 100 {
		return nil
	}
	seen[file] = true
	text, ok := t.Read(file)
	if !ok {
		return nil
	}
	own, deep := map[string]bool{}, 0
	ask := func(expression string, at int) {
		m := templateName.FindStringSubmatch(strings.TrimSpace(expression))
		if m == nil {
			return
		}
		name := m[1] + m[2] + m[3]
		if m[3] != "" && (own[name] || slices.Contains(notKeys, name)) || strings.HasPrefix(m[0], "config.") && slices.Contains([]string{"get", "items", "keys", "values"}, name) {
			return
		}
		list = append(list, Variable{Name: name, Required: deep == 0 && !withDefault.MatchString(expression), File: t.Path(file), Line: 1 + strings.Count(text[:at], "\n")})
	}
	for _, span := range templateTag.FindAllStringIndex(text, -1) {
		tag := text[span[0]:span[1]]
		inner := strings.TrimSpace(strings.Trim(tag[2:len(tag)-2], "-+"))
		word, rest, _ := strings.Cut(inner, " ")
		switch {
		case strings.HasPrefix(tag, "{#"), strings.HasPrefix(word, "raw"):
		case strings.HasPrefix(tag, "{{"):
			ask(inner, span[0])
		case strings.HasPrefix(word, "end"):
			deep = max(deep-1, 0)
		case word == "elif":
			ask(rest, span[0])
		default:
			if word == "if" {
				ask(rest, span[0])
			}
			if _, over, ok := strings.Cut(inner, " in "); ok && word == "for" {
				ask(over, span[0])
			}
			if m := templateOwn.FindStringSubmatch(inner); m != nil {
				for _, name := range anyName.FindAllString(names(word, m[1]), -1) {
					own[name] = true
				}
			}
			if m := templateFile.FindStringSubmatch(inner); m != nil {
				list = append(list, templateAsks(t, path.Clean(m[1]), seen)...)
			}
			if slices.Contains([]string{"if", "for", "macro", "call", "filter", "block", "with", "autoescape"}, word) || word == "set" && !strings.Contains(inner, "=") {
				deep++ // what it holds may not be written at all
			}
		}
	}
	return list
}

// names is the part of a statement that names what it makes.
func names(word, rest string) string {
	switch word {
	case "for":
		rest, _, _ = strings.Cut(rest, " in ")
	case "set":
		rest, _, _ = strings.Cut(rest, "=")
	case "block":
		return ""
	}
	return rest
}

const (
	maxNamedFile  = 1 << 20  // bytes of a file that is looked through
	maxNamedBytes = 64 << 20 // bytes of all of them
)

// elsewhere are the beginnings of names that Python, servers and common
// libraries read themselves.
var elsewhere = []string{
	"PYTHON", "GUNICORN_", "UVICORN_", "HYPERCORN_", "GRANIAN_", "UWSGI_", "SANIC_", "STREAMLIT_", "LITESTAR_", "ROBYN_", "XDG_", "WEB_CONCURRENCY", "FORWARDED_ALLOW_IPS", "FLASK_", "DJANGO_", "CELERY_", "DRAMATIQ_", "ALEMBIC_", "SENTRY_", "OTEL_", "PROMETHEUS_", "DD_", "NEW_RELIC_",
	"AWS_", "GOOGLE_", "GCP_", "GCLOUD_", "AZURE_", "OPENAI_", "ANTHROPIC_", "HF_", "PG", "MYSQL_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
	"SSL_CERT_", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "TZ", "LC_", "LD_", "MALLOC_", "OMP_", "PIP_", "UV_", "TERM", "NO_COLOR", "FORCE_COLOR",
}

var prefixSetting = regexp.MustCompile(`(?:env_prefix|envvar_prefix|prefix)\s*[=:]\s*["']([A-Za-z_]\w*)["']`)

// Unnamed are those keys that no file of a release names, in whatever case, and
// that nothing known reads by itself: most likely they do nothing. It is Refused
// when the release is too large to be looked through.
func Unnamed(fsys fs.FS, dir string, keys []string) (list []string, err error) {
	open := map[string]string{} // by lower case
	for _, key := range keys {
		if !Given(key) && !slices.ContainsFunc(elsewhere, func(prefix string) bool { return strings.HasPrefix(key, prefix) }) {
			open[strings.ToLower(key)] = key
		}
	}
	words, prefixes, left := map[string]bool{}, []string{}, int64(maxNamedBytes)
	err = fs.WalkDir(fsys, path.Clean(dir), func(name string, e fs.DirEntry, err error) error {
		if err != nil || len(open) == 0 {
			return err
		}
		if e.IsDir() {
			if base := e.Name(); base == ".git" || base == "node_modules" || base == "__pycache__" {
				return fs.SkipDir
			}
			return nil
		}
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || info.Size() > maxNamedFile {
			return err
		}
		if left -= info.Size(); left < 0 {
			return slipway.Errorf(slipway.Refused, "the release has more than %d MiB to look through", maxNamedBytes>>20)
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil || bytes.IndexByte(text, 0) >= 0 {
			return err
		}
		for _, m := range prefixSetting.FindAllSubmatch(text, -1) {
			prefixes = append(prefixes, strings.ToLower(string(m[1])))
		}
		for _, word := range anyName.FindAll(text, -1) {
			if len(word) <= 100 {
				words[string(bytes.ToLower(word))] = true
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for lower, key := range open {
		if !named(lower, words, prefixes) {
			list = append(list, key)
		}
	}
	slices.Sort(list)
	return list, nil
}

// named tells whether a key is a word, or is one behind a prefix that settings
// classes put before their fields; a field of a field follows two underscores.
func named(key string, words map[string]bool, prefixes []string) bool {
	field, _, _ := strings.Cut(key, "__")
	if words[key] || words[field] {
		return true
	}
	for _, prefix := range prefixes {
		rest, ok := strings.CutPrefix(field, prefix)
		if ok && words[strings.TrimPrefix(rest, "_")] {
			return true
		}
	}
	return false
}
