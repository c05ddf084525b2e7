package syntax

import (
	"encoding/json"
	"testing"
	"testing/fstest"
)

// TestAskedVariables: what a project asks for and may do without, and what it reads by a
// function of its own, together with what the same file wants.
func TestAskedVariables(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{
		"shop/env.py":      {Data: []byte("import os\ndef wanted(key: str, file_key: str) -> str:\n    if key in os.environ:\n        return os.environ[key]\n    elif file_key in os.environ:\n        return open(os.environ[file_key]).read()\n    raise Exception(key)\nclass Env:\n    def text(self, name, default=None):\n        return os.getenv(name, default)\ndef put(name, value):\n    os.environ[name] = value\n")},
		"shop/main.py":     {Data: []byte("import os\nfrom shop.env import Env, wanted, put\nHOOK = wanted('HOOK_SECRET', 'HOOK_SECRET_FILE')\nAPP = wanted('APP_ID', 'APP_ID_FILE')\nLEVEL = Env().text('LEVEL', 'info')\nZONE = Env().text('ZONE')\nput('WRITTEN', '1')\nwanted('lower', '')\n")},
		"shop/auth.py":     {Data: []byte("import os\nKEY = os.environ.get('KEY', '')\nSITE = os.getenv('SITE', default=None)\nPORT = os.getenv('PORT', '80')\n")},
		"tests/test_it.py": {Data: []byte("import os\nURL = os.environ.get('ITS_URL')\n")},
	}
	for tests, want := range map[bool]string{
		false: `[["KEY"],["SITE"],["ZONE"],["HOOK_SECRET","APP_ID"]]`,
		true:  `[["KEY"],["SITE"],["ITS_URL"],["ZONE"],["HOOK_SECRET","APP_ID"]]`,
	} {
		got, _ := json.Marshal(Asked(files, ".", tests))
		if string(got) != want {
			t.Errorf("with tests %v: %s, want %s", tests, got, want)
		}
	}
}
