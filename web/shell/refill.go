package shell

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/web/parts"
)

// form is the form of a page that was sent: of several with one address the one whose
// hidden fields, and whose button, were sent too; nil where the page has none.
func (r *refusal) form(root *html.Node) (found *html.Node) {
	best := 0
	for n := range root.Descendants() {
		if n.DataAtom != atom.Form || !strings.EqualFold(attribute(n, "method"), "post") || !r.sentBy(n) {
			continue
		}
		if alike := r.alike(n); found == nil || alike > best {
			best, found = alike, n
		}
	}
	return found
}

// alike is how well a form fits what was sent: by the names of its fields, the values
// of the hidden ones, and the button that was pressed.
func (r *refusal) alike(form *html.Node) (points int) {
	for field := range fieldsOf(form) {
		name := attribute(field, "name")
		sent, given := r.sent[name]
		same := slices.Contains(sent, attribute(field, "value"))
		switch kind := secretless(field); {
		case name == "" || strings.HasPrefix(name, "_"):
		case kind == "hidden" && given && !same:
			points -= 2
		case field.DataAtom == atom.Button && given && !same:
		case given:
			points++
		}
	}
	return points
}

// sentBy tells whether a form, or one of its buttons, leads where the form was sent.
func (r *refusal) sentBy(form *html.Node) bool {
	if path, _, _ := strings.Cut(attribute(form, "action"), "?"); path == r.path {
		return true
	}
	for field := range fieldsOf(form) {
		if path, _, _ := strings.Cut(attribute(field, "formaction"), "?"); path == r.path {
			return true
		}
	}
	return false
}

// fieldsOf are the fields and buttons of a form.
func fieldsOf(form *html.Node) iter.Seq[*html.Node] {
	return func(yield func(*html.Node) bool) {
		for n := range form.Descendants() {
			switch n.DataAtom {
			case atom.Input, atom.Select, atom.Textarea, atom.Button:
				if !yield(n) {
					return
				}
			}
		}
	}
}

// secretless is the kind of a field whose value may be shown again; "" for one that
// holds a secret or a code.
func secretless(field *html.Node) string {
	switch {
	case attribute(field, "type") == "password", attribute(field, "autocomplete") == "one-time-code":
		return ""
	case field.DataAtom == atom.Input:
		return cmp.Or(strings.ToLower(attribute(field, "type")), "text")
	}
	return field.Data
}

// fill puts into a form what was sent. Hidden fields stay as the page has them now: a
// revision is that of what the page shows. Of fields with one name each takes its own.
// What was typed under a name that looks like a secret's isn't sent back: data-plain-for
// names the field that has the name.
func (r *refusal) fill(form *html.Node) {
	taken := map[string]int{}
	for field := range fieldsOf(form) {
		name := attribute(field, "name")
		sent, given := r.sent[name]
		if name == "" || strings.HasPrefix(name, "_") || disabled(field, form) || slipway.LooksSecret(r.sent.Get(attribute(field, "data-plain-for"))) {
			continue
		}
		switch kind := secretless(field); kind {
		case "", "hidden", "submit", "button", "file":
		case "checkbox", "radio":
			toggle(field, "checked", slices.Contains(sent, cmp.Or(attribute(field, "value"), "on")))
		case "select":
			choose(field, sent)
		default:
			if !given || taken[name] >= len(sent) {
				continue
			}
			value := sent[taken[name]]
			taken[name]++
			if kind == "textarea" {
				setText(field, value)
			} else {
				setAttribute(field, "value", value)
			}
		}
	}
}

// choose selects what was sent, where it can be chosen.
func choose(field *html.Node, sent []string) {
	var options []*html.Node
	any := false
	for n := range field.Descendants() {
		if n.DataAtom == atom.Option {
			options = append(options, n)
			any = any || slices.Contains(sent, optionValue(n))
		}
	}
	if !any {
		return
	}
	for _, n := range options {
		toggle(n, "selected", slices.Contains(sent, optionValue(n)))
	}
}

func optionValue(option *html.Node) string {
	if hasAttribute(option, "value") || option.FirstChild == nil {
		return attribute(option, "value")
	}
	return strings.TrimSpace(option.FirstChild.Data)
}

// disabled tells whether a field, or what it stands in, sends nothing.
func disabled(field, form *html.Node) bool {
	for n := field; n != form && n != nil; n = n.Parent {
		if hasAttribute(n, "disabled") {
			return true
		}
	}
	return false
}

// say puts what stands in the way into the form, or above all where the form is only a
// button or the page has lost it, and points from the field to it.
func (r *refusal) say(ctx context.Context, root, form *html.Node) error {
	var text bytes.Buffer
	if err := refusedNote(Sentence(r.err), r.request).Render(ctx, parts.NewShownText(&text)); err != nil {
		return err
	}
	notes, err := html.ParseFragment(&text, &html.Node{Type: html.ElementNode, Data: "div", DataAtom: atom.Div})
	if err != nil {
		return err
	}
	at := form
	if form == nil || !slices.Contains(strings.Fields(attribute(form, "class")), "stack") {
		at = mainOf(root)
	}
	for _, note := range slices.Backward(notes) {
		at.InsertBefore(note, at.FirstChild)
	}
	var known *slipway.Error
	if form == nil || !errors.As(r.err, &known) {
		return nil
	}
	wrong := map[string]bool{known.Field: true}
	for _, more := range known.More {
		wrong[more.Field] = true
	}
	for field := range fieldsOf(form) {
		if name := attribute(field, "name"); name != "" && wrong[name] && attribute(field, "type") != "hidden" {
			setAttribute(field, "aria-invalid", "true")
			setAttribute(field, "aria-describedby", strings.TrimSpace("refused "+attribute(field, "aria-describedby")))
		}
	}
	return nil
}

// mainOf is the part of a page that is its own.
func mainOf(root *html.Node) *html.Node {
	for n := range root.Descendants() {
		if n.DataAtom == atom.Main {
			return n
		}
	}
	return root
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func hasAttribute(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

func setAttribute(n *html.Node, name, value string) {
	toggle(n, name, false)
	n.Attr = append(n.Attr, html.Attribute{Key: name, Val: value})
}

// toggle sets an attribute that has no value, or takes one away.
func toggle(n *html.Node, name string, on bool) {
	n.Attr = slices.DeleteFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
	if on {
		n.Attr = append(n.Attr, html.Attribute{Key: name})
	}
}

func setText(n *html.Node, text string) {
	for n.FirstChild != nil {
		n.RemoveChild(n.FirstChild)
	}
	n.AppendChild(&html.Node{Type: html.TextNode, Data: text})
}
