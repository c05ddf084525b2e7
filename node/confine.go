package node

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/sandbox"
)

// confinement is what the processes of a deployment may reach: they change its copy
// of the source, its home and the service's data, and read what was built and the Python that
// runs it. Of the data directory nothing else is theirs: no other service's files,
// no secrets, no keys. The directory that holds copy and home is not theirs either:
// what lies there is read and written by the platform, by name.
func (p *place) confinement(d *deployment) sandbox.Confinement {
	o := p.node.o
	built := p.artifactDir(d.Deployment)
	c := sandbox.Confinement{
		Read:   append([]string{built}, o.Readable...),
		Write:  []string{p.appDir(d), filepath.Join(p.dir(d.home()), "home"), p.dataOf(d)},
		Closed: []string{o.Data},
		Tmp:    p.tmpDir(d),
	}
	if venv, err := filepath.EvalSymlinks(filepath.Join(built, "venv")); err == nil {
		c.Read = append(c.Read, venv)
	}
	c.Read = append(c.Read, sandbox.Interpreter(filepath.Join(built, "venv", "bin", "python"))...)
	for _, dir := range o.Writable {
		if _, err := os.Stat(dir); err == nil {
			c.Write = append(c.Write, dir)
		}
	}
	return c
}

// launch starts a process of a deployment, confined and in a group of its own, which
// it returns; "" where this machine has no groups.
// It may also change the files that are given.
func (p *place) launch(cmd *exec.Cmd, d *deployment, instance string, files ...string) (group string, err error) {
	if base := p.node.groups; base != "" {
		group = filepath.Join(base, p.service+"."+p.environment+"."+d.home()+"."+instance)
		endGroup(group) // of one that was started and not written down
		close, err := joinGroup(cmd.SysProcAttr, group)
		if err != nil {
			return "", slipway.Wrap(slipway.Unavailable, err, "no control group can be made for %s", instance)
		}
		defer close()
	}
	held := p.confinement(d)
	held.Write = append(held.Write, files...)
	if err := sandbox.Start(cmd, held); err != nil {
		endGroup(group)
		return "", err
	}
	return group, nil
}

// verify refuses what is not what was built, before anything of it is started.
func (p *place) verify(ctx context.Context, d slipway.Deployment) error {
	if p.node.o.Verify == nil {
		return nil
	}
	return p.node.o.Verify(ctx, d.Artifact)
}

// check looks at what runs again, long after it was started.
func (p *place) check(ctx context.Context) {
	p.mu.Lock()
	d := p.state.Deployments[p.state.Live]
	p.mu.Unlock()
	said := ""
	if d != nil {
		if err := p.verify(ctx, d.Deployment); slices.Contains([]slipway.Code{slipway.Refused, slipway.NotFound}, slipway.CodeOf(err)) {
			said = err.Error()
		} else if ctx.Err() != nil {
			return
		}
	}
	p.mu.Lock()
	before := p.changed
	p.changed = said
	p.mu.Unlock()
	if said != "" && before == "" {
		p.node.o.Log.Error("what runs is not what was built", "service", p.service, "environment", p.environment, "reason", said)
	}
}

// protection is what holds services on this machine.
func (n *Node) protection() slipway.Protection {
	p := sandbox.Protection()
	p.Namespaces, p.Ends = false, "mark"
	if n.groups != "" {
		p.Ends = "cgroup"
	}
	return p
}
