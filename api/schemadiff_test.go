package api_test

import (
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

func (d *differ) bodies(old, now *openapi3.Operation) {
	switch {
	case now.RequestBody != nil && now.RequestBody.Value.Required && (old.RequestBody == nil || !old.RequestBody.Value.Required):
		d.say("body is required now")
	case old.RequestBody != nil && now.RequestBody == nil:
		d.say("body is gone")
	case old.RequestBody != nil:
		for kind, was := range old.RequestBody.Value.Content {
			if is := now.RequestBody.Value.Content[kind]; is != nil {
				d.request("body: ", was.Schema, is.Schema, nil)
			} else {
				d.say("body: %s is gone", kind)
			}
		}
	}
	for status, was := range old.Responses.Map() {
		is := now.Responses.Value(status)
		if is == nil {
			d.say("%s is gone", status)
			continue
		}
		for name := range was.Value.Headers {
			if is.Value.Headers[name] == nil {
				d.say("%s: header %s is gone", status, name)
			}
		}
		for kind, media := range was.Value.Content {
			if other := is.Value.Content[kind]; other != nil {
				d.answer(status+": ", media.Schema, other.Schema, nil)
			} else {
				d.say("%s: %s is gone", status, kind)
			}
		}
	}
}

// request says what was good to send and isn't any more. seen ends circles.
func (d *differ) request(at string, was, is *openapi3.SchemaRef, seen []*openapi3.Schema) {
	if was == nil || is == nil || slices.Contains(seen, was.Value) {
		return
	}
	seen = append(slices.Clone(seen), was.Value)
	old, now := was.Value, is.Value
	if !sameType(old, now) {
		d.say("%s is of another type", at)
		return
	}
	for _, value := range old.Enum {
		if len(now.Enum) > 0 && !slices.Contains(now.Enum, value) {
			d.say("%s: %q is gone", at, value)
		}
	}
	if len(old.Enum) == 0 && len(now.Enum) > 0 || narrower(old, now) {
		d.say("%s allows less", at)
	}
	if now.Pattern != old.Pattern && now.Pattern != "" {
		d.say("%s has another pattern", at)
	}
	if old.Nullable && !now.Nullable {
		d.say("%s can't be null any more", at)
	}
	for _, name := range now.Required {
		if !slices.Contains(old.Required, name) {
			d.say("%s is required now", under(at, name))
		}
	}
	for name, property := range old.Properties {
		if now.Properties[name] == nil {
			d.say("%s is gone", under(at, name))
			continue
		}
		d.request(under(at, name), property, now.Properties[name], seen)
	}
	d.request(at+"[]", old.Items, now.Items, seen)
	d.request(at+".*", old.AdditionalProperties.Schema, now.AdditionalProperties.Schema, seen)
}

// answer says what was promised and isn't any more. A value that an enum gets
// anew is no break: readers are told to be ready for those.
func (d *differ) answer(at string, was, is *openapi3.SchemaRef, seen []*openapi3.Schema) {
	if was == nil || is == nil || slices.Contains(seen, was.Value) {
		return
	}
	seen = append(slices.Clone(seen), was.Value)
	old, now := was.Value, is.Value
	if !sameType(old, now) || old.Format != now.Format {
		d.say("%s is of another type", at)
		return
	}
	if now.Nullable && !old.Nullable {
		d.say("%s may be null now", at)
	}
	for name, property := range old.Properties {
		switch {
		case now.Properties[name] == nil:
			d.say("%s is gone", under(at, name))
			continue
		case slices.Contains(old.Required, name) && !slices.Contains(now.Required, name):
			d.say("%s may be missing now", under(at, name))
		}
		d.answer(under(at, name), property, now.Properties[name], seen)
	}
	d.answer(at+"[]", old.Items, now.Items, seen)
	d.answer(at+".*", old.AdditionalProperties.Schema, now.AdditionalProperties.Schema, seen)
}

func under(at, name string) string {
	if at[len(at)-1] == ' ' {
		return at + name
	}
	return at + "." + name
}

func sameType(old, now *openapi3.Schema) bool {
	return slices.Equal(old.Type.Slice(), now.Type.Slice())
}

// narrower tells whether a bound is tighter, or there where none was.
func narrower(old, now *openapi3.Schema) bool {
	less := func(was, is *uint64) bool { return is != nil && (was == nil || *is < *was) }
	return now.MinLength > old.MinLength || less(old.MaxLength, now.MaxLength) ||
		now.MinItems > old.MinItems || less(old.MaxItems, now.MaxItems) || now.MinProps > old.MinProps || less(old.MaxProps, now.MaxProps) ||
		now.Min != nil && (old.Min == nil || *now.Min > *old.Min) || now.Max != nil && (old.Max == nil || *now.Max < *old.Max) ||
		now.UniqueItems && !old.UniqueItems || now.AdditionalProperties.Has != nil && !*now.AdditionalProperties.Has && (old.AdditionalProperties.Has == nil || *old.AdditionalProperties.Has)
}
