package main

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

// profile is a platform that one has signed in to.
type profile struct {
	Server  string    `json:"server"`
	Account string    `json:"account"`
	Token   string    `json:"token,omitempty"` // one that was given, in place of a session
	Access  string    `json:"access,omitempty"`
	Refresh string    `json:"refresh,omitempty"`
	Expires time.Time `json:"expires,omitzero"` // of the access token
}

// profiles is the file that holds them, for its owner only.
type profiles struct {
	Current  string             `json:"current,omitempty"`
	Profiles map[string]profile `json:"profiles"`
}

// of names the profile of a server; the current one comes first.
func (p profiles) of(server string) string {
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

// profileFile is where profiles are kept.
func (a *app) profileFile() string {
	dir := a.env("XDG_CONFIG_HOME")
	if dir == "" {
		dir = filepath.Join(a.env("HOME"), ".config")
	}
	return filepath.Join(dir, "slipway", "profiles.json")
}

// profiles reads what is kept; none is no error. A file that others could read is closed.
func (a *app) profiles() (profiles, error) {
	p := profiles{Profiles: map[string]profile{}}
	text, err := os.ReadFile(a.profileFile())
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if info, bad := os.Stat(a.profileFile()); bad == nil && info.Mode().Perm()&0o077 != 0 {
		if os.Chmod(a.profileFile(), 0o600) == nil {
			fmt.Fprintf(a.stderr, "slipway: others could read your sessions and tokens in %s; that is mended (chmod 600)\n", a.profileFile())
		}
	}
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err != nil {
		return p, slipway.Wrap(slipway.Invalid, err, "the profiles in %s can't be read; sign in again after removing it", a.profileFile())
	}
	return p, nil
}

// changeProfiles edits the file, one process after the other.
func (a *app) changeProfiles(change func(p *profiles) error) error {
	file := a.profileFile()
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
	p, err := a.profiles()
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
func (a *app) bearer(ctx context.Context, name string) (string, error) {
	known, err := a.profiles()
	if err != nil {
		return "", err
	}
	p := known.Profiles[name]
	if p.Token != "" || time.Until(p.Expires) > time.Minute {
		return p.Token + p.Access, nil
	}
	err = a.changeProfiles(func(all *profiles) error {
		p = all.Profiles[name]
		if time.Until(p.Expires) > time.Minute {
			return nil // another process was quicker
		}
		c, err := client.NewClientWithResponses(p.Server+"/api/v1/", client.WithHTTPClient(&http.Client{Transport: transportTo(p.Server), Timeout: time.Minute, CheckRedirect: stay}))
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
		p = sessionProfile(p.Server, *r.JSON200)
		all.Profiles[name] = p
		return nil
	})
	return p.Access, err
}

// sessionProfile keeps a session that has begun.
func sessionProfile(server string, s client.Session) profile {
	return profile{Server: server, Account: s.Account, Access: s.AccessToken, Refresh: s.RefreshToken, Expires: s.AccessExpiresAt}
}
