package stated

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	slipway "github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/shell"
	"github.com/slipway-dev/slipway/python/tree"
)

// ProcessName is what a process may be called.
var ProcessName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)

var (
	serviceName     = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	applicationName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*(\(\))?$`)
)

// Words that slipway.yaml may use; the schema lists the same.
var (
	configManagers   = []string{string(manifest.UV), string(manifest.Poetry), string(manifest.PDM), string(manifest.Pipenv), string(manifest.PipTools), string(manifest.Pip), string(manifest.PyLock), string(manifest.NoDeps)}
	configServers    = []string{"gunicorn", "uvicorn", "hypercorn", "daphne", "granian", "waitress", "uwsgi"}
	configFrameworks = []string{
		"django", "flask", "fastapi", "starlette", "litestar", "sanic", "quart", "falcon", "bottle", "pyramid",
		"aiohttp", "tornado", "streamlit", "gradio", "dash",
	}
)

// Choices are the values that a key of slipway.yaml may have, for the keys that
// take one word out of a few; nil for every other key.
func Choices(key string) []string {
	switch key {
	case "manager":
		return slices.Clone(configManagers)
	case "framework":
		return slices.Clone(configFrameworks)
	case "server":
		return slices.Clone(configServers)
	}
	return nil
}

// configChecker looks at values that have the right type.
type configChecker struct {
	*configReader
	root *yaml.Node
}

func (r *configReader) check(c *Config, root *yaml.Node) {
	k := configChecker{r, root}
	k.pattern("name", c.Name, serviceName, "use lower-case letters, digits and hyphens")
	k.oneOf("stale_lock", c.StaleLock, []string{"refuse", "warn"})
	k.day("packages_as_of", c.PackagesAsOf)
	k.oneOf("static_files", c.StaticFiles, []string{"edge", StaticByApplication})
	if c.AnswerSeconds != nil {
		k.between("answer_seconds", *c.AnswerSeconds, 0, 3600)
	}
	k.limits("limits", c.Limits)
	if c.AnswerSeconds != nil && c.Limits != nil && c.Limits.AnswerSeconds != nil {
		k.bad("limits.answer_seconds", "answer_seconds and limits.answer_seconds say the same", "delete one of them")
	}
	for name, e := range c.Environments {
		if err := slipway.CheckName("environment", name); err != nil {
			k.bad("environments."+name, fmt.Sprintf("%q is no name of an environment", tree.Clip(name)), "use lower-case letters, digits and hyphens")
		}
		k.limits("environments."+name+".limits", e.Limits)
	}
	k.oneOf("pages", c.Pages, []string{"warn", "refuse", "ignore"})
	k.oneOf("manager", string(c.Manager), configManagers)
	k.oneOf("server", c.Server, configServers)
	k.oneOf("framework", c.Framework, configFrameworks)
	k.pattern("application", c.Application, applicationName, "write module:object or module:factory(), such as shop.wsgi:application")
	k.inside("root", c.Root)
	for i, f := range c.Requirements {
		k.inside("requirements."+strconv.Itoa(i), f)
	}
	for i, f := range c.Data {
		at := "data." + strconv.Itoa(i)
		if _, tmp := InTmp(f); !tmp {
			k.inside(at, f)
		}
		if path.Clean(f) == "." {
			k.bad(at, at+" is the whole service: a release would keep nothing of its own", "name the files and directories that it writes")
		}
	}
	k.command("release_command", c.ReleaseCommand)
	k.command("verify_command", c.VerifyCommand)
	for name, p := range c.Processes {
		at := "processes." + name
		if !ProcessName.MatchString(name) {
			k.bad(at, fmt.Sprintf("%q is no name for a process", tree.Clip(name)), "use lower-case letters, digits, - and _")
		}
		if name == "release" {
			k.bad(at, "processes.release is not a process", "use release_command: for what runs once per deploy")
		}
		if p.Command == "" {
			k.bad(at, at+" has no command", "add command: to "+at)
		}
		k.command(at+".command", p.Command)
		if manifest.Find(k.root, "processes", name, "instances") != nil { // 0 would run one all the same
			k.between(at+".instances", p.Instances, 1, 100)
		}
		k.between(at+".grace_seconds", p.GraceSeconds, 0, 1800) // an undo may have to wait for it
		k.oneOf(at+".stop_signal", p.StopSignal, StopSignals)
		k.between(at+".memory_mb", p.MemoryMB, 0, 1<<20)
	}
	k.env("env", c.Env)
	for name := range c.Env {
		if slipway.ReservedVariable(name) {
			k.bad("env."+name, "env."+name+" is set by the platform", "delete it from env:")
		}
	}
	if t := c.Test; t != nil {
		k.command("test.command", t.Command)
		k.env("test.env", t.Env)
		k.between("test.timeout_seconds", t.TimeoutSeconds, 0, 86400)
		for i, f := range t.Requirements {
			k.inside("test.requirements."+strconv.Itoa(i), f)
		}
		for i, text := range t.Packages {
			at := "test.packages." + strconv.Itoa(i)
			if dep, ok := manifest.ParseRequirement(text); !ok || strings.HasPrefix(strings.TrimSpace(text), "-") || dep.URL != "" && !manifest.IsRemote(dep.URL) {
				k.bad(at, fmt.Sprintf("%s: %q is not the requirement of a package", at, tree.Clip(text)), "write it as pytest-mock or faker>=20; what lies in the repository belongs into a file of test.requirements")
			}
		}
		for i, text := range t.Without {
			at := "test.without." + strconv.Itoa(i)
			if dep, ok := manifest.ParseRequirement(text); !ok || dep.URL != "" || dep.Specifier != "" || dep.Marker != "" || len(dep.Extras) > 0 {
				k.bad(at, fmt.Sprintf("%s: %q is not the name of a package", at, tree.Clip(text)), "write its name only, such as mysqlclient")
			}
		}
		if t.Skip && t.Command != "" {
			k.bad("test.skip", "test.skip is true and test.command is given", "delete one of them")
		}
	}
	if h := c.Health; h != nil {
		k.urlPath("health.path", h.Path)
		k.between("health.timeout_seconds", h.TimeoutSeconds, 0, 3600)
		if strings.ContainsAny(h.Host, "/ \t\r\n") {
			k.bad("health.host", "health.host is a host name, without scheme or path", "write it as example.com")
		}
		for i, s := range h.Statuses {
			k.between("health.statuses."+strconv.Itoa(i), s, 100, 599)
		}
	}
	for i, f := range c.Files {
		at := "files." + strconv.Itoa(i)
		k.required(at+".template", f.Template)
		k.required(at+".path", f.Path)
		k.inside(at+".template", f.Template)
		k.inside(at+".path", f.Path)
	}
	for i, v := range c.Verify {
		at := "verify." + strconv.Itoa(i)
		k.required(at+".path", v.Path)
		k.urlPath(at+".path", v.Path)
		if v.Status != 0 {
			k.between(at+".status", v.Status, 100, 599)
		}
		k.between(at+".max_millis", v.MaxMillis, 0, 600000)
		k.between(at+".successes", v.Successes, 0, 100)
		k.between(at+".timeout_seconds", v.TimeoutSeconds, 0, 3600)
	}
	if b := c.Build; b != nil {
		k.env("build.env", b.Env)
		k.between("build.timeout_seconds", b.TimeoutSeconds, 0, 86400)
		for i, cmd := range b.Commands {
			k.required("build.commands."+strconv.Itoa(i), string(cmd))
			k.command("build.commands."+strconv.Itoa(i), cmd)
		}
	}
}

// bad reports key with the line of the deepest part of it that is written.
func (k configChecker) bad(key, message, remedy string) {
	parts := strings.Split(key, ".")
	var n *yaml.Node
	for len(parts) > 0 && n == nil {
		n = manifest.Find(k.root, parts...)
		parts = parts[:len(parts)-1]
	}
	k.fault("config.value", key, n, message, remedy)
}

func (k configChecker) oneOf(key, value string, known []string) {
	if value == "" || slices.Contains(known, value) {
		return
	}
	remedy := "use one of " + strings.Join(known, ", ")
	if near := nearest(value, known); near != "" {
		remedy = "did you mean " + key + ": " + near + "?"
	}
	k.bad(key, fmt.Sprintf("%s: %q is not known", key, tree.Clip(value)), remedy)
}

func (k configChecker) pattern(key, value string, re *regexp.Regexp, remedy string) {
	if value != "" && !re.MatchString(value) {
		k.bad(key, fmt.Sprintf("%s: %q has the wrong form", key, tree.Clip(value)), remedy)
	}
}

func (k configChecker) required(key, value string) {
	if strings.TrimSpace(value) == "" {
		k.bad(key, key+" is missing", "add "+key[strings.LastIndexByte(key, '.')+1:]+":")
	}
}

func (k configChecker) between(key string, value, low, high int) {
	if value < low || value > high {
		k.bad(key, fmt.Sprintf("%s: %d is not between %d and %d", key, value, low, high), fmt.Sprintf("write a number from %d to %d", low, high))
	}
}

func (k configChecker) limits(at string, l *slipway.Limits) {
	if l == nil {
		return
	}
	for _, kind := range slipway.LimitKinds {
		if stated := *kind.Of(l); stated != nil {
			k.between(at+"."+kind.Key, *stated, kind.Least, kind.Most)
		}
	}
}

func (k configChecker) inside(key, name string) {
	if name == "" {
		return
	}
	if clean := path.Clean(name); path.IsAbs(name) || clean == ".." || strings.HasPrefix(clean, "../") || strings.ContainsAny(name, "\\\x00") {
		k.bad(key, fmt.Sprintf("%s: %q leaves the service's directory", key, tree.Clip(name)), "give a path relative to the service's directory")
	}
}

func (k configChecker) urlPath(key, value string) {
	if value != "" && (!strings.HasPrefix(value, "/") || strings.ContainsAny(value, " \t\r\n#")) {
		k.bad(key, fmt.Sprintf("%s: %q is not the path of a URL", key, tree.Clip(value)), "write it as /health")
	}
}

func (k configChecker) env(key string, values map[string]string) {
	for name, v := range values {
		if !shell.Identifier(name) {
			k.bad(key+"."+name, fmt.Sprintf("%s: %q is no name for a variable", key, tree.Clip(name)), "use letters, digits and _")
		}
		if strings.ContainsRune(v, 0) {
			k.bad(key+"."+name, key+"."+name+" holds a NUL", "remove it")
		}
	}
}

func (k configChecker) command(key string, c shell.Command) {
	if c == "" {
		return
	}
	if _, err := c.Parse(); err != nil {
		k.bad(key, key+": "+err.Error(), "correct "+key)
	}
}

func (k configChecker) day(key, value string) {
	if value == "" || value == NewestPackages || value == CommitPackages {
		return
	}
	if _, err := time.Parse(time.DateOnly, value); err != nil {
		k.bad(key, fmt.Sprintf("%s: %q is no day", key, tree.Clip(value)), "use "+CommitPackages+", "+NewestPackages+", or a day such as 2024-05-31")
	}
}

// StopSignals are the names that stop_signal may have.
var StopSignals = []string{"TERM", "INT", "QUIT", "HUP", "USR1", "USR2", "WINCH"}

// StaticByApplication is what slipway.yaml says of static files that the edge and
// the build leave alone.
const StaticByApplication = "application"

// InTmp is a path below /tmp, or below /var/tmp, which is the same to a service.
func InTmp(name string) (below string, ok bool) {
	name = strings.TrimPrefix(path.Clean(name), "/var")
	below, ok = strings.CutPrefix(name, "/tmp/")
	return below, ok
}

// NewestPackages is the value of packages_as_of that takes what an index has today.
const NewestPackages = "newest"

// CommitPackages takes what there was when the day of the commit began, as does saying
// nothing.
const CommitPackages = "commit"
