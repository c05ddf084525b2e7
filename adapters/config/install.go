package config

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/sandbox"
)

// install makes the renderer's environment once; processes that come at the
// same time wait for the first. What an earlier try left half done is removed,
// and so is an environment whose interpreter is gone.
func (j *Jinja) install(ctx context.Context, log io.Writer) (python string, err error) {
	dir := filepath.Join(j.o.Data, "tools", toolName())
	python, done := filepath.Join(dir, "bin", "python"), filepath.Join(dir, ".complete")
	if complete(python, done) {
		return python, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", slipway.Wrap(slipway.Unavailable, err, "the tools' directory can't be made")
	}
	lock, err := os.OpenFile(dir+".lock", os.O_CREATE|os.O_RDWR|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return "", slipway.Wrap(slipway.Unavailable, err, "the tools' directory can't be locked")
	}
	defer lock.Close()
	if err := flock(ctx, lock); err != nil {
		return "", err
	}
	if complete(python, done) {
		return python, nil
	}
	fmt.Fprintf(log, "installing %s for the templates\n", toolName())
	if err := os.RemoveAll(dir); err != nil {
		return "", slipway.Wrap(slipway.Unavailable, err, "what is left of an earlier installation, %s, can't be removed", dir)
	}
	home, err := os.MkdirTemp("", "slipway-tool-")
	if err != nil {
		return "", slipway.Wrap(slipway.Unavailable, err, "there is no place to install Jinja2: is the disk full?")
	}
	defer os.RemoveAll(home)
	pins := filepath.Join(home, "requirements.txt")
	if err := os.WriteFile(pins, []byte(requirements), 0o600); err != nil {
		return "", slipway.Wrap(slipway.Unavailable, err, "there is no place to install Jinja2: is the disk full?")
	}
	for _, args := range [][]string{
		{j.o.Python, "-m", "venv", dir},
		{python, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet", "--only-binary=:all:", "--require-hashes", "--no-deps", "-r", pins},
	} {
		var out bytes.Buffer
		result, err := sandbox.Run(ctx, sandbox.Command{Args: args, Dir: home, Env: sandbox.Environment(home, nil, indexSettings()), Timeout: 5 * time.Minute}, &out)
		if err != nil {
			return "", err
		}
		if !result.OK() {
			fmt.Fprintln(log, tail(out.String()))
			return "", slipway.Wrap(slipway.Unavailable, fmt.Errorf("%s", tail(out.String())), "Jinja2 could not be installed; is the package index reachable, and has the interpreter %s the module venv?", j.o.Python)
		}
	}
	if err := os.WriteFile(done, nil, 0o644); err != nil {
		return "", slipway.Wrap(slipway.Unavailable, err, "the installation of Jinja2 could not be finished: is the disk full?")
	}
	return python, nil
}

// toolName is the directory's: the version, and the hash of all that is pinned.
func toolName() string {
	first, _, _ := strings.Cut(requirements, " ")
	sum := sha256.Sum256([]byte(requirements))
	return strings.ReplaceAll(first, "==", "-") + "-" + hex.EncodeToString(sum[:4])
}

func complete(python, done string) bool {
	_, marked := os.Stat(done)
	_, there := os.Stat(python) // follows the link to the interpreter
	return marked == nil && there == nil
}

// flock waits for a file lock while the context lasts.
func flock(ctx context.Context, f *os.File) error {
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return slipway.Wrap(slipway.Unavailable, err, "the tools' directory can't be locked")
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// indexSettings are the machine's own words on where packages come from: the
// only part of the platform's environment that an installation sees.
func indexSettings() map[string]string {
	settings := map[string]string{}
	for _, name := range []string{"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CERT", "PIP_TRUSTED_HOST", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_RETRIES", "PIP_DEFAULT_TIMEOUT", "SSL_CERT_FILE", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"} {
		if v := os.Getenv(name); v != "" {
			settings[name] = v
		}
	}
	return settings
}
