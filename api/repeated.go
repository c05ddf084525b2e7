package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/slipway-dev/slipway"
)

// readOneWay refuses a body that two readers read differently, so that what was
// looked at needn't be what is done: a key that an object has twice, of which one
// takes the first and another the last; text that is no Unicode, which one keeps
// and another replaces; anything behind the one value. The body was bounded and
// found to begin with JSON before.
func readOneWay(r *http.Request) error {
	if r.Body == nil || r.Body == http.NoBody || isForm(r) {
		return nil
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(text))
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	b := body{text: text, d: json.NewDecoder(bytes.NewReader(text))}
	if pointer, message := b.value(""); message != "" {
		key := shorten(pointer[strings.LastIndex(pointer, "/")+1:])
		if pointer == "" {
			return refuse(http.StatusBadRequest, slipway.Invalid, "%s", "the request body: "+message)
		}
		return &refusal{status: http.StatusBadRequest, err: slipway.Errorf(slipway.Invalid, "%s: %s", key, message).At(key),
			fields: []FieldError{{Field: key, Pointer: pointer, Message: message}}}
	}
	if _, err := b.d.Token(); !errors.Is(err, io.EOF) {
		return refuse(http.StatusBadRequest, slipway.Invalid, "the request body goes on behind its JSON value; send one value, and nothing after it")
	}
	return nil
}

type body struct {
	text []byte
	d    *json.Decoder
}

const notUnicode = "is not valid Unicode; send text as UTF-8, a \\u escape of a surrogate only beside its other half, and bytes as base64"

// token is the next one, and whether all of it is Unicode as it was written.
func (b body) token() (token json.Token, whole bool, err error) {
	before := b.d.InputOffset()
	token, err = b.d.Token()
	return token, err != nil || unicodeText(b.text[before:b.d.InputOffset()]), err
}

// value is a JSON pointer to the first thing in the next value that can be read
// in two ways, and what is to be done about it.
func (b body) value(at string) (pointer, message string) {
	token, whole, err := b.token()
	switch {
	case err != nil:
		return "", ""
	case !whole:
		return at, notUnicode
	}
	switch token {
	case json.Delim('{'):
		seen := map[string]bool{}
		for b.d.More() {
			token, whole, err := b.token()
			key, ok := token.(string)
			if err != nil || !ok {
				return "", ""
			}
			inside := at + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
			switch {
			case !whole:
				return inside, notUnicode
			case seen[key]:
				return inside, fmt.Sprintf("is there twice; give %q once", shorten(inside[strings.LastIndex(inside, "/")+1:]))
			}
			seen[key] = true
			if pointer, message := b.value(inside); message != "" {
				return pointer, message
			}
		}
		_, _ = b.d.Token()
	case json.Delim('['):
		for i := 0; b.d.More(); i++ {
			if pointer, message := b.value(at + "/" + strconv.Itoa(i)); message != "" {
				return pointer, message
			}
		}
		_, _ = b.d.Token()
	}
	return "", ""
}

// unicodeText tells whether a token of JSON is UTF-8 and has no half of a
// surrogate pair: a decoder makes U+FFFD of either without a word.
func unicodeText(token []byte) bool {
	if !utf8.Valid(token) {
		return false
	}
	for i := 0; i < len(token); i++ {
		if token[i] != '\\' {
			continue
		}
		one, ok := escapedUnit(token[i:])
		if !ok {
			i++ // another escape, of one sign
			continue
		}
		i += 5
		if !utf16.IsSurrogate(one) {
			continue
		}
		other, ok := escapedUnit(token[i+1:])
		if !ok || utf16.DecodeRune(one, other) == utf8.RuneError {
			return false
		}
		i += 6
	}
	return true
}

// escapedUnit is the unit of UTF-16 that text begins with an escape of.
func escapedUnit(text []byte) (rune, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return rune(unit), err == nil
}
