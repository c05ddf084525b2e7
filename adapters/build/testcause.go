package build

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python"
	"github.com/slipway-dev/slipway/python/syntax"
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
	// unconnected is how an exception says that it has not come to a server, where it
	// says nothing of which.
	unconnected = regexp.MustCompile(`(?m)^(?:E\s+)?([A-Za-z_][\w.]*(?:Error|Exception|Timeout|gaierror)\b[^\n]*(?:Connection refused|Connect call failed|Name or service not known|Temporary failure in name resolution|No address associated with hostname|Network is unreachable))`)
	notLetIn    = regexp.MustCompile(`password authentication failed for user|no password supplied`)
	browser     = regexp.MustCompile(`NoSuchDriverException|Unable to obtain driver|cannot find (?:Chrome|Firefox|chrome) binary|(?:chromedriver|geckodriver)'? executable needs to be in PATH|playwright install`)
	containers  = regexp.MustCompile(`docker\.errors\.DockerException|Cannot connect to the Docker daemon`)
	option      = regexp.MustCompile(`unrecognized arguments: (--?[\w-]+)`)
	fixture     = regexp.MustCompile(`fixture '(\w+)' not found`)
	async       = regexp.MustCompile(`async def functions are not natively supported`)
	setting     = regexp.MustCompile(`You must either define the environment variable DJANGO_SETTINGS_MODULE`)
	program     = regexp.MustCompile(`(?m)^(?:make|/bin/sh|sh|bash|/usr/bin/env|env)\b[^\n]*?[:‘' ]([\w.+-]+)[’']?: (?:command not found|not found|No such file or directory)`)
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
	if says := noServer(p, source, text); says != "" {
		return says
	}
	switch {
	case browser.MatchString(text):
		return "the tests drive a browser, and they find none here: leave those out, by " + withoutFiles(p, failures) + ", or release without the tests by slipway service set SERVICE --set test.skip=true"
	case containers.MatchString(text):
		return "the tests start containers by Docker, which they don't reach here: leave those out, by " + withoutFiles(p, failures) + ", or release without the tests by slipway service set SERVICE --set test.skip=true"
	case setting.MatchString(text):
		return "the tests don't say which settings of Django they take: " + givenToTests([]string{"DJANGO_SETTINGS_MODULE"}, "...")
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
	if name := lacking(p, source, text); name != "" {
		return askedFor(name)
	}
	return notProvided(p, source, text)
}

// lacking is the variable that the project asks for, be it for its tests alone, and that
// an exception of theirs names for having none; "" when it names none.
func lacking(p *python.Project, source, text string) string {
	asked := slipway.Deployment{Manifest: slipway.Manifest{Asked: syntax.Asked(os.DirFS(source), string(p.Root), true)}}
	var said []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(strings.TrimPrefix(line, "E "))
		if names := asked.Lacking(slipway.LastException(line)); len(names) > 0 && !slices.Contains(said, names[0]) {
			said = append(said, names[0])
		}
	}
	if len(said) != 1 {
		return ""
	}
	return said[0]
}

var (
	provide = regexp.MustCompile(`(?m)^(?:E\s+)?[A-Za-z_][\w.]*(?:Error|Exception): ([^\n]*(?:should be provided|must be (?:provided|set|given)|not provided|is not set|can't be empty|must not be empty)[^\n]*)`)
	word    = regexp.MustCompile(`[a-z]{5,}`)
)

// notProvided names the only variable that is read without a default and means what an
// error says should have been given.
func notProvided(p *python.Project, source, text string) string {
	m := provide.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	said := word.FindAllString(strings.ToLower(m[1]), -1)
	var names []string
	for _, v := range syntax.Variables(os.DirFS(source), string(p.Root)) {
		if (v.Required || v.Bare()) && slices.ContainsFunc(strings.Split(strings.ToLower(v.Name), "_"), func(part string) bool { return slices.Contains(said, part) }) {
			names = append(names, v.Name)
		}
	}
	if len(names) != 1 {
		return ""
	}
	return askedFor(names[0])
}

func lacks(p *python.Project, module string) string {
	dir, own := p.OwnModule(module)
	switch {
	case own && dir != "." && dir != "src":
		return fmt.Sprintf("the tests import %s, which lies in %s: %s", module, dir, givenToTests([]string{"PYTHONPATH"}, dir))
	case own:
		return fmt.Sprintf("the tests import %s, which the project doesn't have: commit it, or correct the import", module)
	}
	return fmt.Sprintf("the tests import %s, which is not installed for them; %s", module, p.TestRemedy(module))
}

// askedFor is a variable that has no value.
func askedFor(name string) string {
	value := "..."
	if strings.Contains(name, "DATABASE_URL") || name == "DB_URL" {
		value = "sqlite:///test.sqlite3"
	}
	return fmt.Sprintf("the tests ask for the variable %s, and nothing gives it: %s", name, givenToTests([]string{name}, value))
}

// noVariable ends a sentence on a server whose address no variable is seen to give.
const noVariable = ": start one there for them, or have the settings that they take read its address from a variable, and state that by slipway service set SERVICE --set test.env.NAME=..."

// noServer says that a server doesn't answer, or doesn't let the tests in.
func noServer(p *python.Project, source, text string) string {
	u, found := slipway.FindUnreached(text)
	what := fmt.Sprintf("the tests want a server at %s, and none answers", u)
	switch {
	case u.Web():
		return fmt.Sprintf("the tests ask %s, which this machine doesn't reach: have them do without it, or release without them by slipway service set SERVICE --set test.skip=true", u.Host)
	case found && u.Host+u.Socket == "":
		what = fmt.Sprintf("the tests want a server of %s, and none answers where they look for it", u.Server)
	case found && u.Server != "":
		what = fmt.Sprintf("the tests want a server of %s at %s, and none answers", u.Server, u)
	case !found && notLetIn.MatchString(text):
		u, what = slipway.Unreached{Server: "PostgreSQL"}, "the tests want a database that doesn't let them in"
	case !found:
		if m := unconnected.FindStringSubmatch(text); m != nil {
			return fmt.Sprintf("the tests ask a server that this machine doesn't reach (%s): give them the address of one, or release without them by slipway service set SERVICE --set test.skip=true", clip(m[1], 200))
		}
		return ""
	}
	names := addressVariables(p, source, u)
	if len(names) == 0 {
		return what + noVariable
	}
	return fmt.Sprintf("%s: state one that they may use, by %s", what, givenToTests(names, "..."))
}

// givenToTests is the command that gives variables to the tests of a service that
// states none itself.
func givenToTests(names []string, value string) string {
	command := "slipway service set SERVICE"
	for _, name := range names {
		command += fmt.Sprintf(" --set test.env.%s=%s", name, value)
	}
	return command + " (or test: {env: {...}} in slipway.yaml)"
}

// addressVariables are the variables by which the project is told of a server: one
// address, one for tests before others, or else its parts.
func addressVariables(p *python.Project, source string, u slipway.Unreached) []string {
	var whole, parts []string
	var read []string
	for _, v := range syntax.Variables(os.DirFS(source), string(p.Root)) {
		read = append(read, v.Name)
	}
	told := u.Told(read)
	for _, v := range told {
		if strings.HasSuffix(v, "URL") || strings.HasSuffix(v, "URI") || strings.HasSuffix(v, "DSN") {
			whole = append(whole, v)
		}
	}
	if i := slices.IndexFunc(whole, func(v string) bool { return strings.Contains(v, "TEST") }); i >= 0 {
		return whole[i : i+1]
	}
	if len(whole) > 0 {
		return whole[:1]
	}
	for _, kind := range []string{"HOST", "SERVER", "PORT", "USER", "PASSWORD", "NAME", "_DB"} {
		for _, v := range told {
			if strings.Contains(v, kind) && !slices.Contains(parts, v) {
				parts = append(parts, v)
			}
		}
	}
	return parts[:min(6, len(parts))]
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

// ofPytest is how pytest says its version; before 4 it wrote each class with "::()" in
// the names of its tests.
var ofPytest = regexp.MustCompile(`\bpytest-(\d+)\.`)

// withoutFailing is how a release goes on without tests that fail: by naming them where
// they are few, else their files, else without any. seen is what pytest printed.
func withoutFailing(p *python.Project, report slipway.TestReport, seen string) string {
	const mostTests, mostFiles = 6, 3
	instance := ""
	if m := ofPytest.FindStringSubmatch(seen); m != nil && len(m[1]) == 1 && m[1] < "4" {
		instance = "::()"
	}
	command := string(p.Test.Command)
	var tests, files []string
	for _, f := range report.Failures {
		module, name, ok := strings.Cut(f.Name, "::")
		dotted := strings.ReplaceAll(strings.TrimSuffix(f.File, ".py"), "/", ".")
		class, in := strings.CutPrefix(module, dotted)
		name, _, _ = strings.Cut(name, "[")
		if !ok || !in || dotted == "" || strings.ContainsAny(f.File+name+class, " '\"$`\\") {
			tests, files = nil, nil
			break
		}
		if class != "" {
			class = strings.ReplaceAll(class, ".", "::") + instance
		}
		id := f.File + class + "::" + name
		if strings.Contains(id, "(") { // of a shell as well
			id = `"` + id + `"`
		}
		if id = " --deselect " + id; !slices.Contains(tests, id) {
			tests = append(tests, id)
		}
		if ignored := " --ignore=" + strings.TrimPrefix(f.File, string(p.Root)+"/"); !slices.Contains(files, ignored) {
			files = append(files, ignored)
		}
	}
	all := report.Failed+report.Errors == len(report.Failures)
	leftOut := tests
	if len(leftOut) > mostTests {
		leftOut = files
	}
	told := slices.ContainsFunc(leftOut, func(text string) bool { return strings.Contains(command+" ", text+" ") })
	if p.Test.Runner == "pytest" && all && !told && len(leftOut) > 0 && (len(tests) <= mostTests || len(files) <= mostFiles) && !strings.ContainsAny(command, "'&|;") {
		return fmt.Sprintf("mend that, or leave it out by slipway service set SERVICE --set 'test.command=%s%s'", command, strings.Join(leftOut, ""))
	}
	return "mend that, or release without the tests by slipway service set SERVICE --set test.skip=true"
}
