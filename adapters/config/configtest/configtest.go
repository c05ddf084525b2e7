// Package configtest is the conformance suite of the Renderer port: every
// adapter runs it.
package configtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/slipway-dev/slipway"
)

// Request is a rendering of the given templates, by the file that each makes.
func Request(values map[string]slipway.ConfigValue, results ...string) slipway.RenderRequest {
	req := slipway.RenderRequest{Artifact: "sha256:" + slipway.Digest(strings.Repeat("0", 64)), Service: "payments", Environment: "prod", Release: 7, Values: values}
	for _, result := range results {
		req.Templates = append(req.Templates, slipway.Template{Source: result + ".j2", Path: result})
	}
	return req
}

// Tree writes files below a new directory; a text that begins with "-> " is a link.
func Tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if target, ok := strings.CutPrefix(text, "-> "); ok && err == nil {
			err = os.Symlink(target, path)
		} else if err == nil {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Run holds a renderer to the port's contract. open returns one for which every
// artifact's service has its files in dir.
func Run(t *testing.T, open func(t *testing.T, dir string) slipway.Renderer) {
	ctx := context.Background()
	render := func(t *testing.T, files map[string]string, req slipway.RenderRequest) (slipway.Snapshot, error) {
		t.Helper()
		return open(t, Tree(t, files)).Render(ctx, req, &bytes.Buffer{})
	}
	ref := slipway.SecretRef("sealed://payments/DB_PASSWORD")
	values := map[string]slipway.ConfigValue{"DB_HOST": {Value: "db.internal"}, "DB_PASSWORD": {Secret: ref}}

	t.Run("files", func(t *testing.T) {
		snapshot, err := render(t, map[string]string{
			"app.ini.j2":   "{% include 'head.inc' %}host={{ DB_HOST }}\npw={{ config.DB_PASSWORD }}\n{{ service }} {{ environment }} {{ release }}\n",
			"head.inc":     "# {{ service }} <&>\n",
			"sub/x.cfg.j2": "{% extends 'sub/base' %}{% block b %}{% for n in range(3) %}{{ n }}{% endfor %}{% endblock %}",
			"sub/base":     "[{% block b %}{% endblock %}]",
		}, Request(values, "app.ini", "sub/x.cfg"))
		if err != nil {
			t.Fatal(err)
		}
		want := []slipway.RenderedFile{
			{Path: "app.ini", Content: "# payments <&>\nhost=db.internal\npw=" + slipway.SecretMark(ref) + "\npayments prod 7\n"},
			{Path: "sub/x.cfg", Content: "[012]"},
		}
		if fmt.Sprint(snapshot.Files) != fmt.Sprint(want) {
			t.Errorf("%q", snapshot.Files)
		}
		if len(snapshot.Env) != 2 || snapshot.Env["DB_PASSWORD"].Secret != ref {
			t.Errorf("%v", snapshot.Env)
		}
	})
	t.Run("the digest follows the content", func(t *testing.T) {
		files := map[string]string{"a.j2": "{{ A }}"}
		of := func(value string, req slipway.RenderRequest) slipway.Digest {
			t.Helper()
			req.Values = map[string]slipway.ConfigValue{"A": {Value: value}, "B": {Value: "2"}}
			s, err := render(t, files, req)
			if err != nil || !regexp.MustCompile(`^sha256:[0-9a-f]{64}$`).MatchString(string(s.Digest)) {
				t.Errorf("%s %v", s.Digest, err)
			}
			return s.Digest
		}
		plain, same := of("1", Request(nil)), of("1", Request(nil))
		if plain != same {
			t.Error("the same has two digests")
		}
		seen := map[slipway.Digest]bool{plain: true}
		for _, other := range []slipway.Digest{of("2", Request(nil)), of("1", Request(nil, "a")), of("2", Request(nil, "a"))} {
			if seen[other] {
				t.Error("what differs has one digest")
			}
			seen[other] = true
		}
		none, err := render(t, nil, Request(nil))
		empty, err2 := render(t, nil, Request(map[string]slipway.ConfigValue{}))
		if err != nil || err2 != nil || none.Digest != empty.Digest {
			t.Errorf("%v %v", err, err2)
		}
	})
	t.Run("a snapshot is nobody else's", func(t *testing.T) {
		mine := map[string]slipway.ConfigValue{"A": {Value: "1"}}
		s, err := render(t, nil, Request(mine))
		if err != nil {
			t.Fatal(err)
		}
		before, _ := json.Marshal(s)
		mine["A"] = slipway.ConfigValue{Value: "2"}
		if after, _ := json.Marshal(s); string(before) != string(after) {
			t.Error("it changed with the request")
		}
	})
	t.Run("what a template may not", func(t *testing.T) {
		for _, c := range []struct {
			name, says string
			files      map[string]string
		}{
			{"undefined", "a:2: 'DB_USER' is undefined; set it with: slipway config set payments --env prod DB_USER=VALUE", map[string]string{"a.j2": "a\nhost={{ DB_USER }}\n"}},
			{"undefined in config", "NO_SUCH=VALUE", map[string]string{"a.j2": "{{ config.NO_SUCH }}"}},
			{"undefined in an include", "inc:3: 'DB_USER'", map[string]string{"a.j2": "{% include 'inc' %}", "inc": "\n\n{{ DB_USER }}"}},
			{"syntax", "a:3:", map[string]string{"a.j2": "a\nb\n{% if %}\n"}},
			{"syntax in an include", "inc:1:", map[string]string{"a.j2": "{% include 'inc' %}", "inc": "{{ a b }}"}},
			{"no such template", "no template a.j2", nil},
			{"no such include", "no template nothing", map[string]string{"a.j2": "\n{% include 'nothing' %}"}},
			{"an include out of the tree", "no template", map[string]string{"a.j2": "{% include '../../../../etc/passwd' %}"}},
			{"an absolute include", "no template", map[string]string{"a.j2": "{% include '/etc/passwd' %}"}},
			{"a link out of the tree", "no template", map[string]string{"a.j2": "-> /etc/passwd"}},
			{"not text", "UTF-8", map[string]string{"a.j2": "\xff\xfe"}},
			{"an endless loop", "endless loop", map[string]string{"a.j2": "\n{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor %}{% endfor %}{% endfor %}"}},
			{"endless recursion", "a", map[string]string{"a.j2": "{% include 'a.j2' %}"}},
			{"much memory", "a", map[string]string{"a.j2": "{{ ('x' * 999999999) ~ ('y' * 999999999) }}"}},
			{"much output", "larger than 1 MiB", map[string]string{"a.j2": "{% for a in range(99999) %}{{ 'x' * 100 }}{% endfor %}"}},
			{"the interpreter", "a", map[string]string{"a.j2": "{{ ''.__class__.__mro__[1].__subclasses__() }}"}},
			{"changes", "a", map[string]string{"a.j2": "{% set x = config.update({'A': 1}) %}"}},
		} {
			t.Run(c.name, func(t *testing.T) {
				_, err := render(t, c.files, Request(values, "a"))
				says := strings.Replace(c.says, "a:", "a.j2:", 1)
				if slipway.CodeOf(err) != slipway.Refused || !strings.Contains(err.Error(), says) {
					t.Errorf("%s: %v %v", slipway.CodeOf(err), err, errors.Unwrap(err))
				}
			})
		}
	})
	t.Run("secrets are written and nothing else", func(t *testing.T) {
		for _, text := range []string{
			"{{ DB_PASSWORD }}", "a{{ config['DB_PASSWORD'] }}b", "{{ 'x' ~ DB_PASSWORD }}", "{{ DB_PASSWORD|default('none') }}",
			"{% if DB_PASSWORD %}{{ DB_PASSWORD }}{% endif %}", "{{ 'pw=%s'|format(DB_PASSWORD) }}", "{{ [DB_PASSWORD, 'a']|join(',') }}",
		} {
			s, err := render(t, map[string]string{"a.j2": text}, Request(values, "a"))
			if err != nil || !strings.Contains(s.Files[0].Content, slipway.SecretMark(ref)) {
				t.Errorf("%s: %v %v", text, s.Files, err)
			}
		}
		for _, text := range []string{
			"{{ DB_PASSWORD|upper }}", "{{ DB_PASSWORD|length }}", "{{ DB_PASSWORD|urlencode }}", "{{ DB_PASSWORD|e }}", "{{ DB_PASSWORD|tojson }}", "{{ config|tojson }}",
			"{{ DB_PASSWORD == 'x' }}", "{{ DB_PASSWORD[:2] }}", "{{ 'a' in DB_PASSWORD }}", "{{ ('x' ~ DB_PASSWORD)|upper }}", "{{ (DB_PASSWORD ~ '')[3:] }}",
			"{{ DB_PASSWORD|replace('a', 'b') }}", "{{ [DB_PASSWORD]|map('lower')|join }}", "{{ DB_PASSWORD * 2 }}", "{{ config }}", "{% for c in DB_PASSWORD %}{{ c }}{% endfor %}",
		} {
			_, err := render(t, map[string]string{"a.j2": text}, Request(values, "a"))
			if slipway.CodeOf(err) != slipway.Refused || !strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: %v", text, err)
			}
		}
	})
	t.Run("what can't be a setting", func(t *testing.T) {
		for key, value := range map[string]string{
			"PORT": "1", "HOST": "x", "SLIPWAY_RELEASE": "1", "A B": "1", "": "1", "1A": "1", "A=B": "1", "ÄÖ": "1", strings.Repeat("A", 300): "1",
			"ZERO": "a\x00b", "HUGE": strings.Repeat("x", 200<<10),
		} {
			if _, err := render(t, nil, Request(map[string]slipway.ConfigValue{key: {Value: value}})); slipway.CodeOf(err) != slipway.Refused {
				t.Errorf("%.20q: %v", key, err)
			}
		}
	})
	t.Run("more than a process can have", func(t *testing.T) {
		values := map[string]slipway.ConfigValue{"LARGEST": {Value: strings.Repeat("x", 90<<10)}}
		for i := range 30 {
			values[fmt.Sprintf("KEY_%d", i)] = slipway.ConfigValue{Value: strings.Repeat("x", 89<<10)}
		}
		_, err := render(t, nil, Request(values))
		if slipway.CodeOf(err) != slipway.Refused || !strings.Contains(err.Error(), "the largest is LARGEST") {
			t.Error(err)
		}
		for i := range 15 {
			delete(values, fmt.Sprintf("KEY_%d", i))
		}
		if _, err := render(t, nil, Request(values)); err != nil {
			t.Error(err)
		}
	})
	t.Run("where a result goes", func(t *testing.T) {
		for _, results := range [][]string{{"../x"}, {"/etc/x"}, {"a/../../x"}, {"."}, {""}, {"a/"}, {"a\nb"}, {"a", "a"}, {"a", "./a"}, {"a", "a/b"}} {
			req := Request(nil)
			for _, r := range results {
				req.Templates = append(req.Templates, slipway.Template{Source: "t.j2", Path: r})
			}
			if _, err := render(t, map[string]string{"t.j2": "x"}, req); slipway.CodeOf(err) != slipway.Refused {
				t.Errorf("%q: %v", results, err)
			}
		}
	})
	t.Run("at once", func(t *testing.T) {
		r := open(t, Tree(t, map[string]string{"a.j2": "{{ DB_HOST }}"}))
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if s, err := r.Render(ctx, Request(values, "a"), &bytes.Buffer{}); err != nil || s.Files[0].Content != "db.internal" {
					t.Errorf("%v %v", s.Files, err)
				}
			})
		}
		wg.Wait()
	})
}
