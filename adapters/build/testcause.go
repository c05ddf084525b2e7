package build

import (
	"fmt"
	"os"
	"regexp"
	"slices"
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
	// noServer are ways to miss a database beside those of slipway.FindUnreached.
	noServer = []*regexp.Regexp{
		regexp.MustCompile(`could not translate host name "([^"]+)" to address`),
		regexp.MustCompile(`ServerSelectionTimeoutError: ([\w.-]+:\d+)`),
	}
	notLetIn = regexp.MustCompile(`password authentication failed for user|no password supplied`)
	browser  = regexp.MustCompile(`NoSuchDriverException|Unable to obtain driver|cannot find (?:Chrome|Firefox|chrome) binary|(?:chromedriver|geckodriver)'? executable needs to be in PATH|playwright install`)
	option   = regexp.MustCompile(`unrecognized arguments: (--?[\w-]+)`)
	fixture  = regexp.MustCompile(`fixture '(\w+)' not found`)
	async    = regexp.MustCompile(`async def functions are not natively supported`)
	setting  = regexp.MustCompile(`You must either define the environment variable DJANGO_SETTINGS_MODULE`)
	program  = regexp.MustCompile(`(?m)^(?:make|/bin/sh|sh|bash|/usr/bin/env|env)\b[^\n]*?[:‘' ]([\w.+-]+)[’']?: (?:command not found|not found|No such file or directory)`)
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
	if says := noDatabase(p, source, text); says != "" {
		return says
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

// noDatabase says that a server doesn't answer, or doesn't let the tests in.
func noDatabase(p *python.Project, source, text string) string {
	database := slipway.Unreached{Port: "5432"} // unless something else is said: databases are told by the same names
	u, found := slipway.FindUnreached(text)
	what := fmt.Sprintf("the tests want a server at %s, and none answers", u)
	for _, re := range noServer {
		if m := re.FindStringSubmatch(text); m != nil && !found {
			u, found, what = database, true, fmt.Sprintf("the tests want a server at %s, and none answers", m[1])
		}
	}
	if !found && notLetIn.MatchString(text) {
		u, found, what = database, true, "the tests want a database that doesn't let them in"
	}
	if !found {
		return ""
	}
	names := addressVariables(p, source, u)
	if len(names) == 0 {
		return what + ": start one there for them, or have the settings that they take read its address from a variable, and state that as test: {env: {...}} in slipway.yaml"
	}
	return fmt.Sprintf("%s: state one that they may use as test: {env: {%s: ...}} in slipway.yaml", what, strings.Join(names, ": ..., "))
}

// addressVariables are the variables by which the project is told of a server: one
// address, one for tests before others, or else its parts.
func addressVariables(p *python.Project, source string, u slipway.Unreached) []string {
	var whole, hosts, rest []string
	var read []string
	for _, v := range python.Variables(os.DirFS(source), string(p.Root)) {
		read = append(read, v.Name)
	}
	for _, v := range u.Told(read) {
		switch {
		case strings.HasSuffix(v, "URL") || strings.HasSuffix(v, "URI") || strings.HasSuffix(v, "DSN"):
			whole = append(whole, v)
		case strings.Contains(v, "HOST") || strings.Contains(v, "SERVER"):
			hosts = append(hosts, v)
		case strings.Contains(v, "USER") || strings.Contains(v, "PASSWORD"):
			rest = append(rest, v)
		}
	}
	if i := slices.IndexFunc(whole, func(v string) bool { return strings.Contains(v, "TEST") }); i >= 0 {
		return whole[i : i+1]
	}
	parts := append(hosts, rest...)
	if len(whole) > 0 {
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
