package node

import (
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestSettledAnswers(t *testing.T) {
	long := -settledFor - time.Second
	for _, c := range []struct {
		name    string
		answers []answer
		settled bool
	}{
		{"the host is refused", []answer{{status: 400}, {status: 400}, {status: 400}, {status: 400}, {status: 400}, {status: 400}}, true},
		{"too few", []answer{{status: 400}, {status: 400}, {status: 400}}, false},
		{"an error", []answer{{status: 500}, {status: 500}, {status: 500}, {status: 500}, {status: 500}, {status: 500}}, true},
		{"not ready yet", []answer{{status: 503}, {status: 503}, {status: 503}, {status: 503}, {status: 503}, {status: 503}}, false},
		{"asked to wait", []answer{{status: 429}, {status: 429}, {status: 429}, {status: 429}, {status: 429}, {status: 429}}, false},
		{"nobody listens", []answer{{refused: true, err: errStopping}, {refused: true, err: errStopping}, {refused: true, err: errStopping}, {refused: true, err: errStopping}, {refused: true, err: errStopping}}, false},
		{"it changes", []answer{{status: 404}, {status: 404}, {status: 500}, {status: 404}, {status: 404}, {status: 500}}, false},
		{"ready in between", []answer{{status: 404}, {status: 404}, {status: 404}, {status: 503}, {status: 404}, {status: 404}}, false},
	} {
		var s steady
		got := false
		for _, a := range c.answers {
			got = s.settled(a)
			s.since = s.since.Add(long) // time goes by
		}
		if got != c.settled {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}

// A process that others keep from the processor isn't at rest.
func TestStarvedIsNoRest(t *testing.T) {
	var one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &one); err != nil {
		t.Fatal(err)
	}
	for cpu, kept := 0, false; cpu < len(one)*64; cpu++ {
		if one.IsSet(cpu) && kept {
			one.Clear(cpu)
		}
		kept = kept || one.IsSet(cpu)
	}
	busy := func(nice string) int {
		cmd := exec.Command("nice", "-n", nice, "sh", "-c", "while :; do :; done")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		if err := unix.SchedSetaffinity(cmd.Process.Pid, &one); err != nil {
			t.Fatal(err)
		}
		return cmd.Process.Pid
	}
	busy("0")
	busy("0")
	starved := busy("19")
	began := time.Now()
	seen := rest{at: began}
	tick := time.NewTicker(workerLook)
	defer tick.Stop()
	for range 2 * (restLooks + 1) {
		<-tick.C
		if seen.look(groupTime(starved)); seen.rests() {
			t.Fatalf("it is at rest: %+v", seen)
		}
	}
	if whole := time.Since(began); seen.up > whole/2 {
		t.Errorf("of %s it has had %s", whole, seen.up)
	}
	// One look at which it waited for something else, as for a file, makes it no rest.
	some := rest{used: []int64{0, 2, 5, 7, 9}, ran: []bool{true, false, true, true, true}}
	if some.rests() {
		t.Errorf("it is at rest: %+v", some)
	}
	asleep := exec.Command("sleep", "60")
	asleep.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := asleep.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = asleep.Process.Kill(); _ = asleep.Wait() }()
	for seen = (rest{at: time.Now()}); !seen.rests(); {
		<-tick.C
		if seen.look(groupTime(asleep.Process.Pid)); len(seen.used) > 40 {
			t.Fatalf("what sleeps isn't at rest: %+v", seen)
		}
	}
}
