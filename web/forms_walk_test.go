package web_test

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/slipway-dev/slipway"
)

// sentForm is a form of a page as a browser would send it.
type sentForm struct {
	page, path string
	fields     []sentField
}

// sentField is one of its fields.
type sentField struct {
	name, kind, value string
	options           []string // of a select
	secret            bool     // nothing brings it back
	ticked            bool     // of a box
}

// shown tells whether people fill it in.
func (f sentField) shown() bool { return f.kind != "hidden" && f.kind != "submit" }

// TestNoFormForgets sends each form of the portal with each of its fields wrong in
// turn. What is refused is shown again, as it was typed, with what stands in the way.
func TestNoFormForgets(t *testing.T) {
	s := newSite(t)
	s.service("payments", "billing", "main")
	s.hook("billing")
	b := s.person("alice", true, map[string]slipway.Role{"billing": slipway.RoleAdmin})
	s.person("bert", false, nil)
	b.post("/services/payments/config?env=dev", "/services/payments/config", url.Values{"env": {"dev"}, "key": {"A"}, "value": {"1"}})
	seen, refusedForms := map[string]bool{}, 0
	for _, page := range allPages {
		for _, form := range formsOf(t, b.get(page).body, page) {
			for i, field := range form.fields {
				key := form.path + " " + field.name
				if !field.shown() || seen[key] {
					continue
				}
				seen[key] = true
				refusedForms += b.refuses(t, form, i)
			}
		}
	}
	if refusedForms < 60 {
		t.Errorf("only %d fields were refused: the walk finds the forms no more", refusedForms)
	}
}

// refuses sends a form with one field wrong, and returns 1 if it was refused.
func (b *browser) refuses(t *testing.T, form sentForm, wrong int) int {
	t.Helper()
	sent := url.Values{}
	for i, f := range form.fields {
		value := f.good()
		if i == wrong {
			value = f.wrong()
		}
		if f.name != "_form" && (f.kind != "submit" || !sent.Has(f.name)) {
			sent.Add(f.name, value)
		}
	}
	name := form.fields[wrong].name
	a := b.post(form.page, form.path, sent)
	if a.status < http.StatusBadRequest {
		t.Errorf("%s: %s takes anything", form.path, name)
		return 0
	}
	if a.status >= http.StatusInternalServerError {
		t.Errorf("%s with a wrong %s: %d", form.path, name, a.status)
	}
	if !strings.Contains(a.body, `role="alert"`) {
		t.Errorf("%s with a wrong %s: nothing says what stands in the way", form.path, name)
	}
	var best []string
	found := false
	for _, again := range formsOf(t, a.body, form.page) {
		if again.path != form.path {
			continue
		}
		if lost := forgotten(again, sent, name); !found || len(lost) < len(best) {
			found, best = true, lost
		}
	}
	switch {
	case !found:
		t.Errorf("%s on %s with a wrong %s: the form isn't there", form.path, form.page, name)
	case len(best) > 0:
		t.Errorf("%s on %s with a wrong %s: %s forgotten", form.path, form.page, name, strings.Join(best, ", "))
	}
	return 1
}

// forgotten is what a form doesn't hold of what was sent with it.
func forgotten(again sentForm, sent url.Values, wrong string) []string {
	lost := []string{}
	for _, f := range again.fields {
		if !f.shown() || f.secret || !sent.Has(f.name) || f.kind == "select" && !slices.Contains(f.options, sent.Get(f.name)) {
			continue
		}
		if f.kind == "checkbox" || f.kind == "radio" {
			if slices.Contains(sent[f.name], f.value) != f.ticked && f.name != wrong {
				lost = append(lost, "the box "+f.name)
			}
			continue
		}
		if !slices.Contains(sent[f.name], f.value) {
			lost = append(lost, f.name)
		}
	}
	return lost
}

// good is what may be right in a field.
func (f sentField) good() string {
	switch f.kind {
	case "number":
		return "3"
	case "email":
		return "walk@team.example"
	case "datetime-local":
		return "2031-02-03T04:05"
	case "select":
		return f.options[len(f.options)-1]
	case "text", "search", "password", "textarea", "url":
		return "walk-" + strings.ReplaceAll(f.name, "_", "-")
	}
	return f.value // a box, a button or what is hidden
}

// wrong is what no field takes.
func (f sentField) wrong() string {
	switch f.kind {
	case "number":
		return "many"
	case "datetime-local":
		return "tomorrow"
	case "select", "checkbox", "radio":
		return "no-such-choice"
	}
	return strings.Repeat("w", 70_000)
}

// formsOf reads the forms of a page that are posted and have something to fill in.
func formsOf(t *testing.T, body, page string) (forms []sentForm) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.DataAtom != atom.Form || attributeOf(n, "method") != "post" {
			continue
		}
		path, _, _ := strings.Cut(attributeOf(n, "action"), "?")
		form := sentForm{page: page, path: path}
		for field := range n.Descendants() {
			if f, is := fieldOf(field); is && !within(field, n, "disabled") {
				form.fields = append(form.fields, f)
			}
		}
		if slices.ContainsFunc(form.fields, sentField.shown) {
			forms = append(forms, form)
		}
	}
	return forms
}

func fieldOf(n *html.Node) (f sentField, is bool) {
	f = sentField{name: attributeOf(n, "name"), kind: n.Data, value: attributeOf(n, "value")}
	switch n.DataAtom {
	case atom.Input:
		f.kind = cmp.Or(attributeOf(n, "type"), "text")
		f.secret = f.kind == "password" || attributeOf(n, "autocomplete") == "one-time-code"
		f.ticked = hasAttribute(n, "checked")
	case atom.Textarea:
		if n.FirstChild != nil {
			f.value = n.FirstChild.Data
		}
	case atom.Select:
		for o := range n.Descendants() {
			if o.DataAtom != atom.Option {
				continue
			}
			f.options = append(f.options, attributeOf(o, "value"))
			if hasAttribute(o, "selected") {
				f.value = attributeOf(o, "value")
			}
		}
	case atom.Button:
		f.kind = "submit"
	default:
		return f, false
	}
	return f, f.name != "" && (f.kind != "select" || len(f.options) > 0)
}

// within tells whether a node or what it stands in has an attribute.
func within(n, top *html.Node, name string) bool {
	for ; n != nil && n != top; n = n.Parent {
		if hasAttribute(n, name) {
			return true
		}
	}
	return false
}

func hasAttribute(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

func attributeOf(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
