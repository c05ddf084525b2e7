package build

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python"
	"github.com/slipway-dev/slipway/sandbox"
)

// explanations turn what managers print into what to do. The first pattern that
// is found speaks; $1 is its first group.
var explanations = []struct {
	pattern *regexp.Regexp
	code    slipway.Code
	says    string
}{
	{regexp.MustCompile(`No space left on device|Disk quota exceeded`), slipway.Unavailable, "the disk is full; free some space and promote again"},
	{regexp.MustCompile(`(?i)(?:Failed to fetch|error sending request for url|Request failed)[^\n]*https?://(?:[^\s/@]*@)?([A-Za-z0-9.-]+)(?s:.*)(?:dns error|connection refused|failed to (?:lookup|resolve) address|Network is unreachable|operation timed out|tls handshake)`), slipway.Unavailable, "the package index at $1 can't be reached; is it up, and does this machine reach it?"},
	{regexp.MustCompile(`unable to access '\w+://(?:[^\s/@']*@)?([A-Za-z0-9.-]+)[^\n]*(?:Could not resolve host|Failed to connect|Couldn't connect|Connection refused|timed out)`), slipway.Unavailable, "a dependency comes from git at $1, which can't be reached; is it up, and does this machine reach it?"},
	{regexp.MustCompile(`ssh: (?:Could not resolve hostname|connect to host) ([A-Za-z0-9.-]+)`), slipway.Unavailable, "a dependency comes from git at $1, which can't be reached; is it up, and does this machine reach it?"},
	{regexp.MustCompile(`could not read Username for '(?:https?://)?([^'/]+)`), slipway.Refused, "a dependency comes from a repository at $1 that isn't there, or isn't everybody's to read; take the package from an index"},
	{regexp.MustCompile(`(?i)temporary failure in name resolution|failed to (?:lookup|resolve) address|dns error|connection refused|Network is unreachable|Could not connect|operation timed out|HTTP (?:status )?(?:server )?error.*50[0-9]|50[234] (?:Bad|Service|Gateway)`), slipway.Unavailable, "the package index can't be reached; is it up, and does this machine reach it?"},
	{regexp.MustCompile("(?i)hash mismatch for `([A-Za-z0-9][A-Za-z0-9._=-]*)"), slipway.Refused, "$1 is not the package that was locked: its hash differs; lock again, and find out who changed it"},
	{regexp.MustCompile(`(?s)DO NOT MATCH THE HASHES.*?\n\s+([A-Za-z0-9][A-Za-z0-9._=-]*)[^\n]* from `), slipway.Refused, "$1 is not the package that was locked: its hash differs; lock again, and find out who changed it"},
	{regexp.MustCompile(`(?i)hash(?:es)? mismatch|DO NOT MATCH THE HASHES`), slipway.Refused, "a package is not the one that was locked: its hash differs; lock again, and find out who changed it"},
	{regexp.MustCompile(`In .--require-hashes. mode, all requirements must have (?:a hash|their versions pinned)[^:]*: ?(.*)`), slipway.Refused, "the requirements have hashes, but not all of them: $1; compile them again"},
	{regexp.MustCompile(`(?i)lockfile.*(?:needs to be updated|out of date|outdated)|(?:poetry|pdm|uv)\.lock.*(?:changed significantly|not up to date|out of date)|Pipfile\.lock.*out of date|lock file (?:hash doesn't match|is not compatible)`), slipway.Refused, "the lock does not match the project; lock again and commit it"},
	{regexp.MustCompile(`Can't export a lock file without environment markers`), slipway.Refused, "pdm.lock says for none of its packages on which machines they are wanted, and some of them come from no index; lock again with pdm lock --strategy inherit_metadata, and commit it"},
	{regexp.MustCompile(`(?i)Failed to parse .*lock|TOML parse error|Invalid lock ?file|Unable to read the lock file|JSONDecodeError`), slipway.Refused, "the lock file is broken; make it again with the project's manager and commit it"},
	{regexp.MustCompile(`gdal-config`), slipway.Refused, "a dependency needs the GDAL library and gdal-config (Debian: libgdal-dev)"},
	{regexp.MustCompile(`pg_config(?: executable)? not found|libpq-fe\.h`), slipway.Refused, "a dependency needs PostgreSQL's headers (Debian: libpq-dev); psycopg2-binary needs none"},
	{regexp.MustCompile(`mysql_config|mysql\.h|Can not find valid pkg-config name`), slipway.Refused, "a dependency needs MySQL's headers (Debian: default-libmysqlclient-dev pkg-config)"},
	{regexp.MustCompile(`sqlite3\.h`), slipway.Refused, "a dependency needs SQLite's headers (Debian: libsqlite3-dev)"},
	{regexp.MustCompile(`Python\.h: No such file`), slipway.Refused, "a dependency is compiled and needs Python's headers (Debian: python3-dev)"},
	{regexp.MustCompile(`ffi\.h: No such file`), slipway.Refused, "a dependency needs libffi's headers (Debian: libffi-dev)"},
	{regexp.MustCompile(`(?:xmlsec|xmlsec1)[^\n]*(?:not found|No such file)|xmlsec/xmlsec\.h`), slipway.Refused, "a dependency needs the headers of xmlsec (Debian: libxmlsec1-dev pkg-config)"},
	{regexp.MustCompile(`lber\.h|ldap\.h`), slipway.Refused, "a dependency needs the headers of OpenLDAP (Debian: libldap2-dev libsasl2-dev)"},
	{regexp.MustCompile(`error: command '?(?:gcc|cc|x86_64-linux-gnu-gcc|clang)'? failed: No such file|unable to execute '?(?:gcc|cc)`), slipway.Refused, "a dependency has no wheel for this Python and needs a C compiler (Debian: build-essential), or a Python version for which it has one"},
	{regexp.MustCompile(`Please use pip<24\.1`), slipway.Refused, "a dependency has metadata that today's installers refuse; use a newer version of it"},
	{regexp.MustCompile("`([^`\n]+)` was filtered by `exclude-newer`"), slipway.Refused, "the index had no $1 that fits from before the day of the packages, or doesn't tell when it came; take today's: slipway service set SERVICE --set packages_as_of=newest, or state a later day there"},
	{regexp.MustCompile(`(?:Because|And because) ([^\n]*) (?:was|were) not found in the package registry`), slipway.Refused, "no package of that name is on the index: $1; is the name spelt right?"},
	{regexp.MustCompile(`(?:Because|And because) there (?:is|are) no versions? of ([^\n,]*)`), slipway.Refused, "there is no version $1 on the index"},
	{regexp.MustCompile(`(?s)No solution found when resolving dependencies:?\s*(?:cause:\s*)?(.*?)(?:\n\n|\n\s*hint|$)`), slipway.Refused, "the requirements contradict each other: $1"},
	{regexp.MustCompile(`No matching distribution found for ([^\n]*)`), slipway.Refused, "there is no $1 for this Python on the index"},
	{regexp.MustCompile(`requires a different Python: ([^\n]*)`), slipway.Refused, "a package does not run on this Python: $1"},
	{regexp.MustCompile(`ResolutionImpossible`), slipway.Refused, "the requirements contradict each other; look at the log for which"},
	{regexp.MustCompile("Failed to build `?([A-Za-z0-9_.=-]+)"), slipway.Refused, "$1 has no wheel for this Python, and building it from source fails; look at the log for what it misses"},
}

// tmpClosed tells whether commands of projects find /tmp closed on this machine: it
// takes namespaces to give each a /tmp of its own.
var tmpClosed = func() bool {
	p := sandbox.Protection()
	return p.Landlock > 0 && !p.Namespaces
}

// fromSource is how a build of a source distribution ends badly.
var fromSource = regexp.MustCompile(`Failed to build|Failed building|failed to build|build_wheel|Build backend`)

var (
	deniedTmp = regexp.MustCompile(`(?i)permission denied[^\n]*[^\w/.-]/(?:var/)?tmp\b|[^\w/.-]/(?:var/)?tmp\b[^\n]*permission denied`)
	tooLarge  = regexp.MustCompile(`(?i)file too large|file size limit exceeded`)
)

// remedy is what to do about what a command of the project met in the confinement,
// as the rest of a sentence; "" when it met nothing of the kind. It is a line of the
// log, too.
func (r *run) remedy(output string) string {
	output = " " + strings.ReplaceAll(output, r.o.Data, "")
	says := ""
	switch {
	case tmpClosed() && deniedTmp.MatchString(output):
		says = "/tmp is closed to builds on this machine: write to the directory that TMPDIR names, as Python's tempfile and mktemp do by themselves"
	case r.o.MaxDisk > 0 && tooLarge.MatchString(output):
		says = "no file of a build may be larger than " + inBytes(r.o.MaxDisk) + ": write less, or have the platform allow more with slipway up --build-disk"
	default:
		return ""
	}
	fmt.Fprintf(r.log, "note: %s\n", says)
	return "; " + says
}

// explain is explain with the remedy.
func (r *run) explain(p *python.Project, s step, result sandbox.Result, output string) error {
	err := explain(s, result, output)
	if fromSource.MatchString(output) && slipway.CodeOf(err) == slipway.Refused {
		if says := p.NeedsOlder(output, r.interpreters()); says != "" {
			prefix := ""
			if s.blame != "" {
				prefix = "the " + s.blame + " can't be installed: "
			}
			err = slipway.Errorf(slipway.Refused, "%s%s", prefix, says)
			if newest, why, old := p.Outgrown(output); old && s.blame == "" {
				err = &outgrownError{err, newest, why}
			}
		}
	}
	if says := r.remedy(output); says != "" {
		return slipway.Errorf(slipway.CodeOf(err), "%w%s", err, says)
	}
	return err
}

// explain makes the error of a failed installation: a sentence, never the raw
// output, which is in the log.
func explain(s step, r sandbox.Result, output string) error {
	prefix := ""
	if s.blame != "" {
		prefix = "the " + s.blame + " can't be installed: "
	}
	for _, e := range explanations {
		found := e.pattern.FindStringSubmatch(output)
		if found == nil {
			continue
		}
		says := e.says
		if len(found) > 1 {
			says = strings.ReplaceAll(says, "$1", oneLine(found[1]))
		}
		if built := failedBuild(output); built != "" && e.code == slipway.Refused {
			if needs := python.SystemNeeds(built); needs != "" && !strings.Contains(says, "(Debian:") {
				says = built + " has no wheel for this Python and needs " + needs
			}
			says = strings.Replace(says, "a dependency ", built+" ", 1)
			if s.blame == testDependencies {
				says += fmt.Sprintf("; install that on this machine, or leave it out of the tests: slipway service set SERVICE --set 'test.without=[%s]' (or test: {without: [...]} in slipway.yaml)", built)
			}
		}
		return slipway.Errorf(e.code, "%s%s", prefix, says)
	}
	tool := "the installation"
	if s.tool != nil {
		tool = s.tool.name
	}
	if said := lastWord(output); said != "" {
		return slipway.Errorf(slipway.Refused, "%s%s %s: %s", prefix, tool, ended(r), said)
	}
	return slipway.Errorf(slipway.Refused, "%s%s %s; the log says why", prefix, tool, ended(r))
}

var (
	ownWords = regexp.MustCompile(`(?m)^\s*(?:(?:error|ERROR|Error|\[\w*Error\]):|cause:|Caused by:)\s+(\S.*)$`)
	ownPaths = regexp.MustCompile(`(?:file://)?/[^\s'"]*/run-\d+/(?:installed|source|own)/`)
	userInfo = regexp.MustCompile(`//[^\s/@]*@`)
)

// lastWord is the cause that a manager itself has named last, "" when it names none:
// without directories of the build, and without what stands before the host in a URL.
func lastWord(output string) string {
	all := ownWords.FindAllStringSubmatch(output, -1)
	if all == nil {
		return ""
	}
	return oneLine(userInfo.ReplaceAllString(ownPaths.ReplaceAllString(all[len(all)-1][1], ""), "//"))
}

// builtFromSource are the ways in which installers name what they can't build.
var builtFromSource = regexp.MustCompile("Failed to (?:build|download and build) [`']?([A-Za-z0-9][A-Za-z0-9._-]*)|Failed building wheel for ([A-Za-z0-9][A-Za-z0-9._-]*)")

// failedBuild is the distribution that can't be built, "" when none is named.
func failedBuild(output string) string {
	if m := builtFromSource.FindStringSubmatch(output); m != nil {
		return normal(m[1] + m[2])
	}
	return ""
}

// ended says how a command ended badly.
func ended(r sandbox.Result) string {
	switch {
	case r.TimedOut:
		return "did not end in time and was stopped"
	case r.OutOfMemory:
		return fmt.Sprintf("needed more than %d GiB of memory and was stopped", int64(maxMemory)>>30)
	case r.Flooded:
		return fmt.Sprintf("printed more than %d MiB and was stopped", maxOutput>>20)
	case r.Multitude:
		return "had thousands of processes at once and was stopped"
	case r.Signal != "":
		return "was ended by the signal \"" + r.Signal + "\""
	}
	return fmt.Sprintf("failed with exit code %d", r.ExitCode)
}

// oneLine folds a tool's sentence and bounds it.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(strings.NewReplacer("╰─▶", "", "│", "", "×", "").Replace(text)), " ")
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "..."
	}
	return text
}
