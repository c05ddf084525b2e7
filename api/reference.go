package api

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/operations"
)

//go:embed reference.html
var referenceHTML string

//go:embed reference.css
var referenceCSS string

func goVersion() string { return runtime.Version() }

// The view of the reference page: nouns with their operations, then the shapes.
type (
	refPage struct {
		Title, Version, Base string
		Intro                []string
		Style                template.CSS
		Nouns                []refNoun
		Shapes               []refShape
		Refusals             []refRefusal
		Codes                []refCode
	}
	refNoun struct {
		Name, Text string
		Operations []refOperation
	}
	refOperation struct {
		ID, Method, Path, Summary string
		Text                      []string
		Parameters                []refField
		Body                      string
		Answers                   []refAnswer
		Refusals                  []refRefusal // by status and name alone: what each means stands once for all
		Curl                      string
	}
	refField struct {
		Name, In, Type, Text, Link string
		Required                   bool
	}
	refAnswer  struct{ Status, Text, Link string }
	refRefusal struct{ Status, Name, Text, Headers string }
	refShape   struct {
		Name, Text string
		Words      []string
		Fields     []refField
		Example    string
	}
	refCode struct {
		Code, Title string
		Status      int
	}
)

var methods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// reference is the contract for reading, and the policy under which a browser may show it:
// no script, no asset, this one style.
type reference struct {
	page   []byte
	policy string
}

// exampleOrigin stands in examples for the address of the platform that shows them.
const exampleOrigin = "http://127.0.0.1:7070"

// at is the page with examples that ask the platform at origin.
func (r reference) at(origin string) []byte {
	return bytes.ReplaceAll(r.page, []byte(exampleOrigin), []byte(template.HTMLEscapeString(origin)))
}

// referencePage renders the contract, once in each process.
var referencePage = sync.OnceValues(func() (reference, error) {
	doc, err := loadSpec()
	if err != nil {
		return reference{}, err
	}
	view := refPage{
		Title: doc.Info.Title, Version: doc.Info.Version, Base: operations.BasePath, Intro: paragraphs(doc.Info.Description),
		Style: template.CSS(referenceCSS), // #nosec G203 -- a file of this package, embedded
	}
	for _, tag := range doc.Tags {
		view.Nouns = append(view.Nouns, refNoun{Name: tag.Name, Text: tag.Description, Operations: operationsOf(doc, tag.Name)})
	}
	for _, name := range sortedKeys(doc.Components.Schemas) {
		view.Shapes = append(view.Shapes, shapeOf(name, doc.Components.Schemas[name].Value))
	}
	view.Refusals = refusalsOf(doc)
	for code, title := range operations.Titles {
		view.Codes = append(view.Codes, refCode{string(code), title, operations.Statuses[code]})
	}
	slices.SortFunc(view.Codes, func(a, b refCode) int { return a.Status - b.Status })
	t, err := template.New("reference").Parse(referenceHTML)
	if err != nil {
		return reference{}, fmt.Errorf("read reference.html: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, view); err != nil {
		return reference{}, fmt.Errorf("render the reference page: %w", err)
	}
	sum := sha256.Sum256([]byte(referenceCSS))
	policy := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	return reference{out.Bytes(), policy}, nil
})

func operationsOf(doc *openapi3.T, tag string) []refOperation {
	var out []refOperation
	for _, path := range doc.Paths.InMatchingOrder() {
		item := doc.Paths.Value(path)
		for _, method := range methods {
			if op := item.GetOperation(method); op != nil && slices.Contains(op.Tags, tag) {
				out = append(out, operation(method, path, item, op))
			}
		}
	}
	slices.SortStableFunc(out, func(a, b refOperation) int {
		if c := strings.Compare(a.Path, b.Path); c != 0 {
			return c
		}
		return slices.Index(methods, a.Method) - slices.Index(methods, b.Method)
	})
	return out
}

func operation(method, path string, item *openapi3.PathItem, op *openapi3.Operation) refOperation {
	out := refOperation{ID: op.OperationID, Method: method, Path: path, Summary: op.Summary, Text: paragraphs(op.Description)}
	target := path
	for _, p := range slices.Concat(item.Parameters, op.Parameters) {
		v := p.Value
		out.Parameters = append(out.Parameters, refField{
			Name: v.Name, In: v.In, Type: typeOf(v.Schema), Text: v.Description, Required: v.Required, Link: linkOf(v.Schema),
		})
		if v.In == "path" {
			target = strings.ReplaceAll(target, "{"+v.Name+"}", fmt.Sprint(v.Example))
		}
	}
	curl := "curl -s"
	if method != http.MethodGet {
		curl += " -X " + method
	}
	if strings.HasSuffix(path, "/events") {
		curl += "N"
	}
	if op.RequestBody != nil {
		text, body := bodyOf(op.RequestBody.Value.Content)
		out.Body = body
		curl += text
	}
	if permission, _ := op.Extensions["x-permission"].(string); slipway.Permission(permission) != slipway.PermitAnyone {
		curl += ` -H "Authorization: Bearer $SLIPWAY_TOKEN"`
	}
	out.Curl = curl + " " + exampleOrigin + operations.BasePath + target
	for _, status := range sortedKeys(op.Responses.Map()) {
		answer := op.Responses.Value(status).Value
		if name, ok := strings.CutPrefix(op.Responses.Value(status).Ref, refusalRef); ok {
			out.Refusals = append(out.Refusals, refRefusal{Status: status, Name: name})
			continue
		}
		a := refAnswer{Status: status, Text: *answer.Description}
		for _, kind := range sortedKeys(answer.Content) {
			a.Text += ", " + kind
			if name := refName(answer.Content[kind].Schema); name != "" {
				a.Link = name
			}
		}
		out.Answers = append(out.Answers, a)
	}
	return out
}

const refusalRef = "#/components/responses/"

// refusalsOf lists what operations can be refused with, by status: the contract
// says at each operation which of them it has.
func refusalsOf(doc *openapi3.T) []refRefusal {
	found := map[string]refRefusal{}
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			for status, answer := range op.Responses.Map() {
				if name, ok := strings.CutPrefix(answer.Ref, refusalRef); ok {
					found[status+name] = refRefusal{
						Status: status, Name: name, Text: strings.Join(paragraphs(*answer.Value.Description), " "), Headers: strings.Join(sortedKeys(answer.Value.Headers), ", "),
					}
				}
			}
		}
	}
	var out []refRefusal
	for _, key := range sortedKeys(found) {
		out = append(out, found[key])
	}
	return out
}

// bodyOf writes what curl sends: JSON, or the fields of a form.
func bodyOf(content openapi3.Content) (curl, schema string) {
	quoted := func(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
	if media := content["application/json"]; media != nil {
		return " -H 'Content-Type: application/json' -d " + quoted(jsonLine(bodyExample(media))), refName(media.Schema)
	}
	for _, media := range content {
		fields, _ := bodyExample(media).(map[string]any)
		for _, name := range sortedKeys(fields) {
			curl += " --data-urlencode " + quoted(name+"="+fmt.Sprint(fields[name]))
		}
		return curl, refName(media.Schema)
	}
	return "", ""
}

func bodyExample(media *openapi3.MediaType) any {
	if media.Example != nil {
		return media.Example
	}
	for _, name := range sortedKeys(media.Examples) {
		return media.Examples[name].Value.Value
	}
	return map[string]any{}
}

func shapeOf(name string, s *openapi3.Schema) refShape {
	out := refShape{Name: name, Text: s.Description}
	for _, word := range s.Enum {
		out.Words = append(out.Words, fmt.Sprint(word))
	}
	for _, field := range sortedKeys(s.Properties) {
		p := s.Properties[field]
		out.Fields = append(out.Fields, refField{
			Name: field, Type: typeOf(p), Text: p.Value.Description, Link: linkOf(p), Required: slices.Contains(s.Required, field),
		})
	}
	slices.SortStableFunc(out.Fields, func(a, b refField) int {
		return rank(s.Required, a.Name) - rank(s.Required, b.Name)
	})
	if s.Example != nil {
		out.Example = jsonLine(s.Example)
	}
	return out
}

// rank puts required fields first, in the contract's order.
func rank(required []string, name string) int {
	if i := slices.Index(required, name); i >= 0 {
		return i
	}
	return len(required)
}

func typeOf(ref *openapi3.SchemaRef) string {
	if ref == nil || ref.Value == nil {
		return ""
	}
	if name := refName(ref); name != "" {
		return name
	}
	s := ref.Value
	if s.Type == nil {
		return ""
	}
	switch {
	case s.Type.Is("array"):
		return "list of " + typeOf(s.Items)
	case s.Format != "":
		return s.Format
	}
	return strings.Join(s.Type.Slice(), " or ")
}

func linkOf(ref *openapi3.SchemaRef) string {
	if ref == nil || ref.Value == nil {
		return ""
	}
	if ref.Value.Type != nil && ref.Value.Type.Is("array") {
		return refName(ref.Value.Items)
	}
	return refName(ref)
}

func refName(ref *openapi3.SchemaRef) string {
	if ref == nil {
		return ""
	}
	name, _ := strings.CutPrefix(ref.Ref, "#/components/schemas/")
	return name
}

func paragraphs(text string) []string {
	var out []string
	for _, p := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if p = strings.ReplaceAll(strings.TrimSpace(p), "\n", " "); p != "" {
			out = append(out, strings.NewReplacer("`", "", "*", "").Replace(p))
		}
	}
	return out
}

func jsonLine(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return ""
	}
	return strings.TrimSpace(b.String())
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
