package sandbox

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Space is what a tree of files takes on disk.
type Space struct {
	Bytes int64
	// Most is the deepest directory that holds more than half of what each one above
	// it holds: where to look.
	Most string
	// Claimed is what copies of all its files would take: one with holes, or with many
	// names, takes more then than it does now.
	Claimed int64
	// Hidden is a directory that can't be looked into, "" for none: its owner has
	// closed it to himself, or its path is longer than the kernel takes. What is in
	// it isn't counted, and may be all there is.
	Hidden string
}

// Measure adds up what lies below a directory, and is gone meanwhile without being
// missed. A file with several names counts once. What was removed while a process
// still has it open isn't seen.
func Measure(ctx context.Context, dir string) Space {
	return measure(ctx, dir, map[inode]bool{})
}

type inode struct{ device, number uint64 }

func measure(ctx context.Context, dir string, seen map[inode]bool) Space {
	sum, largest := Space{Most: dir}, Space{}
	var inner []string
	// A link in its place, however it came there, is not gone through.
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		if errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENAMETOOLONG) {
			sum.Hidden = dir
		}
		return sum
	}
	f := os.NewFile(uintptr(fd), dir) // #nosec G115 -- a descriptor
	for ctx.Err() == nil {
		names, err := f.Readdirnames(512)
		for _, name := range names {
			var stat unix.Stat_t
			if err := unix.Fstatat(fd, name, &stat, unix.AT_SYMLINK_NOFOLLOW); err != nil {
				if errors.Is(err, unix.EACCES) { // it may be listed and not entered
					sum.Hidden = dir
				}
				continue
			}
			if stat.Mode&unix.S_IFMT == unix.S_IFREG {
				sum.Claimed += stat.Size
			}
			if stat.Nlink > 1 && stat.Mode&unix.S_IFMT != unix.S_IFDIR {
				at := inode{stat.Dev, stat.Ino}
				if seen[at] {
					continue
				}
				seen[at] = true
			}
			sum.Bytes += stat.Blocks * 512
			if stat.Mode&unix.S_IFMT == unix.S_IFDIR {
				inner = append(inner, filepath.Join(dir, name))
			}
		}
		if err != nil { // or it is the end
			break
		}
	}
	_ = f.Close()
	for _, path := range inner {
		one := measure(ctx, path, seen)
		sum.Bytes += one.Bytes
		sum.Claimed += one.Claimed
		if sum.Hidden == "" {
			sum.Hidden = one.Hidden
		}
		if one.Bytes > largest.Bytes {
			largest = one
		}
	}
	if largest.Bytes > sum.Bytes/2 {
		sum.Most = largest.Most
	}
	return sum
}
