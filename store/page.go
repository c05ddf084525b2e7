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

// Named is how many items the page holds at most, and the name that the cursor points
// behind; "" for the start.
func (p Page) Named() (limit int, after string, err error) {
	if limit, err = p.size(); err == nil {
		after, err = p.after()
	}
	return limit, after, err
}

// Numbered is Named for lists that are ordered by numbers; 0 for the start.
func (p Page) Numbered() (limit, after int, err error) {
	limit, text, err := p.Named()
	if err != nil || text == "" {
		return limit, 0, err
	}
	after, err = strconv.Atoi(text)
	if err != nil || after < 1 {
		return 0, 0, slipway.Errorf(slipway.Invalid, "the cursor is not of this list; leave it out to begin at the start").At("cursor")
	}
	return limit, after, nil
}

func (p Page) size() (int, error) {
	switch {
	case p.Limit == 0:
		return 50, nil
	case p.Limit < 0 || p.Limit > MaxPage:
		return 0, slipway.Errorf(slipway.Invalid, "limit %d is not between 1 and %d", p.Limit, MaxPage).At("limit")
	}
	return p.Limit, nil
}

func (p Page) after() (string, error) {
	if p.Cursor == "" {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if err != nil || len(raw) < 2 || raw[0] != ':' {
		return "", slipway.Errorf(slipway.Invalid, "the cursor is not one that a list returned; leave it out to begin at the start").At("cursor")
	}
	return string(raw[1:]), nil
}

// Cut makes a page of rows, of which one more than limit was asked for.
func Cut[T any](rows []T, limit int, key func(T) string) List[T] {
	if len(rows) <= limit {
		return List[T]{Items: rows}
	}
	rows = rows[:limit]
	return List[T]{Items: rows, Next: base64.RawURLEncoding.EncodeToString([]byte(":" + key(rows[limit-1])))}
}
