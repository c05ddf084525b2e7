package cli

import (
	"context"
	"net/url"
	"os/exec"
	"runtime"
)

// Browse opens a page where there is a browser; the address was printed anyway.
func Browse(ctx context.Context, address string) {
	if u, err := url.Parse(address); err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return
	}
	opener := "xdg-open"
	if runtime.GOOS == "darwin" {
		opener = "open"
	}
	if path, err := exec.LookPath(opener); err == nil {
		_ = exec.CommandContext(ctx, path, address).Start()
	}
}
