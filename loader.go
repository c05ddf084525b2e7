package slipway

import (
	"maps"
	"slices"
	"strings"
)

// Some environment variables decide which code a program runs, whatever the release
// holds: a setting that names one is a change of code, and is shown as one to who
// decides about it. This is the one list of them.

// loaders are such variables with what each does. They are those that ld.so(8),
// Python, the shells and other interpreters document, and servers that take their
// options from the environment.
var loaders = map[string]string{
	"LD_PRELOAD": "loads a library into every program", "LD_AUDIT": "loads a library into every program",
	"LD_LIBRARY_PATH": "says where libraries are loaded from", "GCONV_PATH": "says where modules are loaded from that convert text",
	"GLIBC_TUNABLES": "changes how programs are loaded", "LOCPATH": "says where locales are loaded from",

	"PATH": "says which programs are started", "SHELL": "is a program that others start",
	"BASH_ENV": "is a script that each shell runs first", "SHELLOPTS": "changes what shells do", "BASHOPTS": "changes what shells do",
	"PS4": "is run by shells that trace", "PROMPT_COMMAND": "is run by shells", "IFS": "changes how shells read commands", "CDPATH": "changes where shells go",

	"NODE_OPTIONS": "can load code into Node.js", "NODE_PATH": "says where Node.js loads modules from",
	"PERL5OPT": "can load code into Perl", "PERL5LIB": "says where Perl loads modules from", "PERLLIB": "says where Perl loads modules from", "PERL5DB": "is code that Perl's debugger runs",
	"RUBYOPT": "can load code into Ruby", "RUBYLIB": "says where Ruby loads code from",
	"JAVA_TOOL_OPTIONS": "can load code into Java", "JDK_JAVA_OPTIONS": "can load code into Java", "_JAVA_OPTIONS": "can load code into Java", "CLASSPATH": "says where Java loads classes from",
	"LUA_INIT": "is code that Lua runs first", "LUA_PATH": "says where Lua loads modules from", "LUA_CPATH": "says where Lua loads modules from",
	"PHPRC": "says which settings PHP reads", "PHP_INI_SCAN_DIR": "says which settings PHP reads", "TCLLIBPATH": "says where Tcl loads packages from",

	"OPENSSL_CONF": "can load modules into OpenSSL", "OPENSSL_MODULES": "says where OpenSSL loads modules from", "OPENSSL_ENGINES": "says where OpenSSL loads modules from",
	"KRB5_CONFIG": "can load modules into Kerberos", "SASL_PATH": "says where SASL loads modules from", "ODBCINSTINI": "says which drivers ODBC loads", "ODBCSYSINI": "says which drivers ODBC loads",
	"GIO_EXTRA_MODULES": "says where GIO loads modules from", "GTK_MODULES": "says which modules GTK loads", "QT_PLUGIN_PATH": "says where Qt loads modules from",

	"EDITOR": "is a program that others start", "VISUAL": "is a program that others start", "PAGER": "is a program that others start", "BROWSER": "is a program that others start",
	"LESSOPEN": "is a program that less starts", "LESSCLOSE": "is a program that less starts",
	"GIT_SSH": "is a program that git starts", "GIT_SSH_COMMAND": "is a program that git starts", "GIT_EXEC_PATH": "says which programs git starts", "GIT_EXTERNAL_DIFF": "is a program that git starts",
	"GIT_PAGER": "is a program that git starts", "GIT_EDITOR": "is a program that git starts", "GIT_ASKPASS": "is a program that git starts", "GIT_PROXY_COMMAND": "is a program that git starts",

	"GUNICORN_CMD_ARGS": "is options of gunicorn, which can load code", "UVICORN_APP": "is the application that uvicorn runs", "UVICORN_APP_DIR": "says where uvicorn loads the application from",
	"PYTEST_ADDOPTS": "is options of pytest, which can load code", "PYTEST_PLUGINS": "is modules that pytest loads", "COVERAGE_PROCESS_START": "has coverage loaded into every Python",
	"VIRTUAL_ENV": "says which environment is used",
}

// loaderFamilies are beginnings of such names, where what comes after them is
// anybody's to choose, or new ones come with each version.
var loaderFamilies = map[string]string{
	"PYTHON": "changes which code Python runs, or how", "BASH_FUNC_": "is a function that shells have in the place of a program",
	"UWSGI_": "is an option of uWSGI, which can load code", "GIT_CONFIG": "is settings of git, which can name programs",
}

// harmless are names of a family that change nothing of that kind.
var harmless = []string{
	"PYTHONASYNCIODEBUG", "PYTHONCOERCECLOCALE", "PYTHONDEBUG", "PYTHONDEVMODE", "PYTHONDONTWRITEBYTECODE", "PYTHONFAULTHANDLER", "PYTHONHASHSEED", "PYTHONINTMAXSTRDIGITS",
	"PYTHONIOENCODING", "PYTHONMALLOC", "PYTHONMALLOCSTATS", "PYTHONNODEBUGRANGES", "PYTHONNOUSERSITE", "PYTHONOPTIMIZE", "PYTHONPROFILEIMPORTTIME", "PYTHONSAFEPATH", "PYTHONTRACEMALLOC",
	"PYTHONUNBUFFERED", "PYTHONUTF8", "PYTHONVERBOSE", "PYTHONWARNDEFAULTENCODING", "PYTHON_COLORS", "PYTHON_CPU_COUNT", "PYTHON_GIL", "PYTHON_HISTORY", "PYTHON_JIT",
}

// LoadsCode tells what an environment variable does to the code that programs run,
// as the predicate of a sentence about it; "" when it does nothing to it. What a
// value is of which nothing is known, as of a secret, is "" with known false.
func LoadsCode(name, value string, known bool) string {
	if why := loaders[name]; why != "" {
		return why
	}
	switch name {
	case "ENV": // the name of a file to a shell, and of a stage to most applications
		if known && !strings.ContainsAny(value, "/$`") {
			return ""
		}
		return "is a script that shells run first"
	case "PYTHONWARNINGS":
		// action:message:category:module:line, of which a category with a dot is imported.
		imports := !known
		for filter := range strings.SplitSeq(value, ",") {
			parts := strings.Split(filter, ":")
			imports = imports || len(parts) > 2 && strings.Contains(parts[2], ".")
		}
		if !imports {
			return ""
		}
		return "has Python load a module at its start"
	}
	if slices.Contains(harmless, name) {
		return ""
	}
	for _, family := range slices.Sorted(maps.Keys(loaderFamilies)) {
		if strings.HasPrefix(name, family) {
			return loaderFamilies[family]
		}
	}
	return ""
}
