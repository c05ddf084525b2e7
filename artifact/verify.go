package artifact

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/slipway-dev/slipway"
)

// Record is the name of a tree's record, beside the tree.
const Record = "tree"

// Dir is where the artifact of a digest lies in the data directory.
func Dir(data string, digest slipway.Digest) string {
	return filepath.Join(data, "artifacts", filepath.Base(strings.TrimPrefix(string(digest), "sha256:")))
}

// DigestOf is the digest of a release, from those of its source and its
// environment, and its manifest as it is written.
func DigestOf(source, environment string, manifest []byte) slipway.Digest {
	sum := sha256.Sum256(fmt.Appendf(nil, "source %s\nenvironment %s\nmanifest %s\n", source, environment, manifest))
	return slipway.Digest("sha256:" + hex.EncodeToString(sum[:]))
}

// Verify takes the digest of what is about to run again: it reads the artifact in
// the data directory and the environment that it runs in, and returns nil only when
// they give the digest that was built, tested and approved. It is called before each
// use (tests, a rehearsal, a release command, every start of an instance), and is
// quick: of files that are as they were left only the inode is read.
//
// What was changed, added or removed is Refused, by name; an artifact that isn't
// there whole is NotFound. Building the commit again mends both. One that was built
// before records were kept is read whole, and gets its records when it gives its
// digest.
func Verify(ctx context.Context, data string, digest slipway.Digest) error {
	dir := Dir(data, digest)
	manifest, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		return missing(err, digest)
	}
	var of struct {
		Environment string `json:"environment"`
	}
	if err := json.Unmarshal(manifest, &of); err != nil {
		return slipway.Errorf(slipway.Refused, "the manifest of artifact %.19s was changed after it was built; build the commit again", digest)
	}
	environment := filepath.Join(data, "environments", filepath.Base(of.Environment))
	// What runs is what the link names, so it has to name this environment.
	target, err := os.Readlink(filepath.Join(dir, "venv"))
	if err != nil {
		return missing(err, digest)
	}
	if filepath.Join(dir, target) != filepath.Join(environment, "venv") {
		return slipway.Errorf(slipway.Refused, "the environment of artifact %.19s was exchanged after it was built; build the commit again", digest)
	}
	trees := []*tree{{what: "source", dir: filepath.Join(dir, "source")}, {what: "environment", dir: filepath.Join(environment, "venv")}}
	for _, t := range trees {
		if err := t.look(ctx); err != nil {
			return missing(err, digest)
		}
		if len(t.differs) > 0 {
			return slipway.Errorf(slipway.Refused, "the %s of artifact %.19s is not what was built: %s; nothing of it is started: build the commit again, and find out who changed it", t.what, digest, some(t.differs))
		}
	}
	if now := DigestOf(trees[0].digest, trees[1].digest, manifest); now != digest {
		return slipway.Errorf(slipway.Refused, "artifact %.19s is not what was built: its files give %.19s; nothing of it is started: build the commit again, and find out who changed it", digest, now)
	}
	for _, t := range trees {
		if t.unknown {
			_, _ = Keep(ctx, t.dir, t.record()) // or the next look is as slow
		}
	}
	return nil
}

// tree is one of the two of which an artifact consists.
type tree struct {
	what, dir string
	digest    string
	differs   []string
	unknown   bool // it has no record
}

func (t *tree) record() string { return filepath.Join(filepath.Dir(t.dir), Record) }

func (t *tree) look(ctx context.Context) (err error) {
	if info, err := os.Lstat(t.dir); err != nil || !info.IsDir() {
		return errors.Join(err, fs.ErrNotExist)
	}
	t.digest, t.differs, err = Compare(ctx, t.dir, t.record())
	if errors.Is(err, fs.ErrNotExist) {
		t.unknown = true
		t.digest, err = Digest(ctx, t.dir)
	}
	return err
}

func missing(err error, digest slipway.Digest) error {
	if errors.Is(err, fs.ErrNotExist) {
		return slipway.Wrap(slipway.NotFound, err, "artifact %.19s is not here whole; build its commit again", digest)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return slipway.Wrap(slipway.Unavailable, err, "artifact %.19s can't be read", digest)
}

// some names the first few.
func some(list []string) string {
	const most = 5
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
}
