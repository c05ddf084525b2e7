package build

import "testing"

// A database in a directory that git doesn't keep can be opened by an import, and by the
// tests.
func TestDataHasItsDirectory(t *testing.T) {
	t.Parallel()
	dir := project(t, files{
		"requirements.txt": "bottle==0.13.4\n",
		"app.py":           "import sqlite3\n\nfrom bottle import Bottle\n\nsqlite3.connect('var/data/shop.sqlite3').execute('create table if not exists t (x)')\napp = Bottle()\n",
	})
	if _, log, err := build(t, dir); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
}
