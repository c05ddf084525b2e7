package client_test

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
)

func TestReadEvents(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     []client.Event
	}{
		{"one", "id: 1\nevent: step\ndata: {}\n\n", []client.Event{{ID: "1", Name: "step", Data: []byte("{}")}}},
		{"comments and unknown fields", ": still here\n\nretry: 5\nevent: log\ndata:x\n\n", []client.Event{{Name: "log", Data: []byte("x")}}},
		{"several data lines", "data: a\ndata: b\n\n", []client.Event{{Data: []byte("a\nb")}}},
		{"carriage returns", "id: 7\r\ndata: a\r\n\r\n", []client.Event{{ID: "7", Data: []byte("a")}}},
		{"the id stays", "id: 1\ndata: a\n\ndata: b\n\n", []client.Event{{ID: "1", Data: []byte("a")}, {ID: "1", Data: []byte("b")}}},
		{"cut off in the middle", "id: 1\ndata: a\n\nid: 2\ndata: b\n", []client.Event{{ID: "1", Data: []byte("a")}}},
	} {
		var got []client.Event
		err := client.ReadEvents(strings.NewReader(c.in), func(e client.Event) error { got = append(got, e); return nil })
		if !errors.Is(err, io.EOF) || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %q, %v", c.name, got, err)
		}
	}
	huge := "data: " + strings.Repeat("x", 2<<20) + "\n\n"
	if err := client.ReadEvents(strings.NewReader(huge), func(client.Event) error { return nil }); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("a huge event: %v", err)
	}
}

func TestParseProblem(t *testing.T) {
	err := client.ParseProblem(409, "application/problem+json; charset=utf-8", []byte(`{"code":"conflict","detail":"under way","errors":[{"field":"name"}]}`))
	var known *slipway.Error
	if !errors.As(err, &known) || known.Code != slipway.Conflict || known.Message != "under way" || known.Field != "name" {
		t.Errorf("%#v", err)
	}
	for _, body := range []string{"<html>", "", "null", `{"code":""}`} {
		if err := client.ParseProblem(502, "text/html", []byte(body)); slipway.CodeOf(err) != slipway.Internal || !strings.Contains(err.Error(), "502") {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func FuzzReadEvents(f *testing.F) {
	f.Add("id: 1\nevent: step\ndata: {}\n\n")
	f.Add("data\n\n:\n\r\n")
	f.Fuzz(func(t *testing.T, in string) {
		err := client.ReadEvents(strings.NewReader(in), func(e client.Event) error {
			if len(e.Data) > 2<<20 {
				t.Fatal("an event without bounds")
			}
			return nil
		})
		if err == nil {
			t.Fatal("an end without io.EOF")
		}
	})
}
