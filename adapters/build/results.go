package build

import (
	"bufio"
	"cmp"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python"
	"github.com/slipway-dev/slipway/sandbox"
)

const (
	maxResults  = 64 << 20 // bytes of a report that are read
	maxFailures = 50
	maxExcerpt  = 4000
)

// readResults adds what the runs of tests reported in a directory, each Python process
// by itself: pytest's JUnit files, and the lines of the unittest recorder. Runs that
// tests have started are part of those, and not counted. A report that is missing or cut
// short is no error: the exit code has the word then. uncollected are modules of tests
// that could not be loaded, which count as errors.
func readResults(dir, source string, report *slipway.TestReport) (uncollected []slipway.TestFailure, err error) {
	runs, err := reportsIn(dir)
	if err != nil {
		return nil, disk(err, "the test reports can't be read")
	}
	for _, run := range runs {
		before := report.Total
		for _, part := range []struct {
			suffix string
			read   func(io.Reader, string, *slipway.TestReport) []slipway.TestFailure
		}{{".xml", readJUnit}, {".jsonl", readRecords}} {
			f, err := openMade(filepath.Join(dir, run+part.suffix))
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, disk(err, "a test report can't be read")
			}
			uncollected = append(uncollected, part.read(io.LimitReader(f, maxResults), source, report)...)
			_ = f.Close()
			if report.Total > before { // pytest runs unittest's cases as well, but not by its runner
				break
			}
		}
	}
	return uncollected, nil
}

// reportName is the name of all reports, and is followed by the process and those above
// it, the first one first, as far as they are Python's.
const reportName = "report"

// reportsIn lists the reports in a directory without their suffixes, in the order of
// their time, without those of processes below one that reports.
func reportsIn(dir string) (runs []string, err error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	times := map[string]time.Time{}
	for _, e := range list {
		name := strings.TrimSuffix(strings.TrimSuffix(e.Name(), ".xml"), ".jsonl")
		info, err := e.Info()
		if name == e.Name() || err != nil || name != reportName && !strings.HasPrefix(name, reportName+".") {
			continue
		}
		if times[name].Before(info.ModTime()) {
			times[name] = info.ModTime()
		}
	}
	for name := range times {
		below := false
		for above := name; ; {
			i := strings.LastIndexByte(above, '.')
			if i <= len(reportName) { // that of processes without a name is above none
				break
			}
			above = above[:i]
			_, reports := times[above]
			below = below || reports
		}
		if !below {
			runs = append(runs, name)
		}
	}
	slices.SortFunc(runs, func(a, b string) int { return cmp.Or(times[a].Compare(times[b]), cmp.Compare(a, b)) })
	return runs, nil
}

// testcase is the part of a JUnit file that says how a test went.
type testcase struct {
	Class   string  `xml:"classname,attr"`
	Name    string  `xml:"name,attr"`
	File    string  `xml:"file,attr"`
	Line    string  `xml:"line,attr"`
	Failure *detail `xml:"failure"`
	Error   *detail `xml:"error"`
	Skipped *detail `xml:"skipped"`
}

type detail struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// readJUnit reads test cases one by one. encoding/xml knows no external
// entities, so a report can't make us read other files.
func readJUnit(r io.Reader, source string, report *slipway.TestReport) (uncollected []slipway.TestFailure) {
	decoder := xml.NewDecoder(r)
	decoder.Strict = false
	for {
		token, err := decoder.Token()
		if err != nil {
			return uncollected
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local != "testcase" {
			continue
		}
		var c testcase
		if err := decoder.DecodeElement(&c, &start); err != nil {
			return uncollected
		}
		name := c.Name
		if c.Class != "" {
			name = c.Class + "::" + c.Name
		}
		line, _ := strconv.Atoi(c.Line)
		if c.File == "" && (c.Failure != nil || c.Error != nil) { // only an older form of reports names files
			c.File = fileOf(source, c.Class)
		}
		switch {
		case c.Failure != nil:
			add(report, "failed", slipway.TestFailure{Name: name, File: c.File, Line: line, Message: c.Failure.Message, Excerpt: c.Failure.Text}, source)
		case c.Error != nil && c.Error.Message == "collection failure":
			f := slipway.TestFailure{Name: name, File: firstOf(c.File, fileOf(source, name)), Message: firstOf(lastError(c.Error.Text), c.Error.Message), Excerpt: c.Error.Text}
			uncollected = append(uncollected, add(report, "error", f, source))
		case c.Error != nil:
			add(report, "error", slipway.TestFailure{Name: name, File: c.File, Line: line, Message: c.Error.Message, Excerpt: c.Error.Text}, source)
		case c.Skipped != nil:
			add(report, "skipped", slipway.TestFailure{}, source)
		default:
			add(report, "passed", slipway.TestFailure{}, source)
		}
	}
}

// fileOf is the file of a dotted name as pytest reports it: of a module, or of a
// class or a test in one; "" when the tree has none.
func fileOf(source, dotted string) string {
	parts := strings.Split(strings.TrimPrefix(dotted, "::"), ".")
	for n := len(parts); n > 0; n-- {
		file := filepath.Join(parts[:n]...) + ".py"
		if info, err := os.Lstat(filepath.Join(source, file)); filepath.IsLocal(file) && err == nil && info.Mode().IsRegular() {
			return file
		}
	}
	return ""
}

// errorLine is how pytest marks what an error says.
var errorLine = regexp.MustCompile(`(?m)^E\s+(\S.*)$`)

// lastError is the last thing that a traceback of pytest's says.
func lastError(text string) string {
	all := errorLine.FindAllStringSubmatch(text, -1)
	if len(all) == 0 {
		lines := strings.Split(strings.TrimSpace(text), "\n")
		return strings.TrimSpace(lines[len(lines)-1])
	}
	return all[len(all)-1][1]
}

// readRecords reads the recorder's lines, and the modules that unittest couldn't
// load, in the place of which it runs a test that fails.
func readRecords(r io.Reader, source string, report *slipway.TestReport) (uncollected []slipway.TestFailure) {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return uncollected
		}
		var record struct {
			Name, Status, Message, Excerpt, File string
			Line                                 int
		}
		if json.Unmarshal(line, &record) != nil {
			continue
		}
		f := slipway.TestFailure{Name: record.Name, File: record.File, Line: record.Line, Message: record.Message, Excerpt: record.Excerpt}
		module, failed := strings.CutPrefix(record.Name, "unittest.loader._FailedTest.")
		if failed {
			text := strings.Split(strings.TrimSpace(record.Message), "\n")
			f.Name, f.File, f.Line, f.Message = module, "", 0, text[len(text)-1]
			f.Excerpt = record.Message
		}
		if f = add(report, record.Status, f, source); failed {
			uncollected = append(uncollected, f)
		}
	}
}

// add counts a test and keeps the first failures, which it gives back as they are
// kept.
func add(report *slipway.TestReport, status string, f slipway.TestFailure, source string) slipway.TestFailure {
	report.Total++
	switch status {
	case "passed":
		report.Passed++
		return f
	case "skipped":
		report.Skipped++
		return f
	case "failed":
		report.Failed++
	default:
		report.Errors++
	}
	if rel, err := filepath.Rel(source, f.File); err == nil && filepath.IsLocal(rel) {
		f.File = rel
	}
	f.Message = clip(strings.ReplaceAll(strings.ToValidUTF8(f.Message, "?"), source+"/", ""), 500)
	if len(f.Excerpt) > maxExcerpt {
		f.Excerpt = "..." + f.Excerpt[len(f.Excerpt)-maxExcerpt:]
	}
	f.Excerpt = strings.ReplaceAll(strings.ToValidUTF8(f.Excerpt, "?"), source+"/", "")
	if len(report.Failures) < maxFailures {
		report.Failures = append(report.Failures, f)
	}
	return f
}

var (
	pytestSummary = regexp.MustCompile(`(?m)^=*\s*((?:\d+ (?:passed|failed|errors?|skipped|deselected|xfailed|xpassed|warnings?|rerun)(?:, )?)+) in [\d.]+s`)
	pytestCount   = regexp.MustCompile(`(\d+) (passed|failed|errors?|skipped|xfailed|xpassed)`)
	unittestRan   = regexp.MustCompile(`(?m)^Ran (\d+) tests? in [\d.]+s\s+(?:OK|FAILED|PASSED)(?: \(([^)]*)\))?`)
	unittestCount = regexp.MustCompile(`(failures|errors|skipped|unexpected successes)=(\d+)`)
)

// readSummary takes the counts from the output, where there is no report: tox, nox
// and others start tests without the environment by which they would write one.
func readSummary(output string, report *slipway.TestReport) {
	number := func(s string) int { n, _ := strconv.Atoi(s); return n }
	for _, m := range pytestSummary.FindAllStringSubmatch(output, -1) {
		for _, c := range pytestCount.FindAllStringSubmatch(m[1], -1) {
			switch n := number(c[1]); c[2] {
			case "passed", "xfailed", "xpassed":
				report.Passed += n
			case "failed":
				report.Failed += n
			case "skipped":
				report.Skipped += n
			default:
				report.Errors += n
			}
		}
	}
	for _, m := range unittestRan.FindAllStringSubmatch(output, -1) {
		passed := number(m[1])
		for _, c := range unittestCount.FindAllStringSubmatch(m[2], -1) {
			n := number(c[2])
			switch passed -= n; c[1] {
			case "skipped":
				report.Skipped += n
			case "errors":
				report.Errors += n
			default:
				report.Failed += n
			}
		}
		report.Passed += max(0, passed)
	}
	report.Total = report.Passed + report.Failed + report.Errors + report.Skipped
}

// judge decides from the report first: an exit code alone says little.
func judge(p *python.Project, report slipway.TestReport, result sandbox.Result, seen string) error {
	bad := report.Failed + report.Errors
	switch {
	case result.Flooded:
		return slipway.Errorf(slipway.Refused, "the tests: the command %s; print less (pytest -q), or write what is long into a file", ended(result))
	case result.OutOfMemory, result.Multitude:
		return slipway.Errorf(slipway.Refused, "the tests: the command %s", ended(result))
	case bad > 0:
		return slipway.Errorf(slipway.Refused, "%d of %d tests failed%s", bad, report.Total, failures(report, bad))
	case none(p, report, result):
		return slipway.Errorf(slipway.Refused, "%s found no tests%s: state how they are run, as test: {command: ...}, or that they are not to be, as test: {skip: true}, in slipway.yaml", report.Command, though(p))
	case result.OK() && report.Total == 0 && p.Test.Runner == "pytest":
		return slipway.Errorf(slipway.Refused, "%s ended without a report of its tests: something in them ends the run, or an option takes the report elsewhere; take that out, or state test: {command: ...} in slipway.yaml", report.Command)
	case !result.OK():
		if said := slipway.LastException(seen); said != "" {
			return slipway.Errorf(slipway.Refused, "the test command %s: %s", ended(result), said)
		}
		return slipway.Errorf(slipway.Refused, "the test command %s; its output says why", ended(result))
	}
	return nil
}

// though names the test that was overlooked.
func though(p *python.Project) string {
	if p.Test.Seen == "" {
		return ""
	}
	return ", though there is one at " + p.Test.Seen
}

// failures names the tests that went wrong, as many as fit into a sentence.
func failures(report slipway.TestReport, bad int) string {
	var names []string
	for _, f := range report.Failures[:min(3, len(report.Failures))] {
		names = append(names, clip(f.Name, 100))
	}
	switch {
	case len(names) == 0:
		return ""
	case bad > len(names):
		return fmt.Sprintf(": %s and %d more", strings.Join(names, ", "), bad-len(names))
	}
	return ": " + strings.Join(names, ", ")
}
