package config_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/adapters/config"
)

// data is one data directory for the package: Jinja2 is installed once.
var data string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "slipway-config-")
	if err != nil {
		panic(err)
	}
	data = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func render(t *testing.T, files map[string]string, values map[string]slipway.ConfigValue) (slipway.Snapshot, error) {
	t.Helper()
	root := t.TempDir()
	var templates []slipway.Template
	for name, text := range files {
		path := filepath.Join(root, "service", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if target, ok := strings.CutPrefix(text, "-> "); ok {
			if err := os.Symlink(target, path); err != nil {
				t.Fatal(err)
			}
		} else if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, ".j2") {
			templates = append(templates, slipway.Template{Source: name, Path: strings.TrimSuffix(name, ".j2")})
		}
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal(err)
	}
	j := config.New(config.Options{Data: data, Python: python, Timeout: 3 * time.Second, Tree: func(context.Context, slipway.Digest) (string, slipway.Manifest, error) {
		return root, slipway.Manifest{Dir: "service"}, nil
	}})
	var log bytes.Buffer
	return j.Render(context.Background(), slipway.RenderRequest{
		Service: "payments", Environment: "prod", Release: 7, Templates: templates, Values: values,
	}, &log)
}

func TestRender(t *testing.T) {
	ref := slipway.SecretRef("sealed://payments/DB_PASSWORD")
	values := map[string]slipway.ConfigValue{"DB_HOST": {Value: "db.internal"}, "DB_PASSWORD": {Secret: ref}}
	snapshot, err := render(t, map[string]string{
		"app.ini.j2":   "{% include 'head.inc' %}host={{ DB_HOST }}\npw={{ config.DB_PASSWORD }}\n{{ service }} {{ environment }} {{ release }}\n",
		"head.inc":     "# {{ service }}\n",
		"sub/x.cfg.j2": "{% for n in range(3) %}{{ n }}{% endfor %}",
	}, values)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, f := range snapshot.Files {
		got[f.Path] = f.Content
	}
	if want := "# payments\nhost=db.internal\npw=" + slipway.SecretMark(ref) + "\npayments prod 7\n"; got["app.ini"] != want {
		t.Errorf("%q", got["app.ini"])
	}
	if got["sub/x.cfg"] != "012" {
		t.Errorf("%q", got["sub/x.cfg"])
	}
	if !strings.HasPrefix(string(snapshot.Digest), "sha256:") {
		t.Error(snapshot.Digest)
	}
}

func TestDigestFollowsContent(t *testing.T) {
	one, _ := render(t, nil, map[string]slipway.ConfigValue{"A": {Value: "1"}, "B": {Value: "2"}})
	same, _ := render(t, nil, map[string]slipway.ConfigValue{"B": {Value: "2"}, "A": {Value: "1"}})
	other, _ := render(t, nil, map[string]slipway.ConfigValue{"A": {Value: "1"}, "B": {Value: "3"}})
	if one.Digest != same.Digest || one.Digest == other.Digest {
		t.Errorf("%s %s %s", one.Digest, same.Digest, other.Digest)
	}
}

func TestRenderRefuses(t *testing.T) {
	secret := map[string]slipway.ConfigValue{"TOKEN": {Secret: "sealed://payments/TOKEN"}}
	cases := []struct {
		name, says string
		files      map[string]string
		values     map[string]slipway.ConfigValue
	}{
		{"undefined", "app.ini.j2:2: 'DB_HOST' is undefined", map[string]string{"app.ini.j2": "a\nhost={{ DB_HOST }}\n"}, nil},
		{"syntax", "app.ini.j2:3:", map[string]string{"app.ini.j2": "a\nb\n{% if %}\n"}, nil},
		{"syntax in an include", "inc.txt:1:", map[string]string{"app.ini.j2": "{% include 'inc.txt' %}", "inc.txt": "{{ a b }}"}, nil},
		{"missing include", "no template nothing.txt", map[string]string{"app.ini.j2": "\n{% include 'nothing.txt' %}"}, nil},
		{"include out of the tree", "no template", map[string]string{"app.ini.j2": "{% include '../../../../etc/passwd' %}"}, nil},
		{"link out of the tree", "no template", map[string]string{"app.ini.j2": "-> /etc/passwd"}, nil},
		{"endless loop", "endless loop", map[string]string{"app.ini.j2": "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor %}{% endfor %}{% endfor %}"}, nil},
		{"recursion", "app.ini.j2", map[string]string{"app.ini.j2": "{% include 'app.ini.j2' %}"}, nil},
		{"too much memory", "app.ini.j2", map[string]string{"app.ini.j2": "{{ ('x' * 999999999) ~ ('y' * 999999999) }}"}, nil},
		{"the sandbox holds", "app.ini.j2", map[string]string{"app.ini.j2": "{{ ''.__class__.__mro__[1].__subclasses__() }}"}, nil},
		{"not text", "UTF-8", map[string]string{"app.ini.j2": "\xff\xfe"}, nil},
		{"a changed secret", "changed by a filter", map[string]string{"app.ini.j2": "{{ TOKEN|upper }}"}, secret},
		{"a reserved name", "set by the platform", nil, map[string]slipway.ConfigValue{"PORT": {Value: "1"}}},
		{"a bad name", "can't be the name", nil, map[string]slipway.ConfigValue{"A B": {Value: "1"}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := render(t, c.files, c.values)
			if slipway.CodeOf(err) != slipway.Refused || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", slipway.CodeOf(err), err)
			}
		})
	}
}
