package catalog

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/python"
	"github.com/slipway-dev/slipway/python/stated"
	"github.com/slipway-dev/slipway/store"
)

// Detection is what Slipway understands of a repository before it is registered.
type Detection struct {
	Name    string // what the service would be called
	Commit  slipway.Commit
	Project *python.Project
	Took    time.Duration
}

// Detect reads a repository as Register would and says how it would be built,
// tested and started, with evidence. Nothing is kept, nothing of the project is
// run. It takes whoever may register. What isn't a service yet has no stored
// credential: one that is needed comes as the token. A name that is given and
// taken is a Conflict; in the place of one that is made of the repository, and
// taken, a free one is proposed.
func (cat *Catalog) Detect(ctx context.Context, in ServiceInput) (*Detection, error) {
	named := in.Name != ""
	if !named {
		in.Name = slipway.NameFromRepository(in.Repository())
	}
	owner, err := cat.ready(ctx, &in)
	if err != nil {
		return nil, err
	}
	if named {
		if err := serviceNameTaken(ctx, cat.db, in.Name, owner); err != nil {
			return nil, err
		}
	}
	if err := cat.placed(ctx, in.Repository()); err != nil {
		return nil, err
	}
	if in.Token.Reveal() != "" {
		// The source resolves references alone; this one is gone again in a moment.
		if in.Credential, err = cat.keepCredential(ctx, trying, in.URL, in.Token); err != nil {
			return nil, err
		}
		defer func() { _ = cat.ports.Secrets.Delete(context.WithoutCancel(ctx), in.Credential) }()
	}
	d, err := cat.detect(ctx, in)
	if err != nil {
		return nil, identity.Given(err, "url")
	}
	if taken, err := serviceNamed(cat.db)(ctx, d.Name); !named && d.Name != "" && (err != nil || taken) {
		if err == nil {
			d.Name, err = identity.FreeName(ctx, d.Name, ownPrefix(owner), serviceNamed(cat.db))
		}
		return d, err
	}
	return d, nil
}

// DetectService reads the repository of a service as its next release would with
// the given overrides; nil takes those that it has.
func (cat *Catalog) DetectService(ctx context.Context, name string, overrides *slipway.Overrides) (*Detection, error) {
	s, err := cat.people.ServiceFor(ctx, name, slipway.PermitServiceChange, "")
	if err != nil {
		return nil, err
	}
	in := ServiceInput{Name: s.Name, URL: s.Repository, Path: s.Path, Branch: s.Branch, Credential: slipway.SecretRef(s.Credential), Overrides: slipway.Overrides(s.Overrides)}
	if overrides != nil {
		if in.Overrides, err = stated.ReadOverrides(string(*overrides), nil); err != nil {
			return nil, err
		}
	}
	return cat.detect(ctx, in)
}

func (cat *Catalog) detect(ctx context.Context, in ServiceInput) (*Detection, error) {
	began := time.Now()
	commit, err := cat.ports.Source.Resolve(ctx, in.Repository(), in.Branch)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "slipway-detect-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	tree := filepath.Join(dir, "tree")
	if err := cat.ports.Source.Export(ctx, in.Repository(), commit.ID, tree, io.Discard); err != nil {
		return nil, err
	}
	options := python.Options{Path: in.Path, Overrides: in.Overrides, Fetch: cat.ports.FetchPython, Today: time.Now(), Written: commit.Time}
	if cat.ports.Interpreters != nil {
		if options.Interpreters, err = cat.ports.Interpreters(ctx); err != nil {
			return nil, err
		}
	}
	project, err := python.Detect(os.DirFS(tree), options)
	if err != nil {
		return nil, slipway.Wrap(slipway.Invalid, err, "the repository can't be read at %s; is the directory right?", store.Printable(in.Path)).At("path")
	}
	if in.Name == "" && slipway.CheckName("name", project.Name) == nil {
		in.Name = project.Name
	}
	if err := cat.nameIn(ctx, project, in.Name); err != nil {
		return nil, err
	}
	return &Detection{Name: in.Name, Commit: commit, Project: project, Took: time.Since(began)}, nil
}

// nameIn puts the service and its first environment where warnings leave room for
// them, so that the command that mends something can be run as it stands.
func (cat *Catalog) nameIn(ctx context.Context, project *python.Project, service string) error {
	if service == "" {
		return nil
	}
	all, err := InOrder(ctx, cat.db)
	if err != nil || len(all) == 0 {
		return err
	}
	named := strings.NewReplacer(python.ServicePlaceholder, service, python.EnvironmentPlaceholder, all[0].Name)
	for _, list := range [][]python.Problem{project.Warnings, project.Problems} {
		for i, w := range list {
			list[i].Message, list[i].Remedy = named.Replace(w.Message), slipway.Addressed(named.Replace(w.Remedy), service, all[0].Name)
		}
	}
	return nil
}
