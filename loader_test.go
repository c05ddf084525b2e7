package slipway_test

import (
	"testing"

	"github.com/slipway-dev/slipway"
)

func TestLoadsCode(t *testing.T) {
	for _, name := range []string{
		"PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONUSERBASE", "PYTHONPYCACHEPREFIX", "PYTHONBREAKPOINT", "PYTHONINSPECT", "PYTHON_PRESITE", "PYTHONOFTOMORROW",
		"LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "BASH_ENV", "PATH", "NODE_OPTIONS", "GCONV_PATH", "BASH_FUNC_ls%%", "GUNICORN_CMD_ARGS", "UWSGI_MODULE", "PERL5OPT", "OPENSSL_CONF",
	} {
		if slipway.LoadsCode(name, "x", true) == "" || slipway.LoadsCode(name, "", false) == "" {
			t.Errorf("%s is taken for a setting as others are", name)
		}
	}
	for _, name := range []string{"PYTHONUNBUFFERED", "PYTHONHASHSEED", "PYTHONUTF8", "LD_SDK_KEY", "WEB_CONCURRENCY", "DATABASE_URL", "DJANGO_SETTINGS_MODULE", "ENVIRONMENT", "PATHS", "LOG_LEVEL"} {
		if why := slipway.LoadsCode(name, "x/y", true); why != "" {
			t.Errorf("%s %s", name, why)
		}
	}
	for _, c := range []struct {
		name, value string
		known, want bool
	}{
		{"ENV", "production", true, false}, {"ENV", "./run.sh", true, true}, {"ENV", "$HOME/x", true, true}, {"ENV", "", false, true},
		{"PYTHONWARNINGS", "ignore", true, false}, {"PYTHONWARNINGS", "error::DeprecationWarning,default", true, false},
		{"PYTHONWARNINGS", "default,ignore::planted.Category", true, true}, {"PYTHONWARNINGS", "", false, true},
	} {
		if why := slipway.LoadsCode(c.name, c.value, c.known); (why != "") != c.want {
			t.Errorf("%s=%q, known %t: %q", c.name, c.value, c.known, why)
		}
	}
}
