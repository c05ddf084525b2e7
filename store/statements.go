package store

import (
	"container/list"
	"context"
	"database/sql"
	"sync"
)

// keptStatements bounds how many statements are kept: pages and the API ask in about as many ways.
const keptStatements = 128

// statements keeps what a database was asked as prepared statements, the latest first: SQLite takes as long to read the
// question of a list as to answer it.
type statements struct {
	*sql.DB
	mu     sync.Mutex
	byText map[string]*list.Element
	latest *list.List // of *statement
}

// statement is closed when it has left the list and nobody asks it.
type statement struct {
	*sql.Stmt
	text   string
	asking int
	left   bool
}

func keeping(db *sql.DB) *statements {
	return &statements{DB: db, byText: map[string]*list.Element{}, latest: list.New()}
}

// QueryContext answers as the database does.
func (s *statements) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	one := s.take(query)
	if one == nil {
		prepared, err := s.PrepareContext(ctx, query)
		if err != nil {
			return nil, err
		}
		one = &statement{Stmt: prepared, text: query, asking: 1}
		s.keep(one)
	}
	defer s.giveBack(one)
	return one.QueryContext(ctx, args...) // the rows hold what they come from, also when it is closed
}

// take finds a statement and keeps it open until it is given back.
func (s *statements) take(text string) *statement {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.byText[text]
	if at == nil {
		return nil
	}
	s.latest.MoveToFront(at)
	one := at.Value.(*statement)
	one.asking++
	return one
}

// keep adds a statement in the place of the oldest, or of one that somebody else has prepared meanwhile.
func (s *statements) keep(one *statement) {
	s.mu.Lock()
	before := s.byText[one.text]
	if before == nil && s.latest.Len() == keptStatements {
		before = s.latest.Back()
	}
	var gone *statement
	if before != nil {
		gone = s.latest.Remove(before).(*statement)
		delete(s.byText, gone.text)
		gone.left = true
	}
	s.byText[one.text] = s.latest.PushFront(one)
	unused := gone != nil && gone.asking == 0
	s.mu.Unlock()
	if unused {
		_ = gone.Close()
	}
}

func (s *statements) giveBack(one *statement) {
	s.mu.Lock()
	one.asking--
	unused := one.left && one.asking == 0
	s.mu.Unlock()
	if unused {
		_ = one.Close()
	}
}
