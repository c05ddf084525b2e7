package api

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/operations"
)

// validated holds requests to the contract, so that handlers see only what it
// allows. Routes outside the contract pass.
func (s *Server) validated(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		path := specPath(c.Path())
		item := s.spec.Paths.Value(path)
		if item == nil || !strings.HasPrefix(c.Path(), operations.BasePath+"/") {
			return next(c)
		}
		r := c.Request()
		op := item.GetOperation(r.Method)
		if op == nil {
			return next(c)
		}
		if err := knownParameters(r, item, op); err != nil {
			return err
		}
		switch {
		case op.RequestBody == nil:
			r.Body = http.NoBody // what isn't taken is read by nobody, and can't be too large
		case r.ContentLength > MaxBody:
			return errTooLarge() // before it is sent
		}
		params := map[string]string{}
		for i, name := range c.ParamNames() {
			params[name] = c.ParamValues()[i]
		}
		err := openapi3filter.ValidateRequest(r.Context(), &openapi3filter.RequestValidationInput{
			Request:    r,
			PathParams: params,
			Route:      &routers.Route{Spec: s.spec, Path: path, PathItem: item, Method: r.Method, Operation: op},
			// Who asks was found out before.
			Options: &openapi3filter.Options{MultiError: true, KeepValidatedValue: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
		})
		if err != nil && op.RequestBody != nil && op.RequestBody.Value.Content["application/json"] == nil && !isForm(r) {
			return operations.Refuse(http.StatusUnsupportedMediaType, slipway.Invalid, "the request body must be application/x-www-form-urlencoded")
		}
		// The validator's reader refuses some of what can be read in two ways, and doesn't
		// say where it is.
		var twofold *operations.Refusal
		ambiguous := readOneWay(r)
		if err != nil && !(errors.As(ambiguous, &twofold) && len(twofold.Fields) > 0 && unplaced(err)) {
			return invalidRequest(err)
		}
		if ambiguous != nil {
			return ambiguous
		}
		return next(c)
	}
}

func isForm(r *http.Request) bool {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return kind == "application/x-www-form-urlencoded"
}

// knownParameters refuses query parameters that the operation does not have: a
// filter with a typo would otherwise answer with everything.
func knownParameters(r *http.Request, item *openapi3.PathItem, op *openapi3.Operation) error {
	for name := range r.URL.Query() {
		if op.Parameters.GetByInAndName("query", name) == nil && item.Parameters.GetByInAndName("query", name) == nil {
			message := fmt.Sprintf("there is no parameter %q here", shorten(name))
			return &operations.Refusal{Status: http.StatusBadRequest, Err: slipway.Errorf(slipway.Invalid, "%s", message),
				Fields: []operations.FieldError{{Field: shorten(name), Pointer: "query/" + shorten(name), Message: message}}}
		}
	}
	return nil
}

// unplaced tells whether what is wrong with a request is at no field of it.
func unplaced(err error) bool {
	var fields []operations.FieldError
	collect(err, "", &fields)
	return len(fields) == 0
}

// invalidRequest names every field that the contract refuses. Values are not
// repeated: one of them may be a secret.
func invalidRequest(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return errTooLarge()
	}
	out := &operations.Refusal{Status: http.StatusBadRequest}
	collect(err, "", &out.Fields)
	if len(out.Fields) == 0 {
		if strings.Contains(err.Error(), "Content-Type") {
			return operations.Refuse(http.StatusUnsupportedMediaType, slipway.Invalid, "the request body must be application/json")
		}
		return operations.Refuse(http.StatusBadRequest, slipway.Invalid, "the request body is not the JSON object that is expected here")
	}
	slices.SortFunc(out.Fields, func(a, b operations.FieldError) int { return strings.Compare(a.Pointer, b.Pointer) })
	out.Fields = slices.Compact(out.Fields)
	first := out.Fields[0]
	out.Err = slipway.Errorf(slipway.Invalid, "%s: %s", first.Field, first.Message).At(first.Field)
	if n := len(out.Fields) - 1; n > 0 {
		out.Err.Message += fmt.Sprintf(" (and %d more)", n)
	}
	return out
}

// unknownProperty is how kin-openapi says that an object has a field too many;
// it points at the object.
var unknownProperty = regexp.MustCompile(`^property (".*") is unsupported$`)

// collect walks the tree of validation errors; where is "", or query/NAME and
// the like for a parameter.
func collect(err error, where string, out *[]operations.FieldError) {
	switch e := err.(type) {
	case openapi3.MultiError:
		for _, one := range e {
			collect(one, where, out)
		}
	case *openapi3filter.RequestError:
		if e.Parameter != nil {
			where = e.Parameter.In + "/" + e.Parameter.Name
		}
		before := len(*out)
		if e.Err != nil {
			collect(e.Err, where, out)
		}
		if len(*out) == before && e.Parameter != nil {
			*out = append(*out, operations.FieldError{Field: e.Parameter.Name, Pointer: where, Message: parameterMessage(e)})
		}
	case *openapi3.SchemaError:
		at, reason := e.JSONPointer(), schemaMessage(e)
		if m := unknownProperty.FindStringSubmatch(reason); m != nil {
			if name, err := strconv.Unquote(m[1]); err == nil {
				at, reason = append(slices.Clone(at), name), "there is no such field here"
			}
		}
		f := operations.FieldError{Message: reason, Pointer: "/" + strings.Join(escaped(at), "/")}
		if len(at) > 0 {
			f.Field = shorten(at[len(at)-1])
		}
		if where != "" {
			f.Pointer = where
			_, f.Field, _ = strings.Cut(where, "/")
		}
		if f.Field == "" {
			f.Field = "body"
		}
		*out = append(*out, f)
	default:
		if inner := errors.Unwrap(err); inner != nil {
			collect(inner, where, out)
		}
	}
}

// schemaMessage says in words what a schema refuses; expressions are for machines.
func schemaMessage(e *openapi3.SchemaError) string {
	switch {
	case e.Schema == nil:
	case e.SchemaField == "pattern" && e.Schema.Pattern == namePattern:
		return "is not a name: use lower-case letters, digits and hyphens, starting with a letter"
	case e.SchemaField == "pattern":
		if example, ok := e.Schema.Example.(string); ok {
			return "does not have the form of what is expected here, such as " + example
		}
		return "does not have the form of what is expected here"
	case e.SchemaField == "maxLength" && e.Schema.MaxLength != nil:
		return fmt.Sprintf("has more than %d characters", *e.Schema.MaxLength)
	case e.SchemaField == "minLength" && e.Schema.MinLength == 1:
		return "is empty"
	}
	return e.Reason
}

// namePattern is what the contract says of names.
const namePattern = `^[a-z]([a-z0-9-]*[a-z0-9])?$`

func parameterMessage(e *openapi3filter.RequestError) string {
	var parse *openapi3filter.ParseError
	if errors.As(e, &parse) && e.Parameter.Schema != nil && e.Parameter.Schema.Value.Type != nil {
		return "must be of the type " + strings.Join(e.Parameter.Schema.Value.Type.Slice(), " or ")
	}
	if e.Reason != "" {
		return e.Reason
	}
	return "is not valid"
}

// escaped writes the parts of a JSON pointer as RFC 6901 wants them.
func escaped(parts []string) []string {
	out := make([]string, len(parts))
	for i, p := range parts {
		out[i] = strings.NewReplacer("~", "~0", "/", "~1").Replace(shorten(p))
	}
	return out
}

// shorten bounds outside text that is repeated in an answer.
func shorten(s string) string {
	if len(s) > 100 {
		s = s[:100] + "..."
	}
	return strings.ToValidUTF8(s, "?")
}
