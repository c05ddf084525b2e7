package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
)

// Profile is a platform that one has signed in to.
type Profile struct {
	Server  string    `json:"server"`
	Account string    `json:"account"`
	Token   string    `json:"token,omitempty"` // one that was given, in place of a session
	Access  string    `json:"access,omitempty"`
	Refresh string    `json:"refresh,omitempty"`
	Expires time.Time `json:"expires,omitzero"` // of the access token
}

// Profiles is the file that holds them, for its owner only.
type Profiles struct {
	Current  string             `json:"current,omitempty"`
	Profiles map[string]Profile `json:"profiles"`
}

// of names the profile of a server; the current one comes first.
func (p Profiles) of(server string) string {
	if p.Profiles[p.Current].Server == server {
		return p.Current
	}
	for _, name := range slices.Sorted(maps.Keys(p.Profiles)) {
		if p.Profiles[name].Server == server {
			return name
		}
	}
	return ""
}

// ProfileFile is where profiles are kept.
func (a *App) ProfileFile() string {
	dir := a.Env("XDG_CONFIG_HOME")
	if dir == "" {
		dir = filepath.Join(a.Env("HOME"), ".config")
	}
	return filepath.Join(dir, "slipway", "profiles.json")
}

// Profiles reads what is kept; none is no error. A file that others could read is closed.
func (a *App) Profiles() (Profiles, error) {
	p := Profiles{Profiles: map[string]Profile{}}
	text, err := os.ReadFile(a.ProfileFile())
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if info, bad := os.Stat(a.ProfileFile()); bad == nil && info.Mode().Perm()&0o077 != 0 {
		if os.Chmod(a.ProfileFile(), 0o600) == nil {
			fmt.Fprintf(a.Stderr, "slipway: others could read your sessions and tokens in %s; that is mended (chmod 600)\n", a.ProfileFile())
		}
	}
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err != nil {
		return p, slipway.Wrap(slipway.Invalid, err, "the profiles in %s can't be read; sign in again after removing it", a.ProfileFile())
	}
	return p, nil
}

// ChangeProfiles edits the file, one process after the other.
func (a *App) ChangeProfiles(change func(p *Profiles) error) error {
	file := a.ProfileFile()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "profiles can't be kept in %s", filepath.Dir(file))
	}
	lock, err := os.OpenFile(file+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		defer lock.Close()
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "profiles can't be kept in %s", filepath.Dir(file))
	}
	p, err := a.Profiles()
	if err != nil {
		return err
	}
	if err := change(&p); err != nil {
		return err
	}
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", text, 0o600); err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "profiles can't be kept in %s", file)
	}
	return os.Rename(file+".new", file)
}

// bearer is what a profile sends. A session that runs out is refreshed, by one
// process at a time: its refresh token is good once.
func (a *App) bearer(ctx context.Context, name string) (string, error) {
	known, err := a.Profiles()
	if err != nil {
		return "", err
	}
	p := known.Profiles[name]
	if p.Token != "" || time.Until(p.Expires) > time.Minute {
		return p.Token + p.Access, nil
	}
	err = a.ChangeProfiles(func(all *Profiles) error {
		p = all.Profiles[name]
		if time.Until(p.Expires) > time.Minute {
			return nil // another process was quicker
		}
		c, err := client.NewClientWithResponses(p.Server+"/api/v1/", client.WithHTTPClient(&http.Client{Transport: TransportTo(p.Server), Timeout: time.Minute, CheckRedirect: Stay}))
		if err != nil {
			return err
		}
		r, err := c.RefreshSessionWithResponse(ctx, client.RefreshInput{RefreshToken: p.Refresh})
		if err != nil {
			return err
		}
		if r.JSON200 == nil {
			return slipway.Errorf(slipway.Unauthenticated, "your session at %s is over; run: slipway login %s", p.Server, p.Server)
		}
		p = SessionProfile(p.Server, *r.JSON200)
		all.Profiles[name] = p
		return nil
	})
	return p.Access, err
}

// SessionProfile keeps a session that has begun.
func SessionProfile(server string, s client.Session) Profile {
	return Profile{Server: server, Account: s.Account, Access: s.AccessToken, Refresh: s.RefreshToken, Expires: s.AccessExpiresAt}
}
