package web

import (
	"bytes"
	"io"

	"github.com/slipway-dev/slipway"
)

// shownText is the door of every page: signs that are not seen are shown in its
// text as what they are. Tags pass as they are, and so does what is in a textarea:
// the values of forms come back and are kept. templ escapes < and > of values.
type shownText struct {
	text  slipway.VisibleWriter
	tag   []byte // the beginning of the tag that it is in; nil in text
	value bool   // within a textarea
}

func newShownText(to io.Writer) *shownText {
	return &shownText{text: slipway.VisibleWriter{To: to}}
}

// Write passes on a piece of a page.
func (s *shownText) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		end := bytes.IndexByte(rest, '<')
		if s.tag != nil {
			end = bytes.IndexByte(rest, '>')
		}
		part := rest
		if end >= 0 {
			part = rest[:end]
		}
		rest = rest[len(part):]
		if err := s.part(part); err != nil {
			return 0, err
		}
		if end < 0 {
			break
		}
		if err := s.turn(rest[:1]); err != nil {
			return 0, err
		}
		rest = rest[1:]
	}
	return len(p), nil
}

func (s *shownText) part(part []byte) error {
	if s.tag == nil && !s.value {
		_, err := s.text.Write(part)
		return err
	}
	if s.tag != nil && len(s.tag) < len("/textarea") {
		s.tag = append(s.tag, part[:min(len(part), len("/textarea")-len(s.tag))]...)
	}
	_, err := s.text.To.Write(part)
	return err
}

// turn goes into a tag or out of it.
func (s *shownText) turn(sign []byte) error {
	if s.tag == nil {
		s.tag = []byte{}
		if err := s.text.Flush(); err != nil {
			return err
		}
	} else {
		switch {
		case bytes.HasPrefix(s.tag, []byte("textarea")):
			s.value = true
		case bytes.HasPrefix(s.tag, []byte("/textarea")):
			s.value = false
		}
		s.tag = nil
	}
	_, err := s.text.To.Write(sign)
	return err
}
