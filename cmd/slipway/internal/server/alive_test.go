package server

import (
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

// TestAlive: a process that has ended doesn't run, whoever has not asked about it yet.
func TestAlive(t *testing.T) {
	if !alive(os.Getpid()) {
		t.Error("this one doesn't run")
	}
	cmd := exec.Command("true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	if err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	if alive(pid) {
		t.Error("one that has ended runs")
	}
	if err := cmd.Wait(); err != nil || alive(pid) {
		t.Errorf("%v; or it runs without a pid", err)
	}
}
