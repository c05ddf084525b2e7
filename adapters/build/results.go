package build

import (
	"bufio"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway"
)

const (
	maxResults  = 64 << 20 // bytes of a report that are read
	maxFailures = 50
	maxExcerpt  = 4000
)

// readResults adds what the run reported: pytest's JUnit file, or the lines of
// the unittest recorder. A report that is missing or cut short is no error:
// the exit code has the word then.
func readResults(base, source string, report *slipway.TestReport) error {
	f, err := openMade(base + ".xml")
	if err == nil {
		defer f.Close()
		readJUnit(io.LimitReader(f, maxResults), source, report)
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return disk(err, "the test report can't be read")
	}
	f, err = openMade(base + ".jsonl")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return disk(err, "the test report can't be read")
	}
	defer f.Close()
	readRecords(io.LimitReader(f, maxResults), source, report)
	return nil
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
func readJUnit(r io.Reader, source string, report *slipway.TestReport) {
	decoder := xml.NewDecoder(r)
	decoder.Strict = false
	for {
		token, err := decoder.Token()
		if err != nil {
			return
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local != "testcase" {
			continue
		}
		var c testcase
		if err := decoder.DecodeElement(&c, &start); err != nil {
			return
		}
		name := c.Name
		if c.Class != "" {
			name = c.Class + "::" + c.Name
		}
		line, _ := strconv.Atoi(c.Line)
		switch {
		case c.Failure != nil:
			add(report, "failed", slipway.TestFailure{Name: name, File: c.File, Line: line, Message: c.Failure.Message, Excerpt: c.Failure.Text}, source)
		case c.Error != nil:
			add(report, "error", slipway.TestFailure{Name: name, File: c.File, Line: line, Message: c.Error.Message, Excerpt: c.Error.Text}, source)
		case c.Skipped != nil:
			add(report, "skipped", slipway.TestFailure{}, source)
		default:
			add(report, "passed", slipway.TestFailure{}, source)
		}
	}
}

func readRecords(r io.Reader, source string, report *slipway.TestReport) {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var record struct {
			Name, Status, Message, Excerpt, File string
			Line                                 int
		}
		if json.Unmarshal(line, &record) == nil {
			add(report, record.Status, slipway.TestFailure{Name: record.Name, File: record.File, Line: record.Line, Message: record.Message, Excerpt: record.Excerpt}, source)
		}
	}
}

// add counts a test and keeps the first failures.
func add(report *slipway.TestReport, status string, f slipway.TestFailure, source string) {
	report.Total++
	switch status {
	case "passed":
		report.Passed++
		return
	case "skipped":
		report.Skipped++
		return
	case "failed":
		report.Failed++
	default:
		report.Errors++
	}
	if len(report.Failures) >= maxFailures {
		return
	}
	if rel, err := filepath.Rel(source, f.File); err == nil && filepath.IsLocal(rel) {
		f.File = rel
	}
	f.Message = clip(strings.ToValidUTF8(f.Message, "?"), 500)
	if len(f.Excerpt) > maxExcerpt {
		f.Excerpt = "..." + f.Excerpt[len(f.Excerpt)-maxExcerpt:]
	}
	f.Excerpt = strings.ReplaceAll(strings.ToValidUTF8(f.Excerpt, "?"), source+"/", "")
	report.Failures = append(report.Failures, f)
}
