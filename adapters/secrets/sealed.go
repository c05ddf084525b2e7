// Package secrets keeps secret values: sealed is the store that needs nothing
// installed, one age-encrypted file per value beside a key file.
package secrets

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/slipway-dev/slipway"
)

// MaxValue bounds one value, in bytes.
const MaxValue = 64 << 10

// Sealed stores each value in a file of its own, encrypted to a key that lies
// beside it with permissions for its owner only. Several processes may use one
// directory: writes are a rename, and nothing is cached.
type Sealed struct {
	dir      string
	identity *age.X25519Identity
}

var _ slipway.SecretStore = (*Sealed)(nil)

// Open opens the store in dir, making directory and key at the first time. It
// refuses a key that others can read.
func Open(dir string) (*Sealed, error) {
	if err := os.MkdirAll(filepath.Join(dir, "values"), 0o700); err != nil {
		return nil, slipway.Wrap(slipway.Unavailable, err, "the secret store's directory %s can't be made", dir)
	}
	file := filepath.Join(dir, "key")
	for _, path := range []string{dir, file} {
		if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
			return nil, slipway.Errorf(slipway.Denied, "%s can be read by others; run: chmod go-rwx %s", path, path)
		}
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		// A new key beside old values would make them unreadable for ever, and look well.
		values := holdsValues(filepath.Join(dir, "values"))
		if text, err = os.ReadFile(file); err != nil && values {
			return nil, slipway.Errorf(slipway.Unavailable, "the key %s is gone but values sealed to it are there; restore it from a backup, or remove %s and set the secrets again", file, filepath.Join(dir, "values"))
		}
		if err != nil {
			text, err = makeKey(file)
		}
	}
	if err != nil {
		return nil, slipway.Wrap(slipway.Unavailable, err, "the key of the secret store %s can't be read", file)
	}
	sweep(dir)
	identity, err := age.ParseX25519Identity(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, slipway.Errorf(slipway.Unavailable, "%s is not a key; restore it from a backup: without it the stored secrets are lost", file)
	}
	return &Sealed{dir: filepath.Join(dir, "values"), identity: identity}, nil
}

// makeKey writes a new key; when two processes start at once, one key wins.
func makeKey(file string) ([]byte, error) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	tmp, err := writeTemp(filepath.Dir(file), []byte(identity.String()+"\n"))
	if err != nil {
		return nil, err
	}
	defer os.Remove(tmp)
	if err := os.Link(tmp, file); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if err := syncDir(filepath.Dir(file)); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
}

// Scheme is sealed: references look like sealed://payments/prod/DB_URL.
func (s *Sealed) Scheme() string { return "sealed" }

func (s *Sealed) Set(_ context.Context, ref slipway.SecretRef, value slipway.Secret) error {
	path, err := s.path(ref)
	if err != nil {
		return err
	}
	if n := len(value.Reveal()); n == 0 || n > MaxValue {
		return slipway.Errorf(slipway.Invalid, "the value of %s has %d bytes; 1 to %d are allowed", ref, n, MaxValue).At("value")
	}
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, s.identity.Recipient())
	if err == nil {
		_, err = io.WriteString(w, value.Reveal())
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return slipway.Wrap(slipway.Internal, err, "%s could not be sealed", ref)
	}
	if err := s.makeDir(filepath.Dir(path)); err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "%s could not be stored: is the disk full?", ref)
	}
	tmp, err := writeTemp(filepath.Dir(path), sealed.Bytes())
	if err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "%s could not be stored: is the disk full?", ref)
	}
	if err := os.Rename(tmp, path); err != nil {
		_ = os.Remove(tmp)
		return slipway.Wrap(slipway.Unavailable, err, "%s could not be stored", ref)
	}
	return syncDir(filepath.Dir(path))
}

func (s *Sealed) Get(_ context.Context, ref slipway.SecretRef) (slipway.Secret, error) {
	path, err := s.path(ref)
	if err != nil {
		return slipway.Secret{}, err
	}
	sealed, err := readBounded(path)
	if errors.Is(err, fs.ErrNotExist) {
		return slipway.Secret{}, slipway.Errorf(slipway.NotFound, "there is no secret %s; store it with: slipway secret set", ref)
	}
	if err != nil {
		return slipway.Secret{}, slipway.Wrap(slipway.Unavailable, err, "the secret %s can't be read", ref)
	}
	r, err := age.Decrypt(bytes.NewReader(sealed), s.identity)
	var value []byte
	if err == nil {
		value, err = io.ReadAll(io.LimitReader(r, MaxValue+1))
	}
	if err != nil {
		return slipway.Secret{}, slipway.Wrap(slipway.Unavailable, err, "the secret %s can't be opened: its file was changed, or the key is another one; store it again", ref)
	}
	return slipway.NewSecret(string(value)), nil
}

func (s *Sealed) List(_ context.Context, prefix string) ([]slipway.SecretRef, error) {
	var refs []slipway.SecretRef
	err := filepath.WalkDir(s.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".age") {
			return err
		}
		name, err := filepath.Rel(s.dir, strings.TrimSuffix(path, ".age"))
		if err == nil && strings.HasPrefix(name, prefix) {
			refs = append(refs, slipway.SecretRef("sealed://"+name))
		}
		return err
	})
	if err != nil {
		return nil, slipway.Wrap(slipway.Unavailable, err, "the secrets can't be listed")
	}
	slices.Sort(refs)
	return refs, nil
}

func (s *Sealed) Delete(_ context.Context, ref slipway.SecretRef) error {
	path, err := s.path(ref)
	if err != nil {
		return err
	}
	if err := os.Remove(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the secret %s can't be removed", ref)
	}
	return syncDir(filepath.Dir(path))
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$`)

func (s *Sealed) path(ref slipway.SecretRef) (string, error) {
	if ref.Scheme() != s.Scheme() {
		return "", slipway.Errorf(slipway.Invalid, "no secret store is known for %q; the known one is sealed://", ref.Scheme()).At("secret")
	}
	name := ref.Name()
	// A directory named like a value's file would stand in the value's place.
	if len(name) > 200 || !nameForm.MatchString(name) || strings.Contains(name, ".age/") {
		return "", slipway.Errorf(slipway.Invalid, "%.80q is not a secret's name: use at most 200 letters, digits, _ . - and / between the parts", name).At("name")
	}
	return filepath.Join(s.dir, name+".age"), nil
}

// makeDir makes the directories of a value, on disk when it returns.
func (s *Sealed) makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for dir != s.dir {
		dir = filepath.Dir(dir)
		if err := syncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// readBounded reads a value's file; what is longer than any value is cut, and
// then doesn't open.
func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, 2*MaxValue))
}

func holdsValues(dir string) bool {
	found := false
	_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasSuffix(path, ".age") {
			found = true
			return fs.SkipAll
		}
		return nil
	})
	return found
}

// sweep removes what a process that was killed between write and rename left.
// A file an hour old is nobody's any more.
func sweep(dir string) {
	_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasPrefix(entry.Name(), tempPrefix) {
			return nil
		}
		if info, err := entry.Info(); err == nil && time.Since(info.ModTime()) > time.Hour {
			_ = os.Remove(path) // #nosec G122 -- only this user writes into the store
		}
		return nil
	})
}

const tempPrefix = ".new-"

// writeTemp writes a file for a later rename, readable by its owner only and on
// disk when it returns.
func writeTemp(dir string, content []byte) (string, error) {
	f, err := os.CreateTemp(dir, tempPrefix)
	if err != nil {
		return "", err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return f.Name(), err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the secret may not survive a power cut")
	}
	return nil
}
