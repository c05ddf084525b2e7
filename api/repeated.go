package api

import (
	"bytes"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/operations"
)

const notUnicode = "is not valid Unicode; send text as UTF-8, a \\u escape of a surrogate only beside its other half, and bytes as base64"

// readOneWay refuses a body that two readers read differently, so that what was
// looked at needn't be what is done: a key that an object has twice, of which one
// takes the first and another the last; text that is no Unicode, which one keeps
// and another replaces; anything behind the one value. What is no JSON at all is
// left to the reader after it. The body was bounded before.
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
	d := jsontext.NewDecoder(bytes.NewReader(text))
	_, err = d.ReadValue()
	var found *jsontext.SyntacticError
	switch {
	case err == nil:
		if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
			return operations.Refuse(http.StatusBadRequest, slipway.Invalid, "the request body goes on behind its JSON value; send one value, and nothing after it")
		}
	case !errors.As(err, &found):
	case errors.Is(found, jsontext.ErrDuplicateName):
		return twoWays(found.JSONPointer, fmt.Sprintf("is there twice; give %q once", shorten(escapedName(found.JSONPointer))))
	case unicodeAlone(text, found):
		return twoWays(found.JSONPointer, notUnicode)
	}
	return nil
}

// unicodeAlone tells whether a reader that takes any text gets over the place
// where the one that takes Unicode alone did not.
func unicodeAlone(text []byte, at *jsontext.SyntacticError) bool {
	_, err := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowInvalidUTF8(true)).ReadValue()
	var found *jsontext.SyntacticError
	return err == nil || errors.As(err, &found) && found.ByteOffset > at.ByteOffset
}

// escapedName is the last part of a pointer as it is written there: without
// control characters or quotes it is the name itself.
func escapedName(pointer jsontext.Pointer) string {
	return string(pointer[strings.LastIndexByte(string(pointer), '/')+1:])
}

func twoWays(at jsontext.Pointer, message string) error {
	if at == "" {
		return operations.Refuse(http.StatusBadRequest, slipway.Invalid, "%s", "the request body: "+message)
	}
	key := shorten(escapedName(at))
	return &operations.Refusal{Status: http.StatusBadRequest, Err: slipway.Errorf(slipway.Invalid, "%s: %s", key, message).At(key),
		Fields: []operations.FieldError{{Field: key, Pointer: string(at), Message: message}}}
}
