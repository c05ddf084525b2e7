package lock

import "testing"

// The text is what Python 3.11 prints.
func TestPythonJSON(t *testing.T) {
	got, err := pythonJSON(map[string]any{
		"b": []any{int64(1), 2.0, 1e16, 1e-5, 0.1, true, nil},
		"ä": "é\U0001f600\x7f\"\\\n\x01",
		"a": map[string]any{},
	}, false)
	want := `{"a": {}, "b": [1, 2.0, 1e+16, 1e-05, 0.1, true, null], "\u00e4": "\u00e9\ud83d\ude00\u007f\"\\\n\u0001"}`
	if err != nil || got != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
}
