package build

import (
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python"
)

// What keeps tests from running is mostly one of few things, and each has one
// remedy. It is looked for in what the tests themselves reported, and in the end of
// the output where they reported nothing.

var (
	noModule  = regexp.MustCompile(`No module named '?([A-Za-z_][\w.]*)'?`)
	variables = []*regexp.Regexp{
		regexp.MustCompile(`environ(?s:.*)KeyError: '([A-Za-z_]\w*)'`),
		regexp.MustCompile(`Set the (\w+) environment variable`),                                                                    // django-environ
		regexp.MustCompile(`UndefinedValueError: (\w+) not found`),                                                                  // python-decouple
		regexp.MustCompile(`Environment variable "(\w+)" (?:not set|is not set)`),                                                   // environs
		regexp.MustCompile(`KeyError: "Config '(\w+)' is missing, and has no default`),                                              // Starlette
		regexp.MustCompile(`validation errors? for \w*(?:Settings|Config)\w*\s*\n(?:E\s+)?(\w+)\s*\n(?:E\s+)?\s*[Ff]ield required`), // Pydantic
	}
	servers = []*regexp.Regexp{
		regexp.MustCompile(`connection to server at "([^"]+)"(?: \([^)]*\))?, port (\d+) failed`),
		regexp.MustCompile(`connection to server on socket "([^"]+)" failed`),
		regexp.MustCompile(`could not translate host name "([^"]+)" to address`),
		regexp.MustCompile(`(?i)can't connect to (?:local )?(?:MySQL )?server (?:on|through socket) '([^']+)'`),
		regexp.MustCompile(`Error (?:-?\d+ )?(?:while )?connecting to ([\w.-]+:\d+)`), // Redis
		regexp.MustCompile(`Connect call failed \('([\w.:]+)', (\d+)`),
		regexp.MustCompile(`ServerSelectionTimeoutError: ([\w.-]+:\d+)`),
		regexp.MustCompile(`(password authentication failed for user|no password supplied)`),
	}
	browser = regexp.MustCompile(`NoSuchDriverException|Unable to obtain driver|cannot find (?:Chrome|Firefox|chrome) binary|(?:chromedriver|geckodriver)'? executable needs to be in PATH|playwright install`)
	option  = regexp.MustCompile(`unrecognized arguments: (--?[\w-]+)`)
	fixture = regexp.MustCompile(`fixture '(\w+)' not found`)
	async   = regexp.MustCompile(`async def functions are not natively supported`)
	setting = regexp.MustCompile(`You must either define the environment variable DJANGO_SETTINGS_MODULE`)
	program = regexp.MustCompile(`(?m)^(?:make|/bin/sh|sh|bash|/usr/bin/env|env)\b[^\n]*?[:‘' ]([\w.+-]+)[’']?: (?:command not found|not found|No such file or directory)`)
)

// managersOfTheirOwn make an environment for what they run.
var managersOfTheirOwn = map[string]bool{"uv": true, "poetry": true, "pdm": true, "pipenv": true, "hatch": true, "rye": true, "tox": true, "nox": true, "docker": true, "docker-compose": true}

// cause says what kept tests from running, and the one thing to do; "" when it
// isn't known. text is what they said.
func cause(p *python.Project, source, text string, failures []slipway.TestFailure) string {
	for _, re := range variables {
		if m := re.FindStringSubmatch(text); m != nil {
			return askedFor(strings.ToUpper(m[1]))
		}
	}
	if all := noModule.FindAllStringSubmatch(text, -1); all != nil && !setting.MatchString(text) {
		return lacks(p, all[len(all)-1][1])
	}
	for _, re := range servers {
		if m := re.FindStringSubmatch(text); m != nil {
			return unreached(p, source, m)
		}
	}
	switch {
	case browser.MatchString(text):
		return "the tests drive a browser, and they find none here: leave those out, by " + withoutFiles(p, failures)
	case setting.MatchString(text):
		return "the tests don't say which settings of Django they take: state test: {env: {DJANGO_SETTINGS_MODULE: ...}} in slipway.yaml"
	}
	if m := option.FindStringSubmatch(text); m != nil {
		if plugin := python.PluginOf(m[1]); plugin != "" {
			return fmt.Sprintf("pytest is told %s, which takes %s; %s", m[1], plugin, p.PluginRemedy(plugin))
		}
		return fmt.Sprintf("pytest doesn't know %s, which it is told: state the plugin that has it as test: {packages: [...]} in slipway.yaml, or take it out of addopts", m[1])
	}
	if m := fixture.FindStringSubmatch(text); m != nil {
		if plugin := python.PluginOf(m[1]); plugin != "" {
			return fmt.Sprintf("the tests take the fixture %s, which is of %s; %s", m[1], plugin, p.PluginRemedy(plugin))
		}
	}
	if async.MatchString(text) {
		return "some tests are coroutines, which takes a plugin of pytest's; " + p.PluginRemedy("pytest-asyncio")
	}
	if m := program.FindStringSubmatch(text); m != nil {
		if managersOfTheirOwn[m[1]] {
			return fmt.Sprintf("the test command calls %s, which is not there, as Slipway has made the environment: state what %s would run as test: {command: ...} in slipway.yaml", m[1], m[1])
		}
		return fmt.Sprintf("the test command calls %s, which is not there: state the package that brings it as test: {packages: [...]} in slipway.yaml, or another test: {command: ...}", m[1])
	}
	return ""
}

func lacks(p *python.Project, module string) string {
	dir, own := p.OwnModule(module)
	switch {
	case own && dir != "." && dir != "src":
		return fmt.Sprintf("the tests import %s, which lies in %s: state test: {env: {PYTHONPATH: %s}} in slipway.yaml", module, dir, dir)
	case own:
		return fmt.Sprintf("the tests import %s, which the project doesn't have: commit it, or correct the import", module)
	}
	return fmt.Sprintf("the tests import %s, which is not installed for them; %s", module, p.TestRemedy(module))
}

// askedFor is a variable that has no value.
func askedFor(name string) string {
	value := "..."
	if strings.Contains(name, "DATABASE_URL") || name == "DB_URL" {
		value = "\"sqlite:///test.sqlite3\""
	}
	return fmt.Sprintf("the tests ask for the variable %s, and nothing gives it: state test: {env: {%s: %s}} in slipway.yaml", name, name, value)
}

// unreached is a server that doesn't answer, or doesn't let the tests in.
func unreached(p *python.Project, source string, found []string) string {
	at := strings.Join(found[1:], ":")
	what := fmt.Sprintf("the tests want a server at %s, and none answers", at)
	if strings.Contains(at, "password") {
		what = "the tests want a database that doesn't let them in"
	}
	names := addressVariables(p, source, strings.Contains(strings.ToLower(found[0]), "connecting to"))
	if len(names) == 0 {
		return what + ": start one there for them, or have the settings that they take read its address from a variable, and state that as test: {env: {...}} in slipway.yaml"
	}
	var pairs []string
	for _, n := range names {
		pairs = append(pairs, n+": ...")
	}
	return fmt.Sprintf("%s: state one that they may use as test: {env: {%s}} in slipway.yaml", what, strings.Join(pairs, ", "))
}

// addressVariables are the variables by which the project is told of a server: one
// address, or else its parts.
func addressVariables(p *python.Project, source string, broker bool) []string {
	var whole, parts []string
	for _, read := range python.Variables(os.DirFS(source), string(p.Root)) {
		v := read.Name
		redis := strings.Contains(v, "REDIS") || strings.Contains(v, "BROKER")
		database := strings.Contains(v, "DATABASE") || strings.Contains(v, "POSTGRES") || strings.Contains(v, "MYSQL") || strings.Contains(v, "MONGO") || strings.HasPrefix(v, "DB_") || strings.HasPrefix(v, "PG") || strings.Contains(v, "SQLALCHEMY")
		switch {
		case redis != broker || !redis && !database:
		case strings.HasSuffix(v, "URL") || strings.HasSuffix(v, "URI") || strings.HasSuffix(v, "DSN"):
			whole = append(whole, v)
		case strings.Contains(v, "HOST") || strings.Contains(v, "SERVER"):
			parts = append([]string{v}, parts...)
		case strings.Contains(v, "USER") || strings.Contains(v, "PASSWORD"):
			parts = append(parts, v)
		}
	}
	if len(whole) > 0 {
		for _, v := range whole {
			if strings.Contains(v, "TEST") {
				return []string{v}
			}
		}
		return whole[:1]
	}
	return parts[:min(3, len(parts))]
}

// withoutFiles is the command that leaves out the files of the failures.
func withoutFiles(p *python.Project, failures []slipway.TestFailure) string {
	var ignored []string
	for _, f := range failures {
		if arg := "--ignore=" + f.File; f.File != "" && strings.HasSuffix(f.File, ".py") && !strings.Contains(strings.Join(ignored, " ")+" ", arg+" ") {
			ignored = append(ignored, arg)
		}
	}
	if p.Test.Runner == "pytest" && len(ignored) > 0 && len(ignored) <= 3 {
		return fmt.Sprintf("test: {command: %s %s} in slipway.yaml", p.Test.Command, strings.Join(ignored, " "))
	}
	return "test: {command: ...} in slipway.yaml"
}
