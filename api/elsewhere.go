package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/slipway-dev/slipway/api/operations"
)

// elsewhere answers what is below BasePath and no operation: a program that asks
// there wants a problem, not a page of the portal.
func (s *Server) elsewhere(c echo.Context) error {
	methods := s.methodsAt(strings.TrimPrefix(c.Request().URL.Path, operations.BasePath))
	if len(methods) == 0 {
		return echo.NewHTTPError(http.StatusNotFound)
	}
	c.Response().Header().Set(echo.HeaderAllow, strings.Join(methods, ", "))
	return echo.NewHTTPError(http.StatusMethodNotAllowed)
}

// concrete keeps the router from taking the last word of a path such as
// /bundles/plan for the parameter of /bundles/{bundle}, in the methods that the
// contract has only there.
func (s *Server) concrete() {
	for path, item := range s.spec.Paths.Map() {
		for template := range s.spec.Paths.Map() {
			if strings.Contains(path, "{") || template == path || !fits(template, path) {
				continue
			}
			for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, http.MethodTrace} {
				if item.GetOperation(method) == nil {
					s.echo.Add(method, operations.BasePath+path, s.elsewhere)
				}
			}
		}
	}
}

// methodsAt lists what the contract takes at a path; nothing when it has no such path.
func (s *Server) methodsAt(path string) []string {
	var methods []string
	exact := s.spec.Paths.Value(path) // which goes before the templates that it fits
	for template, item := range s.spec.Paths.Map() {
		if exact == nil && fits(template, path) || exact == item {
			for method := range item.Operations() {
				methods = append(methods, method)
			}
		}
	}
	slices.Sort(methods)
	return slices.Compact(methods)
}

// fits tells whether a path is one of a template such as /services/{service}.
func fits(template, path string) bool {
	want, got := strings.Split(template, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return false
	}
	for i := range want {
		if want[i] != got[i] && (!strings.HasPrefix(want[i], "{") || got[i] == "") {
			return false
		}
	}
	return true
}
