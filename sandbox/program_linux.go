package sandbox

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// Embedded tells whether the small program is built in that is only a holder or a
// gate. Without it this program is started again for each, at ten times the cost.
func Embedded() bool { return inMemory() != nil }

// inMemory is the small program, in memory that nobody can write to any more; nil without
// it, or where the system executes nothing that isn't a file.
var inMemory = sync.OnceValue(func() *os.File {
	if len(embedded) == 0 {
		return nil
	}
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate(holderName, flags|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) { // before kernel 6.3 all of them may be executed
		fd, err = unix.MemfdCreate(holderName, flags)
	}
	if err != nil {
		return nil
	}
	f := os.NewFile(uintptr(fd), holderName) // #nosec G115 -- a descriptor
	_, err = f.Write(embedded)
	if err == nil {
		_, err = unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_WRITE|unix.F_SEAL_GROW|unix.F_SEAL_SHRINK|unix.F_SEAL_SEAL)
	}
	if err == nil { // what the kernel lets be made, a security module may not let be executed
		try := exec.Cmd{Path: "/proc/self/fd/" + strconv.Itoa(firstFree), Args: []string{holderName, "try"}, Env: []string{}, ExtraFiles: []*os.File{f}}
		if err = try.Start(); err == nil {
			_ = try.Wait() // it says that there is nothing to run
		}
	}
	if err != nil {
		_ = f.Close()
		return nil
	}
	return f
})

// Program makes the command of a program of ours that is known by its first argument,
// as package holder is, with files after its standard ones.
func Program(args []string, files ...*os.File) *exec.Cmd {
	cmd := &exec.Cmd{ExtraFiles: files}
	ours(cmd, args)
	return cmd
}

// ours has cmd be what holds a command, a holder or a gate, instead of what it was. The
// descriptor of the small program comes after all others of cmd: a child finds it by
// that number, and closes it when it becomes something else.
func ours(cmd *exec.Cmd, args []string, env ...string) {
	cmd.Path, cmd.Args, cmd.Err, cmd.Env = "/proc/self/exe", args, nil, append(env, holderEnv...)
	if f := inMemory(); f != nil {
		cmd.Path = "/proc/self/fd/" + strconv.Itoa(firstFree+len(cmd.ExtraFiles))
		cmd.ExtraFiles = append(slices.Clone(cmd.ExtraFiles), f)
	}
}
