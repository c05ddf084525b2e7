//go:build amd64 || arm64

package sandbox

import "golang.org/x/sys/unix"

const Architecture = architecture

// Verdict is what the filter says of a system call, by doing what the kernel does.
func Verdict(number, arch uint32, args [6]uint64) uint32 {
	words := map[uint32]uint32{offNumber: number, offArchitecture: arch}
	for n, a := range args {
		words[offArguments+8*uint32(n)], words[offArguments+8*uint32(n)+4] = uint32(a), uint32(a>>32)
	}
	text, at := program(refused()), uint32(0)
	for accumulator := uint32(0); ; at++ {
		i := text[at]
		met := false
		switch i.Code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			accumulator = words[i.K]
			continue
		case unix.BPF_RET | unix.BPF_K:
			return i.K
		case unix.BPF_JMP | unix.BPF_K | unix.BPF_JEQ:
			met = accumulator == i.K
		case unix.BPF_JMP | unix.BPF_K | unix.BPF_JGE:
			met = accumulator >= i.K
		case unix.BPF_JMP | unix.BPF_K | unix.BPF_JSET:
			met = accumulator&i.K != 0
		}
		if met {
			at += uint32(i.Jt)
		} else {
			at += uint32(i.Jf)
		}
	}
}
