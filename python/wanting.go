package python

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/python/shell"
	"github.com/slipway-dev/slipway/python/syntax"
	"github.com/slipway-dev/slipway/python/tree"
)

// mostWanting bounds how many variables a sentence names.
const mostWanting = 12

var (
	requiredField = regexp.MustCompile(`(?m)^([A-Za-z_]\w*)[^\n]*\n\s+(?i:field required)`)
	capitals      = regexp.MustCompile(`\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b|\b[A-Z]{3,}\b`)
	ofNothing     = regexp.MustCompile(`\bNone(?:Type)?\b|(?i:\bunset\b|not set|is missing|is required|must be (?:provided|set|given)|unable to infer type for attribute|environment)`)
)

// Wanting says that a failed import is one for want of environment variables, and
// names all of them at once; nil when it isn't, or when it can't be told. fsys is the
// release, given tells which variables have a value.
//
// They are the ones that the error names, and those that the file that failed reads
// without a default: what is missing next is mostly there.
func (p *Project) Wanting(fsys fs.FS, r ImportResult, given func(name string) bool) *Problem {
	if r.OK || p.Application == nil {
		return nil
	}
	file, _, _ := strings.Cut(r.Line, ":")
	all := syntax.Variables(fsys, string(p.Root))
	var named, beside, elsewhere []string
	add := func(list *[]string, name string) {
		if !given(name) && !slices.Contains(named, name) && !slices.Contains(*list, name) {
			*list = append(*list, name)
		}
	}
	known := map[string]syntax.Variable{}
	for _, v := range all {
		known[v.Name] = v
	}
	prefix := ""
	if text, err := fs.ReadFile(fsys, path.Join(string(p.Application.Dir), file)); err == nil && file != "" {
		if found := settingsPrefix.FindSubmatch(text); found != nil {
			prefix = string(found[1])
		}
	}
	for _, m := range requiredField.FindAllStringSubmatch(r.Error, -1) {
		add(&named, strings.ToUpper(prefix+m[1]))
	}
	for _, name := range capitals.FindAllString(r.Error, -1) {
		if _, ok := known[name]; ok {
			add(&named, name)
		}
	}
	for _, v := range all {
		if v.Required || v.Bare() && r.ErrorType != "KeyError" { // what is asked for by get() raises none
			if file != "" && (v.File == file || strings.HasSuffix(v.File, "/"+file)) {
				add(&beside, v.Name)
			} else if v.Bare() {
				add(&elsewhere, v.Name)
			}
		}
	}
	if len(named)+len(beside) > 0 { // what the same file reads in vain, and an example gives
		examples, _ := exampleValues(fsys, string(p.Root))
		for _, v := range all {
			if v.Empty() && examples[v.Name] != "" && file != "" && (v.File == file || strings.HasSuffix(v.File, "/"+file)) {
				add(&beside, v.Name)
			}
		}
	}
	wanting := named
	switch {
	case len(named) > 0 || len(beside) > 0 && ofNothing.MatchString(r.Error):
		wanting = append(wanting, beside...)
	case len(elsewhere) > 0 && strings.Contains(r.Error, "None"):
		wanting = elsewhere
	default:
		return nil
	}
	wanting = wanting[:min(len(wanting), mostWanting)]
	if len(wanting) == 0 {
		return nil
	}
	problem := wantingProblem(fsys, p, r, file, wanting)
	if v := known[ThrowawaySecret]; (v.Required || v.Bare()) && !slices.Contains(wanting, ThrowawaySecret) {
		problem.Remedy += "; " + ThrowawaySecret + ", of which the build has one to throw away, is wanted of each environment: slipway secret set SERVICE " + ThrowawaySecret + " --env ENVIRONMENT"
	}
	return problem
}

// ThrowawaySecret is the variable that a build gives a value of no worth, as most
// applications can't be imported without one.
const ThrowawaySecret = "SECRET_KEY"

func wantingProblem(fsys fs.FS, p *Project, r ImportResult, file string, wanting []string) *Problem {
	examples, from := exampleValues(fsys, string(p.Root))
	command := "slipway service set SERVICE"
	for _, name := range wanting {
		value := cmp.Or(examples[name], "VALUE")
		command += " --set " + shell.Quote([]string{"env." + name + "=" + value})
	}
	has := "has"
	if len(wanting) > 1 {
		has = "have"
	}
	remedy := "give what the import needs a value: " + command
	if from != "" {
		remedy += " (from " + from + ")"
	}
	remedy += "; of a secret set build.env.NAME, a value for the build alone, and store its own by slipway secret set"
	_, line := lineOf(r.Line)
	return &Problem{Code: "app.variables", File: cmp.Or(file, p.Application.Module), Line: line, Remedy: remedy,
		Message: fmt.Sprintf("importing %s:%s fails for want of environment variables: %s %s no value (%s: %s)", p.Application.Module, p.Application.Object, inWords(wanting), has, r.ErrorType, tree.Clip(r.Error))}
}

func inWords(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " and " + list[len(list)-1]
}

// exampleValues reads the file of example variables that a repository has.
func exampleValues(fsys fs.FS, dir string) (values map[string]string, from string) {
	values = map[string]string{}
	for _, name := range []string{".env.example", ".env.sample", ".env.template", ".env.dist", "env.example", "env.sample", "example.env", "sample.env", "dev.env.example", ".env.dev"} {
		text, err := fs.ReadFile(fsys, path.Join(dir, name))
		if err != nil || len(text) > 64<<10 {
			continue
		}
		for line := range strings.Lines(string(text)) {
			key, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
			value, _, _ = strings.Cut(value, " #")
			if value = shell.Bare(strings.TrimSpace(value)); ok && syntax.VariableName(strings.TrimSpace(key)) && value != "" && len(value) < 100 && !strings.ContainsAny(value, "<>\n$") {
				values[strings.TrimSpace(key)] = value
			}
		}
		return values, path.Join(dir, name)
	}
	return values, ""
}

// lineOf is the file and the line of a place as an ImportResult has it; 0 for none.
func lineOf(place string) (file string, line int) {
	file, number, _ := strings.Cut(place, ":")
	if n, err := strconv.Atoi(number); err == nil && n > 0 {
		line = n
	}
	return file, line
}
