package slipway_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
)

// awkward are values with what the encodings change.
var awkward = []string{
	"hunter2", "correct horse battery staple", `p"a\s/s&w<o>r'd`, "ünïcødé-päss", "tab\tand\nline", "100%+secure=/?", "🔑-of-the-house", "\xff\xfe\xfd raw bytes", strings.Repeat("0123456789abcdef", 12), "~~~???>>>",
}

// TestScrubKnowsEncodings writes each value in each way that programs write it.
func TestScrubKnowsEncodings(t *testing.T) {
	tried := 0
	for _, value := range awkward {
		forms := map[string]string{
			"as it is": value, "hexadecimal": hex.EncodeToString([]byte(value)), "HEXADECIMAL": strings.ToUpper(hex.EncodeToString([]byte(value))),
			"a query": url.QueryEscape(value), "a path": url.PathEscape(value), "a lower query": lowerEscapes(url.QueryEscape(value)),
			"every byte": everyByte(value), "curly query": strings.ReplaceAll(url.QueryEscape(value), "+", "%20"),
		}
		for name, encoding := range map[string]*base64.Encoding{"std": base64.StdEncoding, "raw std": base64.RawStdEncoding, "url": base64.URLEncoding, "raw url": base64.RawURLEncoding} {
			for before := range 4 {
				for after := range 4 {
					forms[fmt.Sprintf("%s base64 between %d and %d", name, before, after)] = encoding.EncodeToString([]byte(strings.Repeat("u", before) + value + strings.Repeat("z", after)))
				}
			}
		}
		forms["basic auth in a query"] = url.QueryEscape(base64.StdEncoding.EncodeToString([]byte("ada:" + value)))
		if !strings.HasPrefix(value, "\xff") { // JSON has no other bytes
			plain := strings.Trim(jsonOf(t, value, false), `"`)
			if strings.HasPrefix(jsonOf(t, value, false), `"\"`) || strings.HasSuffix(value, `"`) {
				t.Fatalf("%q can't be trimmed", value)
			}
			forms["JSON"], forms["JSON for HTML"] = plain, strings.Trim(jsonOf(t, value, true), `"`)
			forms["JSON with slashes"] = strings.ReplaceAll(plain, "/", `\/`)
			forms["JSON in ASCII"], forms["JSON IN ASCII"] = inASCII(plain, "%04x"), inASCII(plain, "%04X")
			forms["JSON in JSON"] = strings.Trim(jsonOf(t, `{"a":`+jsonOf(t, value, true)+`}`, true), `"`)
		}
		for name, form := range forms {
			tried++
			for _, around := range [][2]string{{"", ""}, {"password=", "\n"}, {`{"k":"`, `"} 100% \o/ \u00e9 done`}, {"a+b%zz", "%"}} {
				got := slipway.Scrub(around[0]+form+around[1], []slipway.Secret{slipway.NewSecret(value)})
				if !strings.Contains(got, "[secret]") || strings.Contains(got, form) || strings.Contains(got, value) {
					t.Errorf("%q as %s: %q", value, name, got)
				}
				if !strings.HasPrefix(got, around[0]) || !strings.HasSuffix(got, around[1]) {
					t.Errorf("%q as %s: %q has lost what was around it: %q", value, name, got, around)
				}
				// What is left of an encoded value says little: at most what shares a character.
				if len(got)-len(around[0])-len(around[1]) > len("[secret]")+24 && strings.Contains(name, "base64") {
					t.Errorf("%q as %s: %q", value, name, got)
				}
				if reach := slipway.ScrubReach([]slipway.Secret{slipway.NewSecret(value)}); !strings.Contains(name, "base64") && name != "JSON in JSON" && len(form) > reach {
					t.Errorf("%q as %s takes %d, and the reach is %d", value, name, len(form), reach)
				}
			}
		}
	}
	if tried < 500 {
		t.Errorf("only %d forms were tried", tried)
	}
}

// TestScrubLeavesTheRest keeps what is no secret, and covers values that overlap.
func TestScrubLeavesTheRest(t *testing.T) {
	for _, c := range []struct {
		text    string
		secrets []string
		want    string
	}{
		{"a short one stays: abc", []string{"abc"}, "a short one stays: abc"},
		{"100% of C:\\users\\new and \\u12 %zz %4", []string{"hunter2"}, "100% of C:\\users\\new and \\u12 %zz %4"},
		{"abc1-long-secret", []string{"abc1", "c1-long-secret"}, "[secret]"},
		{"hunter2hunter2 hunter2", []string{"hunter2"}, "[secret][secret] [secret]"},
		{"hunter22", []string{"hunter2", "hunter22"}, "[secret]"},
		{"", []string{"hunter2"}, ""},
		{"nothing", nil, "nothing"},
	} {
		var secrets []slipway.Secret
		for _, s := range c.secrets {
			secrets = append(secrets, slipway.NewSecret(s))
		}
		if got := slipway.Scrub(c.text, secrets); got != c.want {
			t.Errorf("%q without %q: %q, not %q", c.text, c.secrets, got, c.want)
		}
	}
}

// TestScrubTakesBoundedTime gives it a text that almost is the secret everywhere.
func TestScrubTakesBoundedTime(t *testing.T) {
	long := strings.Repeat("A", 60<<10) + "B"
	text := strings.Repeat("A", 1<<20)
	began := time.Now()
	if got := slipway.Scrub(text+long, []slipway.Secret{slipway.NewSecret(long)}); !strings.HasSuffix(got, "A[secret]") {
		t.Errorf("it ends with %q", got[max(len(got)-20, 0):])
	}
	if took := time.Since(began); took > 10*time.Second { // by comparing at each place it is minutes
		t.Errorf("it took %s", took)
	}
}

// BenchmarkScrub is a megabyte of log with twenty secrets.
func BenchmarkScrub(b *testing.B) {
	var secrets []slipway.Secret
	for i := range 20 {
		secrets = append(secrets, slipway.NewSecret(fmt.Sprintf("secret-%d-of-a-service/%d", i, i*i)))
	}
	line := "2026-11-29T10:00:00Z INFO request handled method=GET path=/orders/4711?q=a%20b status=200 took=12ms user=\"ada\"\n"
	text := strings.Repeat(line, 1<<20/len(line))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		slipway.Scrub(text, secrets)
	}
}

func jsonOf(t *testing.T, v string, html bool) string {
	var out strings.Builder
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(html)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(out.String(), "\n")
}

func inASCII(s, hexadecimal string) string {
	var out strings.Builder
	for _, r := range s {
		switch {
		case r < 0x80:
			out.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&out, `\u`+hexadecimal+`\u`+hexadecimal, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(&out, `\u`+hexadecimal, r)
		}
	}
	return out.String()
}

func lowerEscapes(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' {
			out.WriteString(strings.ToLower(s[i : i+3]))
			i += 2
		} else {
			out.WriteByte(s[i])
		}
	}
	return out.String()
}

func everyByte(s string) string {
	var out strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&out, "%%%02X", s[i])
	}
	return out.String()
}
