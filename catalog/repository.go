package catalog

import (
	"context"
	"errors"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/service"
	"github.com/slipway-dev/slipway/store"
)

// Paths says which paths of this machine are repositories. Both methods take
// every repository, and pass those on servers.
type Paths interface {
	// Stated refuses what lies outside the directories stated for everybody.
	Stated(repo slipway.Repository) error
	// Admit is the operator's word that a path is one, for good.
	Admit(repo slipway.Repository) error
}

// placed refuses a path of this machine that the viewer may not name. What
// the operator named stays a repository, whoever changes the service afterwards.
func (cat *Catalog) placed(ctx context.Context, repo slipway.Repository) error {
	if cat.ports.Paths == nil {
		return nil
	}
	if v := slipway.ViewerFrom(ctx); v.Kind == slipway.ViewerSystem {
		return cat.ports.Paths.Admit(repo)
	}
	return cat.ports.Paths.Stated(repo)
}

// LocalRepositories are the paths of this machine that services have.
func (cat *Catalog) LocalRepositories(ctx context.Context) ([]string, error) {
	return cat.db.Service.Query().Where(service.Or(service.RepositoryHasPrefix("/"), service.RepositoryHasPrefix("file:"))).
		Order(service.ByID()).Select(service.FieldRepository).Strings(store.AsSystem(ctx))
}

// answers asks a repository whether it has the branch and the directory.
func (cat *Catalog) answers(ctx context.Context, repo slipway.Repository) error {
	_, err := cat.ports.Source.Resolve(ctx, repo, repo.Branch)
	var known *slipway.Error
	if errors.As(err, &known) && known.Code == slipway.Invalid {
		field := known.Field
		switch field {
		case "ref":
			field = "branch"
		case "":
			field = "url"
		}
		return slipway.Wrap(slipway.Invalid, err, "%s", known.Message).At(field)
	}
	return err
}

// RepositoryOf is where a service is read from.
func RepositoryOf(s *ent.Service) slipway.Repository {
	return slipway.Repository{URL: s.Repository, Path: s.Path, Branch: s.Branch, Credential: slipway.SecretRef(s.Credential)}
}
