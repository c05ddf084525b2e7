package api

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/slipway-dev/slipway/api/operations"
)

// Spec is the contract as it is served.
//
//go:embed openapi.yaml
var Spec []byte

// loadSpec parses the contract, once in each process: nobody changes what it returns.
var loadSpec = sync.OnceValues(func() (*openapi3.T, error) {
	doc, err := openapi3.NewLoader().LoadFromData(Spec)
	if err != nil {
		return nil, fmt.Errorf("read openapi.yaml: %w", err)
	}
	return doc, nil
})

// specPath turns echo's form of a route into the contract's.
func specPath(route string) string {
	parts := strings.Split(strings.TrimPrefix(route, operations.BasePath), "/")
	for i, p := range parts {
		if name, ok := strings.CutPrefix(p, ":"); ok {
			parts[i] = "{" + name + "}"
		}
	}
	return strings.Join(parts, "/")
}
