package slipway

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// placeholderHost is a name that leads nowhere, ever (RFC 6761).
const placeholderHost = "placeholder.invalid"

var (
	emailForm = regexp.MustCompile(`^[^\s@:/]+@[^\s@:/]+\.[^\s@:/]+$`)
	uuidForm  = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	hexForm   = regexp.MustCompile(`^([0-9a-fA-F]{2}){8,}$`)
	pairsForm = regexp.MustCompile(`^\s*\w+\s*=\s*\S+(\s+\w+\s*=\s*\S+)+\s*$`)
)

// Placeholder is a value of the shape of a secret, which tells nothing of it but
// that shape: code that only reads its settings takes it for one. A URL keeps its
// scheme, a number is a number, JSON keeps its names; what a value names, such as a
// host, leads nowhere. A key in PEM is none: it has the form of one only.
func Placeholder(s Secret) Secret { return NewSecret(placeholder(s.Reveal())) }

func placeholder(v string) string {
	trimmed := strings.TrimSpace(v)
	if trimmed == "" {
		return v
	}
	switch strings.ToLower(trimmed) {
	case "true", "false", "yes", "no", "on", "off":
		return trimmed // what can be only one of two is kept: it is a switch
	}
	if _, err := strconv.ParseInt(trimmed, 10, 64); err == nil {
		return "1"
	}
	if _, err := strconv.ParseFloat(trimmed, 64); err == nil && strings.ContainsAny(trimmed, "0123456789") {
		return "1.0"
	}
	if out, ok := placeholderPEM(trimmed); ok {
		return out
	}
	if out, ok := placeholderJSON(trimmed); ok {
		return out
	}
	if out, ok := placeholderURL(trimmed); ok {
		return out
	}
	switch {
	case emailForm.MatchString(trimmed):
		return "placeholder@" + placeholderHost
	case uuidForm.MatchString(trimmed):
		return "00000000-0000-4000-8000-000000000000"
	case hexForm.MatchString(trimmed):
		return hex.EncodeToString(filler(len(trimmed) / 2))
	case pairsForm.MatchString(trimmed):
		return placeholderPairs(trimmed)
	}
	if out, ok := placeholderBase64(trimmed); ok {
		return out
	}
	return text(len([]rune(trimmed)))
}

// text and filler have a length and nothing else of what they stand for.
func text(length int) string {
	const word = "placeholder-"
	return strings.Repeat(word, length/len(word)+1)[:length]
}

func filler(length int) []byte {
	return bytes.Repeat([]byte("placeholder "), length/12+1)[:length]
}

// placeholderURL keeps the scheme, whether somebody signs in, the port, and path
// segments that are numbers, such as that of a Redis database. A query is left out.
func placeholderURL(v string) (string, bool) {
	u, err := url.Parse(v)
	if err != nil || u.Scheme == "" || !strings.Contains(v, "://") {
		scheme, _, ok := strings.Cut(v, "://") // a password with signs that a URL can't have
		if !ok || scheme == "" || strings.ContainsFunc(scheme, func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("+.-", r)
		}) {
			return "", false
		}
		return scheme + "://placeholder:placeholder@" + placeholderHost + "/placeholder", true
	}
	out := url.URL{Scheme: u.Scheme}
	if u.User != nil {
		out.User = url.User("placeholder")
		if _, has := u.User.Password(); has {
			out.User = url.UserPassword("placeholder", "placeholder")
		}
	}
	if u.Host != "" {
		out.Host = placeholderHost
		if u.Port() != "" {
			out.Host += ":" + u.Port()
		}
	}
	segments := strings.Split(u.Path, "/")
	for k, s := range segments {
		if _, err := strconv.Atoi(s); s != "" && err != nil {
			segments[k] = "placeholder"
		} else if s != "" {
			segments[k] = "1"
		}
	}
	out.Path = strings.Join(segments, "/")
	if out.Host == "" {
		return u.Scheme + "://" + out.Path, true // sqlite:///file
	}
	return out.String(), true
}

func placeholderJSON(v string) (string, bool) {
	if v[0] != '{' && v[0] != '[' {
		return "", false
	}
	var parsed any
	if json.Unmarshal([]byte(v), &parsed) != nil {
		return "", false
	}
	out, err := json.Marshal(placeholderIn(parsed))
	return string(out), err == nil
}

func placeholderIn(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = placeholderIn(v[k])
		}
	case []any:
		for k := range v {
			v[k] = placeholderIn(v[k])
		}
	case string:
		return placeholder(v)
	case float64:
		return 1
	}
	return v
}

// placeholderPEM keeps what kind of blocks there are, and how long they are.
func placeholderPEM(v string) (string, bool) {
	rest, out := []byte(strings.ReplaceAll(v, `\n`, "\n")), []byte(nil)
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: filler(len(block.Bytes))})...)
	}
	return string(out), len(out) > 0
}

// placeholderPairs is for "host=db user=app password=...".
func placeholderPairs(v string) string {
	var out []string
	for _, pair := range strings.Fields(v) {
		name, value, ok := strings.Cut(pair, "=")
		switch {
		case !ok: // the rest of a value with blanks
			continue
		case name == "host" || name == "hostaddr" || name == "server":
			out = append(out, name+"="+placeholderHost)
		default:
			out = append(out, name+"="+placeholder(value))
		}
	}
	return strings.Join(out, " ")
}

// placeholderBase64 decodes to as many bytes as it did.
func placeholderBase64(v string) (string, bool) {
	if len(v) < 16 {
		return "", false
	}
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		if decoded, err := e.DecodeString(v); err == nil {
			return e.EncodeToString(filler(len(decoded))), true
		}
	}
	return "", false
}
