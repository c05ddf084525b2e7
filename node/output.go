package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slipway-dev/slipway"
)

// outputKeeper stands between a process and the disk, and outlives the agent as
// the process does. It copies in small pieces, so that no line is too long for it,
// and what is on disk is bounded in the moment in which it is written: a log that
// is full becomes the older one of two, of a release command the rest is dropped.
// Where nothing can be written it throws away, for a full disk is no reason to hold
// a service up. It ends with the last process that prints. Its text is the same for
// every process: the file, its bound and what to do then are arguments.
const outputKeeper = `log=$1 most=$2 then=$3
umask 077
while :; do
	said=$(dd bs=8192 count=512 2>&1 >>"$log")
	case $said in
	"0+0 "*) exit ;;
	[0-9]*) ;;
	*)
		said=$(dd bs=8192 count=512 2>&1 >/dev/null)
		case $said in "0+0 "*) exit ;; esac
		;;
	esac
	size=$(wc -c <"$log") || continue
	[ "$size" -gt "$most" ] || continue
	case $then in
	rotate) mv -f "$log" "$log.1" ;;
	*)
		printf '\n[slipway] it printed more than %s bytes; the rest is not kept\n' "$most" >>"$log"
		exec cat >/dev/null
		;;
	esac
done`

const (
	// maxOutput is how large a log gets before it is the older one, but for the 4 MiB
	// that a keeper copies between two looks: both together stay below 50 MB.
	maxOutput = 19 << 20
	// lastWords is how long the last words of a process that has ended are waited for.
	lastWords = 5 * time.Second
	older     = ".1"
)

// output is where a process prints to: the near end of a keeper's pipe.
type output struct {
	to     *os.File
	keeper running
}

// openOutput starts a keeper for a file. Both ends are held open by what prints,
// so that a keeper that dies breaks nothing: the next one takes up where it was.
func (p *place) openOutput(file, then, home, instance string) (*output, error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return nil, slipway.Wrap(slipway.Unavailable, err, "there is no pipe for what %s prints", instance)
	}
	from, to := os.NewFile(uintptr(ends[0]), "output"), os.NewFile(uintptr(ends[1]), "output") // #nosec G115 -- descriptors
	defer from.Close()
	defer to.Close()
	both, err := unix.Open("/proc/self/fd/"+strconv.Itoa(ends[1]), unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, slipway.Wrap(slipway.Unavailable, err, "there is no pipe for what %s prints", instance)
	}
	o := &output{to: os.NewFile(uintptr(both), "output")} // #nosec G115 -- a descriptor
	if o.keeper, err = p.startKeeper(from, file, then, home, instance); err != nil {
		_ = o.to.Close()
		return nil, err
	}
	return o, nil
}

func (p *place) startKeeper(from *os.File, file, then, home, instance string) (running, error) {
	cmd := exec.Command("/bin/sh", "-c", outputKeeper, "sh", file, strconv.Itoa(maxOutput), then)
	cmd.Dir, cmd.Stdin = "/", from
	cmd.Env = append(p.keeperMarks(home, instance), "PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return running{}, slipway.Wrap(slipway.Unavailable, err, "what %s prints can't be kept: this machine has no /bin/sh, or no process to spare", instance)
	}
	go func() { _ = cmd.Wait() }()
	return running{PID: cmd.Process.Pid, Start: startTime(cmd.Process.Pid)}, nil
}

// keeperMarks are by what a keeper is known to an agent that didn't start it.
func (p *place) keeperMarks(home, instance string) []string {
	return []string{"SLIPWAY_OUTPUT=" + p.service + "." + p.environment + "." + home + "." + instance, "SLIPWAY_NODE=" + p.node.id}
}

// drained waits until a keeper has written all that came, which it has once what
// printed is gone. One that isn't done by then has something alive before it that
// nobody found; it is ended.
func drained(keeper running) {
	if keeper.PID == 0 || goneWithin(context.Background(), lastWords, func() bool { return !alive(keeper) }) {
		return
	}
	_ = syscall.Kill(-keeper.PID, syscall.SIGKILL)
}

// revive gives a process whose keeper died another one, over the pipe that the
// process holds open itself.
func (i *instance) revive() {
	i.mu.Lock()
	r := i.known
	i.mu.Unlock()
	if r.Keeper == 0 || alive(r.keeper()) || !alive(r) {
		return
	}
	fd, err := unix.Open(fmt.Sprintf("/proc/%d/fd/1", r.PID), unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return
	}
	from := os.NewFile(uintptr(fd), "output") // #nosec G115 -- a descriptor
	defer from.Close()
	var of unix.Stat_t
	if unix.Fstat(fd, &of) != nil || of.Mode&unix.S_IFMT != unix.S_IFIFO || unix.SetNonblock(fd, false) != nil {
		return // it prints elsewhere by now
	}
	keeper, err := i.place.startKeeper(from, i.logFile(), "rotate", i.of().home(), i.id)
	if err != nil {
		return
	}
	i.mu.Lock()
	i.known.Keeper, i.known.KeeperStart = keeper.PID, keeper.Start
	r = i.known
	i.mu.Unlock()
	_ = i.write(r) // the next agent would only start another
	i.place.node.o.Log.Warn("what an instance prints was not kept for a moment: its keeper was ended from outside", "service", i.place.service, "environment", i.place.environment, "instance", i.id)
}

// keeper is the process that writes down what this one prints.
func (r running) keeper() running { return running{PID: r.Keeper, Start: r.KeeperStart} }

func (i *instance) openOutput() (*output, error) {
	if err := os.MkdirAll(i.place.logDir(), 0o700); err != nil {
		return nil, slipway.Wrap(slipway.Unavailable, err, "the log of %s can't be written: is the disk full?", i.id)
	}
	return i.place.openOutput(i.logFile(), "rotate", i.of().home(), i.id)
}

// torn tells whether a log ends in the middle of a line, so that what follows it
// begins there: perhaps with the rest of a secret, which can't be told.
func torn(file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return !errors.Is(err, os.ErrNotExist)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return err != nil
	}
	last := []byte{0}
	_, err = f.ReadAt(last, info.Size()-1)
	return err != nil || last[0] != '\n'
}

func inodeOf(f *os.File) uint64 {
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	return stat.Ino
}
