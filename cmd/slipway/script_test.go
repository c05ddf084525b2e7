package main

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/slipway-dev/slipway/api/apitest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"slipway": func() {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
			code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv)
			stop()
			os.Exit(code)
		},
	})
}

// TestScripts runs what a user could type. Scripts below testdata/script/api
// have a platform to speak to; those beside it have none.
func TestScripts(t *testing.T) {
	for _, dir := range []string{"testdata/script", "testdata/script/api"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no scripts in %s: %v", dir, err)
		}
		t.Run(filepath.Base(dir), func(t *testing.T) {
			testscript.Run(t, testscript.Params{
				Files: files,
				Setup: func(env *testscript.Env) error {
					env.Setenv("HOME", env.WorkDir)
					env.Setenv("SLIPWAY_DATA", filepath.Join(env.WorkDir, "data"))
					if strings.HasSuffix(dir, "api") {
						w := apitest.New(t)
						env.Setenv("SLIPWAY_SERVER", w.URL)
						env.Setenv("SLIPWAY_TOKEN", w.Token)
						env.Setenv("PRESENT", w.InPerson("present")) // for what takes somebody in person
						env.Setenv("RELEASE", w.Data)                // where the artifact of every release is
					}
					return nil
				},
				Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"exit": exitCommand},
			})
		})
	}
}

// exitCommand runs the program in a script and holds it to an exit code:
// exit CODE slipway ARG...
func exitCommand(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: exit CODE ARG...")
	}
	stdin := strings.NewReader("")
	var out, errs strings.Builder
	env := func(key string) string { return ts.Getenv(key) }
	flags := []string{"--data", ts.Getenv("SLIPWAY_DATA")}
	if server := ts.Getenv("SLIPWAY_SERVER"); server != "" {
		flags = append(flags, "--server", server)
	}
	code := run(context.Background(), append(args[1:], flags...), stdin, &out, &errs, env)
	if want := args[0]; want != string(rune('0'+code)) {
		ts.Fatalf("exit code %d, want %s\n%s%s", code, want, out.String(), errs.String())
	}
	ts.Check(os.WriteFile(ts.MkAbs("exit.out"), []byte(out.String()), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("exit.err"), []byte(errs.String()), 0o600))
}
