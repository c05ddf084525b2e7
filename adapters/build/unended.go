package build

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python"
)

// running is what the recorder keeps of a process of a test run.
type running struct {
	Test  string  `json:"test"` // "" between two
	Since float64 `json:"since"`
	Ended int     `json:"ended"`

	Failed int    `json:"failed"` // as far as they are pytest's
	Said   string `json:"said"`   // by the last of them
}

// longTest is from when on one test is taken for what keeps a run from ending.
const longTest = time.Minute

// unended says of a run of the tests that was stopped at end, because its time was
// over, how far it had come, and what to do.
func (r *run) unended(p *python.Project, source, results string, timeout time.Duration, end time.Time) error {
	files, err := filepath.Glob(filepath.Join(results, reportName+"*.now"))
	if err != nil {
		return err
	}
	ended, failed, longest, took := 0, 0, "", time.Duration(0)
	why := ""
	for _, file := range files {
		var now running
		text, err := readSome(file)
		if err != nil || json.Unmarshal(text, &now) != nil {
			continue // it was stopped while it wrote
		}
		ended, failed = ended+now.Ended, failed+now.Failed
		if now.Said != "" && why == "" {
			why = cause(p, source, now.Said, nil)
		}
		if since := end.Sub(time.UnixMilli(int64(now.Since * 1000))); now.Test != "" && since > took {
			longest, took = now.Test, since
		}
	}
	said := fmt.Sprintf("the tests did not end within %s and were stopped", timeout)
	more := r.more(timeout, "test.timeout_seconds")
	switch {
	case len(files) == 0:
	case longest != "" && took >= min(longTest, timeout/2):
		said += fmt.Sprintf("; %s had been running for %s, after %s", clip(longest, 200), took.Round(time.Second), counted(ended))
		if leftOut := withoutTest(p, longest); leftOut != "" {
			more = "see what that waits for, leave it out by " + leftOut + ", or " + more
		}
	case longest != "":
		said += fmt.Sprintf("; %s had ended, none of which took long: %s was running", counted(ended), clip(longest, 200))
	case ended > 0:
		said += fmt.Sprintf("; %s had ended, and none was running: something that they have started keeps the run", counted(ended))
	default:
		said += "; none had begun"
	}
	if failed > 0 {
		said += fmt.Sprintf("; %d had failed", failed)
	}
	if why != "" { // it is what they wait for, more likely than not
		return slipway.Errorf(slipway.Refused, "%s (%s; %s, or release without the tests: slipway service set SERVICE --set test.skip=true)", why, said, more)
	}
	return slipway.Errorf(slipway.Refused, "%s; %s, or release without the tests: slipway service set SERVICE --set test.skip=true", said, more)
}

func counted(tests int) string {
	if tests == 1 {
		return "1 test"
	}
	return fmt.Sprintf("%d tests", tests)
}

// withoutTest is the command that leaves out a test as pytest names it, "" when the
// test command isn't one that takes that.
func withoutTest(p *python.Project, id string) string {
	id, _, _ = strings.Cut(id, "[") // with all its parameters
	if p.Test.Runner != "pytest" || !strings.Contains(id, "::") || strings.ContainsAny(id, " '\"$`\\") || slices.ContainsFunc([]string{"'", "&", "|", ";"}, func(s string) bool { return strings.Contains(string(p.Test.Command), s) }) {
		return ""
	}
	return fmt.Sprintf("slipway service set SERVICE --set 'test.command=%s --deselect %s'", p.Test.Command, id)
}
