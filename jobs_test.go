package slipway_test

import (
	"slices"
	"testing"

	"github.com/slipway-dev/slipway"
)

// TestJobsUnderWay in what workers print.
func TestJobsUnderWay(t *testing.T) {
	const id, other = "0b6c2d5e-8f6c-4a6e-9a44-2f1e6f1b0c11", "7c1f4a90-3a39-4a4c-8d8f-1f0f3a2b9d22"
	for name, tc := range map[string]struct {
		printed string
		want    []string
	}{
		"none":        {"serving\nasked /\n", nil},
		"celery":      {"[2026-11-30 10:00:00,000: INFO/MainProcess] Task jobs.long[" + id + "] received\n[.. INFO/MainProcess] Task jobs.short[" + other + "] received\n[.. INFO/ForkPoolWorker-1] Task jobs.short[" + other + "] succeeded in 0.1s: None\n", []string{"jobs.long[" + id + "]"}},
		"it raised":   {"Task jobs.long[" + id + "] received\nTask jobs.long[" + id + "] raised unexpected: KeyError('a')\n", nil},
		"tried again": {"Task a[" + id + "] received\nTask a[" + id + "] retry: Retry in 180s\n", nil},
		"huey":        {"[..] INFO:huey:Worker-1:Executing jobs.long: " + id + "\nINFO:huey:Worker-2:Executing jobs.short: " + other + "\njobs.short: " + other + " executed in 0.100s\n", []string{id}},
		"rq":          {"10:00:00 Worker 5f: \x1b[32mdefault\x1b[39;49;00m: jobs.long(25) (" + id + ")\nWorker 5f: default: jobs.short() (" + other + ")\nWorker 5f: \x1b[32mdefault\x1b[39;49;00m: \x1b[94mJob OK\x1b[39;49;00m (" + other + ")\n", []string{id}},
		"the last":    {"Task a[1] received\nTask a[2] received\nTask a[3] received\nTask a[4] received\n", []string{"a[2]", "a[3]", "a[4]"}},
	} {
		if got := slipway.JobsUnderWay(tc.printed); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}
