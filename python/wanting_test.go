package python

import (
	"strings"
	"testing"
	"testing/fstest"
)

// TestLinesOfLongFiles: where an import fails is told whatever the length of the file.
func TestLinesOfLongFiles(t *testing.T) {
	t.Parallel()
	project := &Project{Root: ".", Application: &Application{Module: "shop.app", Object: "app", Dir: "."}}
	failed := ImportResult{ErrorType: "NameError", Error: "name 'x' is not defined", Line: "shop/models.py:10245"}
	if got := project.Judge(failed); got == nil || got.File != "shop/models.py" || got.Line != 10245 {
		t.Errorf("%+v", got)
	}
	files := fstest.MapFS{"shop/models.py": {Data: []byte("import os\nSITE = os.environ['SITE']\n")}}
	failed.ErrorType, failed.Error = "KeyError", "'SITE'"
	if got := project.Wanting(files, failed, func(string) bool { return false }); got == nil || got.Line != 10245 {
		t.Errorf("%+v", got)
	}
}

// TestWantingNamesAllVariablesAtOnce: an import that fails for want of variables says
// each that it will ask for, and one that fails otherwise blames none.
func TestWantingNamesAllVariablesAtOnce(t *testing.T) {
	t.Parallel()
	project := &Project{Root: ".", Application: &Application{Module: "shop.app", Object: "app", Dir: "."}}
	files := fstest.MapFS{
		"shop/settings.py": {Data: []byte("import os\necho = os.getenv('DB_ECHO')\nurl = os.environ['DB_URL']\nlevel = os.getenv('LEVEL', 'info')\nname = os.getenv('NAME') or 'shop'\nkey = os.environ['HAS_VALUE']\n")},
		"shop/db.py":       {Data: []byte("import os\nPROVIDER = os.getenv('PROVIDER')\n")},
		"shop/fields.py":   {Data: []byte("from pydantic_settings import BaseSettings\nclass Settings(BaseSettings):\n    model_config = {'x': 1}\n    env_prefix = 'SHOP_'\nSettings()\n")},
		"shop/empty.py":    {Data: []byte("import os\nJWT = os.getenv('JWT_SECRET', '')\nTITLE = os.getenv('SHOP_TITLE', '')\nNOTE = os.getenv('NOTE', '')\n")},
		"shop/secret.py":   {Data: []byte("import os\nSECRET_KEY = os.environ['SECRET_KEY']\nSITE = os.environ['SITE']\n")},
		".env.example":     {Data: []byte("# examples\nDB_ECHO=false\nexport DB_URL=\"postgresql://u:p@localhost/shop\" # local\nPROVIDER=<yours>\nJWT_SECRET=long\nSHOP_TITLE=Shop\n")},
	}
	given := func(name string) bool { return name == "HAS_VALUE" || name == ThrowawaySecret }
	for _, c := range []struct {
		name    string
		result  ImportResult
		message string // "" when it isn't for want of variables
		remedy  string
	}{
		{"named in the error", ImportResult{ErrorType: "ValueError", Error: "DB_ECHO must be 'true' or 'false'", Line: "shop/settings.py:2"},
			"DB_ECHO and DB_URL have no value (ValueError: DB_ECHO must be", "slipway service set SERVICE --set env.DB_ECHO=false --set env.DB_URL=postgresql://u:p@localhost/shop (from .env.example)"},
		{"a key", ImportResult{ErrorType: "KeyError", Error: "'DB_URL'", Line: "shop/settings.py:3"}, "DB_URL has no value", "--set env.DB_URL="},
		{"nothing where a text is wanted", ImportResult{ErrorType: "TypeError", Error: "Provider name should be string. Got: 'NoneType'", Line: "shop/bind.py:9"}, "PROVIDER and SITE have no value", "--set env.PROVIDER=VALUE"},
		{"what the same file reads in vain, of which there is an example", ImportResult{ErrorType: "ValueError", Error: "JWT_SECRET environment variable is required", Line: "shop/empty.py:9"}, "JWT_SECRET and SHOP_TITLE have no value", "slipway service set SERVICE --set env.JWT_SECRET=long --set env.SHOP_TITLE=Shop (from"},
		{"fields of pydantic", ImportResult{ErrorType: "ValidationError", Error: "2 validation errors for Settings\ndatabase_url\n  Field required [type=missing]\nsecret\n  field required (type=value_error.missing)", Line: "shop/fields.py:5"},
			"SHOP_DATABASE_URL and SHOP_SECRET have no value", "--set env.SHOP_DATABASE_URL=VALUE --set env.SHOP_SECRET=VALUE"},
		{"a secret that the build throws away", ImportResult{ErrorType: "KeyError", Error: "'SITE'", Line: "shop/secret.py:3"}, "SITE has no value", "is wanted of each environment: slipway secret set SERVICE SECRET_KEY --env ENVIRONMENT"},
		{"another fault", ImportResult{ErrorType: "NameError", Error: "name 'x' is not defined", Line: "shop/settings.py:4"}, "", ""},
		{"a module", ImportResult{ErrorType: "ModuleNotFoundError", Error: "No module named 'six'", Line: "shop/app.py:1"}, "", ""},
	} {
		got := project.Wanting(files, c.result, given)
		switch {
		case (got == nil) != (c.message == ""):
			t.Errorf("%s: %+v", c.name, got)
		case got != nil && (!strings.Contains(got.Message, c.message) || !strings.Contains(got.Remedy, c.remedy) || strings.Contains(got.Message+got.Remedy, "HAS_VALUE") || strings.Contains(got.Message, "LEVEL") || strings.Contains(got.Message, "NAME")):
			t.Errorf("%s: %s\n%s", c.name, got.Message, got.Remedy)
		}
	}
}
