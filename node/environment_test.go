package node

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
)

// What the values of secrets make too much is known before anything is started.
func TestVariablesHaveASize(t *testing.T) {
	n := &Node{o: Options{Data: t.TempDir(), Secrets: func(context.Context, slipway.SecretRef) (slipway.Secret, error) {
		return slipway.NewSecret(strings.Repeat("s", 64<<10)), nil
	}}}
	p := &place{node: n, service: "billing", environment: "prod"}
	d := &deployment{Deployment: slipway.Deployment{ID: "1", Service: "billing", Environment: "prod", Config: slipway.Snapshot{Env: map[string]slipway.ConfigValue{}}}}
	for count, fits := range map[int]bool{20: true, 30: false} {
		for i := range count {
			d.Config.Env[fmt.Sprintf("KEY_%d", i)] = slipway.ConfigValue{Secret: "file://billing/key"}
		}
		env, err := p.variables(t.Context(), d, slipway.Process{}, "web.1", 0)
		if fits && (err != nil || len(env) < count) || !fits && (slipway.CodeOf(err) != slipway.Refused || !strings.Contains(err.Error(), "a process can have at most")) {
			t.Errorf("%d secrets: %d variables, %v", count, len(env), err)
		}
		clear(d.Config.Env)
	}
}
