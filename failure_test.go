package slipway_test

import (
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
)

func TestExceptionLines(t *testing.T) {
	for line, want := range map[string]bool{
		"KeyError: 'SECRET'": true, "django.core.exceptions.ImproperlyConfigured: no engine": true, "sqlalchemy.exc.OperationalError: (x) no such table: t": true,
		"redis.exceptions.ConnectionError: Error 111": true, "shop.models.Order.DoesNotExist": true, "ZeroDivisionError": true,
		"Traceback (most recent call last):": false, "  File \"x.py\", line 1": false, "INFO: Error: none": false, "GET / HTTP/1.1 500": false, "ERROR: boom": false,
	} {
		if got := slipway.LastException(line+"\n") == line; got != want {
			t.Errorf("%q: %t", line, got)
		}
	}
}

// TestLackingVariables: an exception that names what has no value says how it is given.
func TestLackingVariables(t *testing.T) {
	d := slipway.Deployment{Manifest: slipway.Manifest{Required: []string{"SHOP_DB_USER", "TOKEN"}, Asked: [][]string{{"HOOK_SECRET", "APP_ID", "APP_HOST", "APP_NAME"}, {"ALONE"}}},
		Config: slipway.Snapshot{Env: map[string]slipway.ConfigValue{"APP_NAME": {Value: "shop"}}}}
	const set = "slipway config set SERVICE --env ENVIRONMENT "
	for said, gives := range map[string]string{
		"dynaconf.validator.ValidationError: DB_USER is required in env main": "it: " + set + "SHOP_DB_USER=...",
		"KeyError: 'TOKEN'": "it: slipway secret set SERVICE TOKEN --env ENVIRONMENT",
		"django.core.exceptions.ImproperlyConfigured: The TOKEN setting must not be empty.": "it: slipway secret set SERVICE TOKEN --env ENVIRONMENT",
		"KeyError: 'other'":                       "",
		"ValueError: TOKEN has to be of 32 signs": "",
		"ValidationError: USE is required":        "",
		"django.core.exceptions.ImproperlyConfigured: Set the TOKEN environment variable": "it: slipway secret set SERVICE TOKEN --env ENVIRONMENT",
		"RuntimeError: Environment variable ALONE must be set.":                           "it: " + set + "ALONE=...",
		"ALONE is not set, and nothing works without it":                                  "it: " + set + "ALONE=...",
		"Exception: You need to set either HOOK_SECRET or HOOK_SECRET_FILE.":              "what it asks for: slipway secret set SERVICE HOOK_SECRET --env ENVIRONMENT; " + set + "APP_ID=... APP_HOST=...",
		"ValueError: APP_NAME must be set to a name of this shop":                         "",
	} {
		got := d.Cause("Traceback\n" + said + "\n")
		want := ": " + said
		if gives != "" {
			want += "; give " + gives + "; whatever it asks for is told by: slipway config check SERVICE --env ENVIRONMENT"
		}
		if got != want {
			t.Errorf("%q: %q, want %q", said, got, want)
		}
	}
}

// What a server doesn't find it says in a line of its own, without a traceback.
func TestWhatAServerDoesNotFind(t *testing.T) {
	for _, said := range []string{"Failed to find attribute 'server' in 'app'.", `Error loading ASGI app. Attribute "server" not found in module "app".`, "Cannot load application from 'app:server', module not found."} {
		printed := "[2026-11-30 07:00:00 +0000] [7] [INFO] Booting worker with pid: 7\n" + said + "\n[2026-11-30 07:00:00 +0000] [1] [ERROR] Shutting down: Master\n"
		if got := (slipway.Deployment{}).Cause(printed); got != ": "+said {
			t.Errorf("%q, want %q", got, said)
		}
	}
}

// TestMissingTables: what misses a table is told the project's own command that makes it,
// and never one that would empty what is kept at each deploy.
func TestMissingTables(t *testing.T) {
	makes := &slipway.Tables{Command: "flask init-db", State: "STATED"}
	empties := &slipway.Tables{Command: "flask init-db", State: "STATED", Once: "ONCE"}
	kept := []slipway.DataPath{{Path: "instance", Directory: true}}
	for name, c := range map[string]struct {
		m    slipway.Manifest
		said string
		want string
	}{
		"sqlite":                 {slipway.Manifest{Tables: makes, Data: kept}, "sqlite3.OperationalError: no such table: post", "STATED"},
		"postgres":               {slipway.Manifest{Tables: makes}, `psycopg.errors.UndefinedTable: relation "post" does not exist`, "STATED"},
		"what empties kept data": {slipway.Manifest{Tables: empties, Data: kept}, "sqlite3.OperationalError: no such table: post", "ONCE"},
		"what empties a server":  {slipway.Manifest{Tables: empties}, `psycopg.errors.UndefinedTable: relation "post" does not exist`, "ONCE"},
		"what keeps its data where a variable says": {slipway.Manifest{Tables: empties}, "sqlite3.OperationalError: no such table: post", "ONCE"},
		"another error": {slipway.Manifest{Tables: makes}, "sqlite3.OperationalError: database is locked", ""},
		"no command":    {slipway.Manifest{}, "sqlite3.OperationalError: no such table: post", ""},
	} {
		said := slipway.Deployment{Manifest: c.m}.Cause(c.said + "\n")
		for _, word := range []string{"STATED", "ONCE"} {
			if strings.Contains(said, word) != (word == c.want) {
				t.Errorf("%s: %q, want %q", name, said, c.want)
			}
		}
	}
}
