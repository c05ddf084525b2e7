package lock

import (
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// pythonJSON writes v as Python's json.dumps(v, sort_keys=True) does, because
// managers hash that text into their locks. Separators are ", " and ": ", or
// without the spaces when compact. It fails on what Python would refuse too,
// such as a date.
func pythonJSON(v any, compact bool) (string, error) {
	w := jsonWriter{comma: ", ", colon: ": "}
	if compact {
		w = jsonWriter{comma: ",", colon: ":"}
	}
	if err := w.value(v); err != nil {
		return "", err
	}
	return w.out.String(), nil
}

type jsonWriter struct {
	out          strings.Builder
	comma, colon string
}

func (w *jsonWriter) value(v any) error {
	switch v := v.(type) {
	case nil:
		w.out.WriteString("null")
	case bool:
		w.out.WriteString(strconv.FormatBool(v))
	case string:
		w.text(v)
	case int64:
		w.out.WriteString(strconv.FormatInt(v, 10))
	case float64:
		w.out.WriteString(pythonFloat(v))
	case []any:
		w.out.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				w.out.WriteString(w.comma)
			}
			if err := w.value(e); err != nil {
				return err
			}
		}
		w.out.WriteByte(']')
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		sort.Strings(keys) // bytes of UTF-8 sort as code points do
		w.out.WriteByte('{')
		for i, k := range keys {
			if i > 0 {
				w.out.WriteString(w.comma)
			}
			w.text(k)
			w.out.WriteString(w.colon)
			if err := w.value(v[k]); err != nil {
				return err
			}
		}
		w.out.WriteByte('}')
	default:
		return fmt.Errorf("a %T has no JSON form", v)
	}
	return nil
}

func (w *jsonWriter) text(s string) {
	w.out.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			w.out.WriteByte('\\')
			w.out.WriteRune(r)
		case r == '\n':
			w.out.WriteString(`\n`)
		case r == '\r':
			w.out.WriteString(`\r`)
		case r == '\t':
			w.out.WriteString(`\t`)
		case r == '\b':
			w.out.WriteString(`\b`)
		case r == '\f':
			w.out.WriteString(`\f`)
		case r >= ' ' && r <= '~':
			w.out.WriteRune(r)
		case r > 0xffff && r <= utf8.MaxRune:
			hi, lo := utf16.EncodeRune(r)
			fmt.Fprintf(&w.out, `\u%04x\u%04x`, hi, lo)
		default:
			fmt.Fprintf(&w.out, `\u%04x`, r)
		}
	}
	w.out.WriteByte('"')
}

// pythonFloat is float.__repr__.
func pythonFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
