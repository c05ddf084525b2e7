package edge

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

const (
	// clientIdle is how long a client may send nothing of a body that it has begun, or take
	// nothing of an answer.
	clientIdle = 60 * time.Second
	// bodyGrace and bodyRate are how slowly a body may come whose length is known: so many
	// bytes in each second that it is waited for, when the first ones are over.
	bodyGrace = 20 * time.Second
	bodyRate  = 500
)

// Pace is how slow a client may be.
type Pace struct {
	Idle, Grace time.Duration
	Rate        int64 // in a second
}

var (
	errSlow  = errors.New("the client sends its body too slowly")
	errLarge = errors.New("the client sends more than the service takes")
)

// faultOf is what a client did wrong with a body that can't be read.
func faultOf(err error) cause {
	switch {
	case errors.Is(err, errSlow):
		return slow
	case errors.Is(err, errLarge):
		return large
	}
	return broken
}

// paced is a request's body that has to come in time, and not to be too long.
type paced struct {
	io.ReadCloser
	Pace
	control *http.ResponseController
	known   bool          // its length
	most    int64         // of it; not over 0 for any
	waited  time.Duration // for what has come
	got     int64
}

func (p *paced) Read(b []byte) (int, error) {
	began := time.Now()
	left := p.Idle
	if p.known && p.Rate > 0 {
		left = min(left, max(p.Grace, 0)+time.Duration(p.got)*time.Second/time.Duration(p.Rate)-p.waited)
	}
	if err := p.control.SetReadDeadline(began.Add(left)); err != nil {
		return 0, err
	}
	n, err := p.ReadCloser.Read(b)
	p.waited += time.Since(began)
	p.got += int64(n)
	if errors.Is(err, os.ErrDeadlineExceeded) { // which stays: nothing more is waited for
		return n, errSlow
	}
	if p.most > 0 && p.got > p.most {
		return n, errLarge
	}
	_ = p.control.SetReadDeadline(time.Time{}) // of its next request the server has limits of its own
	return n, err
}
