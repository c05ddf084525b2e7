package python

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	slipway "github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/shell"
	"github.com/slipway-dev/slipway/python/stated"
	"github.com/slipway-dev/slipway/python/syntax"
	"github.com/slipway-dev/slipway/python/tree"
)

//go:embed importcheck.py
var importCheck string

// ImportCheck is what a builder runs once the environment exists, in the
// application's Dir and with a time limit: `python -c code args...`. The script
// writes one line of JSON, an ImportResult, to file descriptor 3; to have it
// written to a file instead, append that file's path to args. ok is false when
// there is nothing to import.
func (p *Project) ImportCheck() (code string, args []string, ok bool) {
	if p.Application == nil || p.Application.Interface == Raw {
		return "", nil, false
	}
	factory := "0"
	if p.Application.Factory {
		factory = "(" + p.Application.Arguments + ")"
	}
	return importCheck, []string{p.Application.Module, p.Application.Object, factory, ""}, true
}

// ImportResult is what importing the application told.
type ImportResult struct {
	OK        bool      `json:"ok"`
	Interface Interface `json:"interface"`
	Callable  bool      `json:"callable"`
	ErrorType string    `json:"error_type"`
	Error     string    `json:"error"`
	Line      string    `json:"line"` // file:line in the project, "" when unknown
	// WithinLoop says that it can be imported only where an event loop runs already.
	WithinLoop bool `json:"within_loop,omitempty"`
	// Bare says that it has no routes, and nothing else that answers.
	Bare bool `json:"bare,omitempty"`
	// Others are what else could be served, as module:object or module:factory(arguments), of
	// what is loaded by then; they are looked for where the object is none, or is bare.
	Others []string `json:"others,omitempty"`
	// Unset is what the project's own code asked of its environment, without a default,
	// before a failure, and in vain.
	Unset []Unset `json:"unset,omitempty"`
}

// Unset is a variable that has no value, and where it was read, as file:line.
type Unset struct {
	Name  string `json:"name"`
	Line  string `json:"line"`
	Empty bool   `json:"empty,omitempty"` // it was asked for with an empty text as its default
}

// mostTraced bounds how many variables a failure is put down to.
const mostTraced = 3

// Traced are the variables to which a failure can be put down: those that the file that
// failed has read in vain, or else all, where the error speaks of nothing or the program
// ended itself.
func (r ImportResult) Traced() []Unset {
	if r.OK || r.ErrorType == "ModuleNotFoundError" || r.ErrorType == "SyntaxError" {
		return nil
	}
	file, _, _ := strings.Cut(r.Line, ":")
	speaks := ofNothing.MatchString(r.Error) || r.ErrorType == "SystemExit"
	var own []Unset
	for _, u := range r.Unset {
		if f, _, _ := strings.Cut(u.Line, ":"); f == file && file != "" && syntax.VariableName(u.Name) && (speaks || !u.Empty) {
			own = append(own, u)
		}
	}
	if len(own) == 0 && speaks {
		own = r.Unset
	}
	if !speaks && !strings.Contains(r.ErrorType, "ValueError") && !strings.Contains(r.ErrorType, "KeyError") || len(own) > mostTraced {
		return nil
	}
	return own
}

// traced is the end of a sentence that names the variables of a failure, with what gives
// them values; "" when it is put down to none.
func (r ImportResult) traced(give func(names []string) string) string {
	all := r.Traced()
	if len(all) == 0 {
		return ""
	}
	var read, names []string
	for _, u := range all {
		read, names = append(read, u.Name+" ("+u.Line+")"), append(names, u.Name)
	}
	has := "has"
	if len(all) > 1 {
		has = "have"
	}
	return "it reads " + inWords(read) + ", which " + has + " no value: " + give(names)
}

// giveImport is the command that gives variables values of which an import can be told.
func giveImport(names []string) string {
	return "slipway service set SERVICE --set env." + strings.Join(names, "=... --set env.") + "=..."
}

// others is the sentence that offers what else could be served; "" for nothing.
func (r ImportResult) others() string {
	if len(r.Others) == 0 {
		return ""
	}
	text := "state what is to be served: slipway service set SERVICE --set "
	if first := r.Others[0]; strings.HasSuffix(first, ")") && !strings.HasSuffix(first, "()") {
		text += shell.Quote([]string{"processes.web=gunicorn \"" + first + "\" --bind $HOST:$PORT"}) + ", with a value for what it takes"
	} else {
		text += shell.Quote([]string{"application=" + first})
	}
	if len(r.Others) > 1 {
		text += "; there are also " + inWords(r.Others[1:])
	}
	return text
}

// guessed tells whether the object was chosen by its place, and not stated by anybody.
func (p *Project) guessed() bool {
	for _, f := range p.Findings {
		if f.What == "application" {
			return f.Confidence != High
		}
	}
	return false
}

// ReadImportResult decodes the line that the import check wrote.
func ReadImportResult(data []byte) (ImportResult, error) {
	var r ImportResult
	if err := json.Unmarshal(data, &r); err != nil {
		return r, slipway.Wrap(slipway.Refused, err, "importing the application gave no answer: it ended the process or ran out of time; look at the output of the import")
	}
	return r, nil
}

// missingModuleName is the dotted name of a module that isn't there, as Python says it.
func missingModuleName(text string) string {
	_, rest, found := strings.Cut(text, "No module named '")
	name, _, closed := strings.Cut(rest, "'")
	if !found || !closed {
		return ""
	}
	return name
}

// Judge says what an import result means for the project: nil when it can be
// deployed. It fills in the application's interface when that was not known.
func (p *Project) Judge(r ImportResult) *Problem {
	app := p.Application
	if app == nil {
		return nil
	}
	name := app.Module + ":" + app.Object
	file, line := app.Module, 0
	if r.Line != "" {
		file, line = lineOf(r.Line)
	}
	if !r.OK {
		remedy := "correct it there, or name another object with application: in " + stated.File
		switch r.ErrorType {
		case "ModuleNotFoundError":
			remedy = "add the missing package to the dependencies"
			if head, _, _ := strings.Cut(missingModuleName(r.Error), "."); len(distributionOf[head]) > 0 {
				remedy = "add " + distributionOf[head][0] + " to the dependencies"
				if len(p.Manifests) > 0 {
					remedy += " in " + p.Manifests[0]
				}
			}
			if missing := missingModuleName(r.Error); missing != "" && strings.HasPrefix(app.Module+".", missing+".") {
				remedy = "that module is the project's own, and is not to be found from " + string(app.Dir) + ": name it as the project itself imports it, application: MODULE:" + app.Object + " in " + stated.File
			}
			if strings.Contains(r.Error, "'pkg_resources") {
				remedy = "add " + oldSetuptools + " to the dependencies: newer ones have no pkg_resources"
			}
		case "KeyError", "ValidationError", "ImproperlyConfigured":
			remedy = "give the variable that it reads at import a value in the service's config"
		}
		if others := r.others(); others != "" && (r.ErrorType == "NotCallable" || strings.Contains(r.Error, "'"+app.Object+"'") || app.Factory && r.ErrorType == "TypeError") {
			remedy = others
		}
		remedy = cmp.Or(r.traced(giveImport), remedy)
		if v, ok := manifest.ParseVersion(p.Python.Version); ok {
			if newest, why, old := Outgrown(r.ErrorType+": "+r.Error, v.At(1)); old {
				return &Problem{Code: "python.too_new", Message: fmt.Sprintf("this needs Python 3.%d or older: importing %s asks for %s", newest, name, why),
					File: file, Line: line, Remedy: "put 3." + strconv.Itoa(newest) + " in .python-version"}
			}
		}
		return &Problem{Code: "app.import", Message: fmt.Sprintf("importing %s fails: %s: %s", name, r.ErrorType, tree.Clip(r.Error)), File: file, Line: line, Remedy: remedy}
	}
	if r.Bare && p.guessed() {
		remedy := r.others()
		if remedy == "" {
			remedy = "state the command that starts the whole application: slipway service set SERVICE --set 'processes.web=...'"
		}
		return &Problem{Code: "app.bare", Message: name + " has no routes once it is imported: something that a server doesn't call adds them", File: file, Remedy: remedy}
	}
	server := ""
	if p.Server != nil {
		server = p.Server.Name
	}
	if r.WithinLoop && server != "" && server != "uvicorn" { // which begins its loop first
		return &Problem{Code: "server.loop", Message: fmt.Sprintf("importing %s wants an event loop that runs, and %s begins none before it imports", name, server),
			File: file, Line: line, Remedy: "serve it with uvicorn: slipway service set SERVICE --set server=uvicorn"}
	}
	web := string(p.Processes["web"])
	converts := strings.Contains(web, "-k ") || strings.Contains(web, "--worker-class") || strings.Contains(web, "--interface")
	for _, f := range p.Findings {
		converts = converts || f.Rule == "server.worker"
	}
	if server != "" && r.Interface != "" && !serves(server, r.Interface) && !converts {
		better := map[Interface]string{WSGI: "gunicorn", ASGI: "uvicorn"}[r.Interface]
		return &Problem{Code: "server.interface", Message: fmt.Sprintf("%s is %s, which %s cannot serve", name, strings.ToUpper(string(r.Interface)), server),
			File: file, Line: line, Remedy: "put \"server: " + better + "\" in " + stated.File + ", or change the web command"}
	}
	if app.Interface == "" {
		app.Interface = r.Interface
	}
	return nil
}
