package e2e

import (
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func id(p promotion) string { return strconv.Itoa(p.ID) }

// killMentioning ends the one process of ours whose arguments hold all words.
func killMentioning(t testing.TB, words ...string) {
	t.Helper()
	for _, found := range processesMentioning(words[len(words)-1]) {
		pid, command, _ := strings.Cut(found, " ")
		fields := strings.Fields(command)
		if len(fields) < 2 || filepath.Base(fields[0]) != "slipway" || fields[1] != words[0] {
			continue
		}
		n, err := strconv.Atoi(pid)
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(n, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatalf("no process with %v", words)
}
