package secrets

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway"
)

// Registry finds the store of a reference by its scheme.
type Registry struct {
	stores map[string]slipway.SecretStore
}

// NewRegistry refuses two stores of one scheme: which of them was meant would
// be chance.
func NewRegistry(stores ...slipway.SecretStore) (*Registry, error) {
	r := &Registry{map[string]slipway.SecretStore{}}
	for _, s := range stores {
		scheme := s.Scheme()
		if scheme == "" {
			return nil, slipway.Errorf(slipway.Invalid, "a secret store without a scheme can't be asked for; give it one")
		}
		if r.stores[scheme] != nil {
			return nil, slipway.Errorf(slipway.Invalid, "two secret stores are configured for %s://; remove one of them", scheme)
		}
		r.stores[scheme] = s
	}
	return r, nil
}

// Schemes lists the known schemes, sorted.
func (r *Registry) Schemes() []string { return slices.Sorted(maps.Keys(r.stores)) }

// Store finds the store of a reference. It asks nobody, so that an unknown
// scheme is refused when it is configured and not when it is needed.
func (r *Registry) Store(ref slipway.SecretRef) (slipway.SecretStore, error) {
	if s := r.stores[ref.Scheme()]; s != nil {
		return s, nil
	}
	known := "none is configured"
	if schemes := r.Schemes(); len(schemes) > 0 {
		known = "known are " + strings.Join(schemes, "://, ") + "://"
	}
	if ref.Scheme() == "" {
		// What has no scheme may be a value in the place of a reference: not shown.
		return nil, slipway.Errorf(slipway.Invalid, "a secret is named by a reference such as sealed://payments/DB_URL; %s", known).At("secret")
	}
	return nil, slipway.Errorf(slipway.Invalid, "no secret store is known for %s; %s", fmt.Sprintf("%.40q", ref.Scheme()+"://"), known).At("secret")
}

// Get resolves a reference.
func (r *Registry) Get(ctx context.Context, ref slipway.SecretRef) (slipway.Secret, error) {
	s, err := r.Store(ref)
	if err != nil {
		return slipway.Secret{}, err
	}
	return s.Get(ctx, ref)
}

// Set stores a value where its reference says.
func (r *Registry) Set(ctx context.Context, ref slipway.SecretRef, value slipway.Secret) error {
	s, err := r.Store(ref)
	if err != nil {
		return err
	}
	return s.Set(ctx, ref, value)
}

// Delete removes a value from where its reference says.
func (r *Registry) Delete(ctx context.Context, ref slipway.SecretRef) error {
	s, err := r.Store(ref)
	if err != nil {
		return err
	}
	return s.Delete(ctx, ref)
}

// List returns the references of all stores whose names begin with prefix.
func (r *Registry) List(ctx context.Context, prefix string) ([]slipway.SecretRef, error) {
	var all []slipway.SecretRef
	for _, scheme := range r.Schemes() {
		refs, err := r.stores[scheme].List(ctx, prefix)
		if err != nil {
			return nil, err
		}
		all = append(all, refs...)
	}
	slices.Sort(all)
	return all, nil
}
