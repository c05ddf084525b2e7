package store

import (
	"encoding/base64"
	"strconv"

	"github.com/slipway-dev/slipway"
)

// MaxPage is the most that a page holds.
const MaxPage = 500

// Page asks for part of a list. A list's order is stable: what is added or
// removed meanwhile neither repeats nor hides another item.
type Page struct {
	Cursor string // List.Next of the page before; "" for the first
	Limit  int    // 1 to MaxPage; 0 means 50
}

// List is a page of a list.
type List[T any] struct {
	Items []T
	Next  string // the cursor of the next page; "" at the end
}

func (p Page) Size() (int, error) {
	switch {
	case p.Limit == 0:
		return 50, nil
	case p.Limit < 0 || p.Limit > MaxPage:
		return 0, slipway.Errorf(slipway.Invalid, "limit %d is not between 1 and %d", p.Limit, MaxPage).At("limit")
	}
	return p.Limit, nil
}

// After is what the cursor points behind: a name or a number, "" for the start.
func (p Page) After() (string, error) {
	if p.Cursor == "" {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if err != nil || len(raw) < 2 || raw[0] != ':' {
		return "", slipway.Errorf(slipway.Invalid, "the cursor is not one that a list returned; leave it out to begin at the start").At("cursor")
	}
	return string(raw[1:]), nil
}

func (p Page) AfterNumber() (int, error) {
	text, err := p.After()
	if err != nil || text == "" {
		return 0, err
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, slipway.Errorf(slipway.Invalid, "the cursor is not of this list; leave it out to begin at the start").At("cursor")
	}
	return n, nil
}

// Cut makes a page of rows, of which one more than limit was asked for.
func Cut[T any](rows []T, limit int, key func(T) string) List[T] {
	if len(rows) <= limit {
		return List[T]{Items: rows}
	}
	rows = rows[:limit]
	return List[T]{Items: rows, Next: base64.RawURLEncoding.EncodeToString([]byte(":" + key(rows[limit-1])))}
}
