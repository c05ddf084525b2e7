package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python/stated"
)

// OverrideFlags say what counts instead of what is detected.
type OverrideFlags struct {
	Overrides string   `placeholder:"FILE" help:"What counts instead of what is detected, in the form of slipway.yaml; - reads standard input. The repository's own slipway.yaml wins."`
	Set       []string `sep:"none" placeholder:"KEY=VALUE" help:"One key of the overrides, such as processes.web, python or health.path; nothing behind the = takes it back. Repeat for each."`
}

// Given tells whether any of the flags was.
func (f OverrideFlags) Given() bool { return f.Overrides != "" || len(f.Set) > 0 }

// Read sets the given keys in the given file, or in what there was without one.
func (f OverrideFlags) Read(a *App, was slipway.Overrides) (slipway.Overrides, error) {
	text := string(was)
	if f.Overrides != "" {
		file, err := f.file(a)
		if err != nil {
			return "", err
		}
		text = file
	}
	set := map[string]string{}
	for _, pair := range f.Set {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return "", slipway.Errorf(slipway.Invalid, "%q is not KEY=VALUE, such as --set processes.web=\"gunicorn app:app\"", pair).At("set")
		}
		if _, twice := set[key]; twice {
			return "", slipway.Errorf(slipway.Invalid, "--set %s is given twice; leave one of them out", Clean(key)).At("set")
		}
		set[key] = value
	}
	o, err := stated.ReadOverrides(text, set)
	if e := (*slipway.Error)(nil); errors.As(err, &e) {
		for _, more := range e.More {
			e.Message += "\n" + more.Message
		}
	}
	return o, err
}

func (f OverrideFlags) file(a *App) (string, error) {
	in := a.Stdin
	if f.Overrides != "-" {
		file, err := os.Open(f.Overrides)
		if err != nil {
			return "", slipway.Wrap(slipway.Invalid, err, "%s can't be read; name a file in the form of slipway.yaml", f.Overrides).At("overrides")
		}
		defer file.Close()
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, stated.MaxOverrides+1))
	if err != nil {
		return "", slipway.Wrap(slipway.Invalid, err, "%s can't be read; name a file in the form of slipway.yaml", f.Overrides).At("overrides")
	}
	return string(text), nil
}

// PrintOverrides prints what a service's owners state.
func (a *App) PrintOverrides(o slipway.Overrides) error {
	text, err := stated.OverridesYAML(o)
	if err != nil || text == "" {
		return err
	}
	fmt.Fprintln(a.Stdout, "\nOverrides, where the repository's slipway.yaml doesn't say otherwise:")
	for line := range strings.Lines(text) {
		fmt.Fprintf(a.Stdout, "  %s\n", Clean(strings.TrimSuffix(line, "\n")))
	}
	return nil
}
