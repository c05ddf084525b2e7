package syntax_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python/syntax"
)

func TestAsks(t *testing.T) {
	files := fstest.MapFS{}
	for name, text := range map[string]string{
		"app/main.py": "import os\nos.environ['BOTH']\nos.environ.get('MILD')\n",
		"app/a.ini.j2": `{# {{ COMMENTED }} #}
url={{ DB_URL }} {{- config.DB_USER -}} {{ config["DB_PASS"] }} {{ BOTH }}
{{ LEVEL | default("info") }} {{ service }} {{ MILD }}
{% if environment == "prod" %}{{ ONLY_PROD }}{% elif STAGE %}x{% endif %}
{% for n in HOSTS %}{{ n }}{{ loop.index }}{% endfor %}
{% set local = 1 %}{{ local }}{% raw %}{{ RAW }}{% endraw %}{{ config.get("SOFT") }}
{% block b %}{{ IN_BLOCK }}{% endblock %}
{% include "inc/head" %}{{ AFTER }}`,
		"app/inc/head": "{{ INCLUDED }}{% include 'inc/head' %}{% if SWITCH is defined %}{{ SWITCH }}{% endif %}",
	} {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	var got []string
	for _, v := range syntax.Asks(files, "app", []slipway.Template{{Source: "a.ini.j2", Path: "a.ini"}, {Source: "gone.j2", Path: "gone"}}) {
		need := ""
		if v.Required {
			need = "!"
		}
		got = append(got, fmt.Sprintf("%s%s@%s:%d", v.Name, need, strings.TrimPrefix(v.File, "app/"), v.Line))
	}
	want := "AFTER!@a.ini.j2:8 BOTH!@main.py:2 DB_PASS!@a.ini.j2:2 DB_URL!@a.ini.j2:2 DB_USER!@a.ini.j2:2 HOSTS!@a.ini.j2:5 INCLUDED!@inc/head:1 IN_BLOCK@a.ini.j2:7 LEVEL@a.ini.j2:3 MILD!@a.ini.j2:3 ONLY_PROD@a.ini.j2:4 STAGE@a.ini.j2:4 SWITCH@inc/head:1"
	if strings.Join(got, " ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
	}
}

func TestUnnamed(t *testing.T) {
	files := fstest.MapFS{
		"src/app.py":            {Data: []byte("class Settings(BaseSettings):\n    model_config = SettingsConfigDict(env_prefix='APP_')\n    debug: bool\n    database: Database\nNAME = read('EXACT')\n")},
		"src/run.sh":            {Data: []byte("exec server --level=$LOG_LEVEL\n")},
		"src/logo.png":          {Data: []byte("\x00BINARY")},
		"src/.git/config":       {Data: []byte("IN_GIT")},
		"src/node_modules/x.js": {Data: []byte("IN_MODULES")},
		"other/app.py":          {Data: []byte("ELSEWHERE")},
	}
	keys := []string{"EXACT", "LOG_LEVEL", "APP_DEBUG", "APP_DATABASE__URL", "APP_GONE", "DATABASE", "BINARY", "IN_GIT", "IN_MODULES", "ELSEWHERE", "WEB_CONCURRENCY", "PORT", "LOG", "SLIPWAY_X"}
	got, err := syntax.Unnamed(files, "src", keys)
	if want := "APP_GONE BINARY ELSEWHERE IN_GIT IN_MODULES LOG"; err != nil || strings.Join(got, " ") != want {
		t.Errorf("got %v %v, want %s", got, err, want)
	}
	if got, err := syntax.Unnamed(files, "nowhere", keys); err == nil || len(got) > 0 {
		t.Errorf("a directory that isn't there: %v", got)
	}
}
