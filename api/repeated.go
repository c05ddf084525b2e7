package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway"
)

// onceEach refuses a body in which an object has a key twice: one reader takes the
// first, another the last, so what was looked at needn't be what is done. The body
// was bounded and found to be JSON before.
func onceEach(r *http.Request) error {
	if r.Body == nil || r.Body == http.NoBody || isForm(r) {
		return nil
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(text))
	pointer := repeated(json.NewDecoder(bytes.NewReader(text)), "")
	if pointer == "" {
		return nil
	}
	key := shorten(pointer[strings.LastIndex(pointer, "/")+1:])
	message := fmt.Sprintf("is there twice; give %q once", key)
	return &refusal{status: http.StatusBadRequest, err: slipway.Errorf(slipway.Invalid, "%s: %s", key, message).At(key),
		fields: []FieldError{{Field: key, Pointer: pointer, Message: message}}}
}

// repeated is a JSON pointer to the first key that its object has twice; "" for none.
func repeated(d *json.Decoder, at string) string {
	token, err := d.Token()
	if err != nil {
		return ""
	}
	switch token {
	case json.Delim('{'):
		seen := map[string]bool{}
		for d.More() {
			token, err := d.Token()
			key, ok := token.(string)
			if err != nil || !ok {
				return ""
			}
			inside := at + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
			if seen[key] {
				return inside
			}
			seen[key] = true
			if found := repeated(d, inside); found != "" {
				return found
			}
		}
		_, _ = d.Token()
	case json.Delim('['):
		for i := 0; d.More(); i++ {
			if found := repeated(d, at+"/"+strconv.Itoa(i)); found != "" {
				return found
			}
		}
		_, _ = d.Token()
	}
	return ""
}
