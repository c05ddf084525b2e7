package parts

import (
	"bytes"
	"io"
	"slices"

	"github.com/slipway-dev/slipway"
)

// ShownText is the door of every page: signs that are not seen are shown in its
// text as what they are, and in the attributes that people read or hear. All else
// of tags passes as it is, and so does what is in a textarea: the values of forms
// come back and are kept. templ escapes < and > of values.
type ShownText struct {
	text  slipway.VisibleWriter
	tag   []byte // the beginning of the tag that it is in; nil in text
	value bool   // within a textarea

	near  []byte // of the tag, what was written last before a value
	quote byte   // that the value of an attribute ends with; 0 outside of one
	read  bool   // that value is read by people
}

// readAttributes are the attributes whose values are texts.
var readAttributes = []string{"title=", "aria-label=", "alt="}

// maxNear is longer than the name of each of them.
const maxNear = 24

// NewShownText makes the door to a page that is written to a writer.
func NewShownText(to io.Writer) *ShownText {
	return &ShownText{text: slipway.VisibleWriter{To: to}}
}

// Write passes on a piece of a page.
func (s *ShownText) Write(p []byte) (int, error) {
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

func (s *ShownText) part(part []byte) error {
	if s.tag == nil && !s.value {
		_, err := s.text.Write(part)
		return err
	}
	if s.tag != nil && len(s.tag) < len("/textarea") {
		s.tag = append(s.tag, part[:min(len(part), len("/textarea")-len(s.tag))]...)
	}
	if s.tag == nil {
		_, err := s.text.To.Write(part)
		return err
	}
	for len(part) > 0 {
		n, err := s.attribute(part)
		if err != nil {
			return err
		}
		part = part[n:]
	}
	return nil
}

// attribute passes on a part of a tag up to where a value begins or ends.
func (s *ShownText) attribute(part []byte) (n int, err error) {
	if s.quote == 0 {
		n = len(part)
		if i := bytes.IndexAny(part, `"'`); i >= 0 {
			n = i + 1
			s.quote = part[i]
		}
		s.near = append(s.near, part[:n]...)
		s.near = s.near[max(0, len(s.near)-maxNear):]
		if s.quote != 0 {
			names := bytes.Fields(s.near[:len(s.near)-1])
			s.read = len(names) > 0 && slices.Contains(readAttributes, string(names[len(names)-1]))
			s.near = s.near[:0]
		}
		_, err = s.text.To.Write(part[:n])
		return n, err
	}
	n = bytes.IndexByte(part, s.quote)
	ends := n >= 0
	if !ends {
		n = len(part)
	}
	if s.read {
		_, err = s.text.Write(part[:n])
	} else {
		_, err = s.text.To.Write(part[:n])
	}
	if err != nil || !ends {
		return n, err
	}
	s.quote = 0
	if err := s.text.Flush(); err != nil {
		return n, err
	}
	_, err = s.text.To.Write(part[n : n+1])
	return n + 1, err
}

// turn goes into a tag or out of it.
func (s *ShownText) turn(sign []byte) error {
	if s.tag == nil {
		s.tag, s.near, s.quote = []byte{}, s.near[:0], 0
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
		if err := s.text.Flush(); err != nil { // of a value that never ended
			return err
		}
	}
	_, err := s.text.To.Write(sign)
	return err
}
