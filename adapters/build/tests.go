package build

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python"
	"github.com/slipway-dev/slipway/sandbox"
)

// unittestRecorder is put on the path of test runs as sitecustomize: unittest,
// and Django's runner on top of it, write no report of their own.
//
//go:embed unittest_recorder.py
var unittestRecorder string

// Test runs the tests of an artifact in a copy of its source, with an
// environment of their own beside the release's.
func (b *Builder) Test(ctx context.Context, req slipway.TestRequest, log io.Writer) (slipway.TestReport, error) {
	artifact, err := b.Open(ctx, req.Artifact)
	if err != nil {
		return slipway.TestReport{}, err
	}
	r, done, err := b.newRun(req.RunID, log)
	if err != nil {
		return slipway.TestReport{}, err
	}
	defer done()
	ctx, looked := r.bound(ctx)
	defer looked()
	report, err := r.tests(ctx, req, artifact)
	return report, r.ended(ctx, "run of the tests", err)
}

func (r *run) tests(ctx context.Context, req slipway.TestRequest, artifact slipway.Artifact) (slipway.TestReport, error) {
	source := filepath.Join(r.home, "source")
	if err := copySource(ctx, filepath.Join(artifact.Path, "source"), source); err != nil {
		return slipway.TestReport{}, disk(err, "the source could not be copied")
	}
	written, _ := time.Parse(time.DateOnly, artifact.Manifest.PackagesAsOf) // none is the zero time
	project, err := python.Detect(os.DirFS(source), python.Options{Path: req.Path, Overrides: artifact.Manifest.Overrides, Interpreters: only(r.interpreters(), artifact.Manifest.Python), Today: time.Now(), Written: written, Chosen: artifact.Manifest.Application})
	if err != nil {
		return slipway.TestReport{}, err
	}
	if req.Command != "" {
		project.Test.Command, project.Test.Before, project.Test.Runner = python.Command(req.Command), nil, "custom"
		if strings.Contains(req.Command, "pytest") {
			project.Test.Runner = "pytest"
		}
	}
	if project.Test.Command == "" && !project.Test.Skip && len(project.Problems) > 0 {
		// What stops a detection may hide the tests. They are not none for that.
		return slipway.TestReport{}, slipway.Errorf(slipway.Refused, "%s", project.Refusal())
	}
	if project.Test.Command == "" && project.Test.Skip {
		fmt.Fprintln(r.log, slipway.SkippedByOwner)
		return slipway.TestReport{Verdict: slipway.TestsSkipped}, nil
	}
	if project.Test.Command == "" {
		fmt.Fprintln(r.log, "no tests found")
		return slipway.TestReport{}, nil
	}
	if firstOf(project.Install.Local, project.Test.Local) != "" {
		if err := r.fetchHistory(ctx, req.History, project); err != nil {
			return slipway.TestReport{}, err
		}
	}
	env, err := r.testing(ctx, project, source)
	if err != nil {
		return slipway.TestReport{}, err
	}
	for _, c := range append(slices.Clone(project.Test.Before), project.Test.Command) {
		if err := missingProgram(project, c, source, env, false, "the test command", "the test dependencies (test: {packages: [...]} in slipway.yaml)"); err != nil {
			return slipway.TestReport{}, err
		}
	}
	for _, c := range project.Test.Before {
		if err := r.appCommand(ctx, project, c, source, env, "command before the tests"); err != nil {
			return slipway.TestReport{}, err
		}
	}
	report, err := r.test(ctx, project, source, env, req)
	var lacks *lacksError
	if errors.As(err, &lacks) && project.KeepSetuptools(lacks.said) {
		fmt.Fprintf(r.log, "%s; the tests are run once more with setuptools<82, which has it\n", lacks.said)
		if env, err = r.testing(ctx, project, source); err != nil {
			return slipway.TestReport{}, err
		}
		return r.test(ctx, project, source, env, req)
	}
	return report, err
}

// lacksError is a run of the tests that failed for want of a module.
type lacksError struct {
	error
	said string // of it
}

func (e *lacksError) Unwrap() error { return e.error }

// testing finds or makes the environment of the tests.
func (r *run) testing(ctx context.Context, p *python.Project, source string) (environment, error) {
	t := p.Test
	h := sha256.New()
	if err := json.NewEncoder(h).Encode([]any{t.Groups, t.Extras, t.Requirements, t.Packages, t.Without}); err != nil {
		return environment{}, err
	}
	stated := requirementClosure(source, t.Requirements)
	if len(t.Groups)+len(t.Extras) > 0 { // they may stand where production doesn't look
		for _, f := range []string{"pyproject.toml", "setup.py", "setup.cfg"} {
			stated = append(stated, filepath.Join(string(p.Root), f))
		}
	}
	for _, f := range stated {
		text, err := readSome(filepath.Join(source, f))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return environment{}, disk(err, "the test requirements can't be read")
		}
		fmt.Fprintf(h, "file %q %x\n", f, sha256.Sum256(text))
	}
	purpose := "tests " + hex.EncodeToString(h.Sum(nil))
	key, err := r.key(ctx, p, source, purpose)
	if err != nil {
		return environment{}, err
	}
	dateless := ""
	if len(t.Groups)+len(t.Extras) == 0 && !slices.ContainsFunc(t.Packages, func(text string) bool { return !held(text) }) {
		if dateless, err = r.dateless(ctx, p, source, purpose); err != nil {
			return environment{}, err
		}
	}
	env, err := r.environment(ctx, p, firstOf(r.heldAs(dateless), key), source, func(env environment) []step {
		return testSteps(p, r.plan(p, env), r.holding(dateless, source, append(slices.Clone(p.Install.Requirements), t.Requirements...))...)
	}, testDependencies)
	if err == nil || slipway.CodeOf(err) != slipway.Refused || !p.DatedByCommit() || ctx.Err() != nil {
		return env, err
	}
	fmt.Fprintf(r.log, "note: with packages of before %s, the day of the commit: %s; the tests get today's\n", p.PackagesAsOf, err)
	todays := *p
	todays.PackagesAsOf = ""
	return r.testing(ctx, &todays, source)
}

// requirementClosure are the files and those that they name with -r and -c, in each
// way in which pip and uv read that: what is missed here could be another's under the
// same name of an environment.
func requirementClosure(source string, files []string) []string {
	seen := map[string]bool{}
	var all []string
	for len(files) > 0 && len(all) < 100 {
		f := filepath.Clean(files[0])
		files = files[1:]
		if seen[f] || !filepath.IsLocal(f) {
			continue
		}
		seen[f] = true
		all = append(all, f)
		text, _ := readSome(filepath.Join(source, f))
		for line := range strings.Lines(continued.Replace(string(text))) {
			for _, flag := range []string{"--requirement", "-r", "--constraint", "-c"} {
				if rest, ok := strings.CutPrefix(strings.TrimSpace(line), flag); ok && rest != "" {
					rest, _, _ = strings.Cut(strings.TrimLeft(rest, " =\t"), " #")
					files = append(files, filepath.Join(filepath.Dir(f), strings.Trim(rest, " \t\"'")))
				}
			}
		}
	}
	return all
}

var continued = strings.NewReplacer("\\\r\n", " ", "\\\n", " ")

// readSome reads a file of a release, whose commands may have made it as large as they
// liked.
func readSome(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxResults))
}

// test runs the command and reads what it reports.
func (r *run) test(ctx context.Context, p *python.Project, source string, env environment, req slipway.TestRequest) (slipway.TestReport, error) {
	report := slipway.TestReport{Command: string(p.Test.Command)}
	results := filepath.Join(r.own(), "results")
	vars, err := r.testEnv(p, source, env, results)
	if err != nil {
		return report, err
	}
	for name, v := range req.Env {
		vars = append(vars, name+"="+v)
	}
	timeout := req.Timeout
	if timeout == 0 {
		asked := 0
		if c := p.Config; c != nil && c.Test != nil {
			asked = c.Test.TimeoutSeconds
		}
		timeout = r.bounded(asked, testTimeout)
	}
	args, err := p.Test.Command.Expand(func(name string) string { return lookup(vars, name) })
	if err != nil {
		return report, slipway.Errorf(slipway.Refused, "the test command %q can't be read: %w", report.Command, err)
	}
	for i, arg := range args { // a path of its own must not hide the recorder
		if path, ok := strings.CutPrefix(arg, "PYTHONPATH="); ok && i < len(args)-1 && args[0] == "env" {
			args[i] = "PYTHONPATH=" + r.hook() + ":" + path
		}
	}
	fmt.Fprintf(r.log, "$ %s\n", report.Command)
	c := r.inside(p, env, source)
	c.Read = append(c.Read, r.hook())
	result, seen, err := r.command(ctx, sandbox.Command{
		Args: args, Dir: p.Root.In(source), Env: vars, Timeout: timeout, Project: true, Confinement: c,
	})
	if err != nil {
		return report, err
	}
	over := time.Now()
	report.Seconds = result.Duration.Seconds()
	if result.Leftover > 0 {
		fmt.Fprintf(r.log, "the tests left %d processes running, which were ended\n", result.Leftover)
	}
	uncollected, err := readResults(results, source, &report)
	if err != nil {
		return report, err
	}
	if report.Total == 0 {
		readSummary(seen, &report)
	}
	if none(p, report, result) && req.Command == "" && p.Test.Seen == "" {
		report.Verdict, report.Reason = slipway.TestsNone, fmt.Sprintf("%s found no tests, and the project has none that Slipway sees", report.Command)
		fmt.Fprintln(r.log, report.Reason)
		return report, nil
	}
	err = judge(p, report, result, seen)
	if result.TimedOut {
		err = r.unended(p, source, results, timeout, over)
	}
	if err != nil && !result.TimedOut && !result.Flooded && !result.OutOfMemory {
		err = r.explained(p, source, report, uncollected, seen, err)
		if all := noModule.FindAllString(seen, -1); all != nil {
			err = &lacksError{err, all[len(all)-1]}
		}
	}
	if err != nil {
		if says := r.remedy(seen); says != "" {
			err = slipway.Errorf(slipway.Refused, "%w%s", err, says)
		}
	}
	return report, err
}

// explained puts before what became of the tests why, and what to do, where that
// is known.
func (r *run) explained(p *python.Project, source string, report slipway.TestReport, uncollected []slipway.TestFailure, seen string, err error) error {
	if len(uncollected) > 0 {
		f := uncollected[0]
		if says := cause(p, source, f.Message+"\n"+f.Excerpt, uncollected); says != "" {
			return slipway.Errorf(slipway.Refused, "%s (%s)", says, notCollected(uncollected))
		}
		return slipway.Errorf(slipway.Refused, "%s: %s; mend that, or release without the tests by slipway service set SERVICE --set test.skip=true", notCollected(uncollected), oneLine(f.Message))
	}
	text := seen
	if report.Failed+report.Errors > 0 {
		text = ""
		for _, f := range report.Failures[:min(3, len(report.Failures))] {
			text += f.Message + "\n" + f.Excerpt + "\n"
		}
	}
	says := cause(p, source, text, report.Failures)
	if m := conftest.FindStringSubmatch(text); m != nil {
		what := fmt.Sprintf("%s, which the tests load first, can't be collected", strings.TrimPrefix(m[1], source+"/"))
		if says == "" {
			return slipway.Errorf(slipway.Refused, "%s: %s; mend that", what, oneLine(lastError(text)))
		}
		return slipway.Errorf(slipway.Refused, "%s (%s)", says, what)
	}
	bad := report.Failed + report.Errors
	if says == "" && bad > 0 && bad == report.Total-report.Skipped { // what they meet is what they print then
		says = noServer(p, source, seen)
	}
	if what, unnamed := strings.CutSuffix(says, noVariable); unnamed && bad > 0 && bad < report.Total/2 { // most do without it
		return slipway.Errorf(slipway.Refused, "%s (%w); %s", what, err, withoutFailing(p, report, seen))
	}
	switch {
	case says != "":
		return slipway.Errorf(slipway.Refused, "%s (%w)", says, err)
	case bad > 0 && len(report.Failures) > 0:
		return slipway.Errorf(slipway.Refused, "%w (%s); %s", err, oneLine(report.Failures[0].Message), withoutFailing(p, report, seen))
	}
	return err
}

// conftest is how pytest says which of its own files it can't load.
var conftest = regexp.MustCompile(`ImportError while loading conftest '([^']+)'`)

// notCollected names the modules that could not be loaded.
func notCollected(list []slipway.TestFailure) string {
	var names []string
	for _, f := range list[:min(3, len(list))] {
		names = append(names, clip(firstOf(f.File, f.Name), 100))
	}
	what := "a module of tests can't be collected"
	if len(list) > 1 {
		what = fmt.Sprintf("%d modules of tests can't be collected", len(list))
	}
	if more := len(list) - len(names); more > 0 {
		return fmt.Sprintf("%s: %s and %d more", what, strings.Join(names, ", "), more)
	}
	return what + ": " + strings.Join(names, ", ")
}

// none tells whether a runner that says so has found no test.
func none(p *python.Project, report slipway.TestReport, result sandbox.Result) bool {
	switch p.Test.Runner {
	case "pytest":
		return report.Total == 0 && result.ExitCode == 5
	case "unittest", "django":
		return report.Total == 0 && (result.OK() || result.ExitCode == 5)
	}
	return false
}

// testEnv is what tests see: an environment and a home of their own, no setting
// of any environment of the platform.
func (r *run) testEnv(p *python.Project, source string, env environment, results string) ([]string, error) {
	extra := maps.Clone(p.Test.Env)
	if extra == nil {
		extra = map[string]string{}
	}
	if c := p.Config; c != nil && c.Test != nil {
		maps.Copy(extra, c.Test.Env)
	}
	paths := searchPath(p, source)
	for _, own := range filepath.SplitList(extra["PYTHONPATH"]) { // commands run in the service's directory
		if !filepath.IsAbs(own) {
			own = filepath.Join(p.Root.In(source), own)
		}
		paths = append(paths, own)
	}
	hook := r.hook()
	for _, dir := range []string{hook, results} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, disk(err, "the tests have no place to work")
		}
	}
	if err := os.WriteFile(filepath.Join(hook, "sitecustomize.py"), []byte(unittestRecorder), 0o600); err != nil {
		return nil, disk(err, "the tests have no place to work")
	}
	paths = append([]string{hook}, paths...)
	reports := filepath.Join(results, reportName)
	extra["SLIPWAY_TEST_RESULTS"] = reports
	if p.Test.Runner == "pytest" || p.Test.Runner == "custom" { // which may come to pytest, as make test does
		extra["PYTEST_ADDOPTS"] = strings.TrimSpace(extra["PYTEST_ADDOPTS"] + " --junitxml=" + reports + ".xml -o junit_family=xunit2")
	}
	extra["PYTHONPATH"] = strings.Join(paths, ":")
	return r.appEnv(p, source, env, extra), nil
}

// hook is where the recorder of unittest lies.
func (r *run) hook() string { return filepath.Join(r.home, "hook") }
