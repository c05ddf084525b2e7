package slipway

import (
	"regexp"
	"slices"
)

// jobLines are the lines by which workers say that they take a job, and that they are
// done with one: of Celery (from the level INFO on), huey and rq.
var jobLines = []struct{ takes, ends *regexp.Regexp }{
	{regexp.MustCompile(`\bTask (\S+\[[\w.-]+\]) received`), regexp.MustCompile(`\bTask (\S+\[[\w.-]+\]) (?:succeeded|raised|retry|ignored|rejected|INTERNAL)`)},
	{regexp.MustCompile(`\bExecuting [\w.]+: ([\w-]{8,})`), regexp.MustCompile(`: ([\w-]{8,}) executed in|Unhandled exception in task ([\w-]{8,})`)},
	{regexp.MustCompile(`(?m)\bWorker \S+: \S+: .*\(([\da-f-]{36})\)\s*$`), regexp.MustCompile(`Job OK\S*? \(([\da-f-]{36})\)|job ([\da-f-]{36}): exception raised`)},
}

// mostJobs is how many jobs are named.
const mostJobs = 3

// JobsUnderWay are the last of the jobs of which a worker has printed that it took them,
// and not that they have ended. Most workers print nothing of their jobs.
func JobsUnderWay(printed string) (jobs []string) {
	for _, l := range jobLines {
		ended := map[string]bool{}
		for _, m := range l.ends.FindAllStringSubmatch(printed, -1) {
			for _, name := range m[1:] {
				ended[name] = true
			}
		}
		for _, m := range l.takes.FindAllStringSubmatch(printed, -1) {
			if !ended[m[1]] && !slices.Contains(jobs, m[1]) {
				jobs = append(jobs, m[1])
			}
		}
	}
	return jobs[max(0, len(jobs)-mostJobs):]
}
