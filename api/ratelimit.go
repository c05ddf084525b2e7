package api

import (
	"fmt"
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/time/rate"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/identity"
)

// RatePerMinute is how many requests one caller may make in a minute, unless
// the server is told otherwise. A portal page needs a handful, a script that
// polls every second sixty.
const RatePerMinute = 1200

// rates bounds the requests of each caller: of an account once it is known, of
// an address before that.
type rates struct {
	perMinute int
	mu        sync.Mutex
	callers   map[string]*caller
	swept     time.Time
}

type caller struct {
	*rate.Limiter
	seen time.Time
}

func newRates(perMinute int) *rates {
	if perMinute == 0 {
		perMinute = RatePerMinute
	}
	return &rates{perMinute: perMinute, callers: map[string]*caller{}}
}

// of finds a caller's bucket. Buckets that have been full for a minute are like
// new ones and are dropped.
func (r *rates) of(name string, now time.Time) *caller {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.swept) > time.Minute {
		for name, c := range r.callers {
			if now.Sub(c.seen) > 2*time.Minute {
				delete(r.callers, name)
			}
		}
		r.swept = now
	}
	c := r.callers[name]
	if c == nil {
		c = &caller{Limiter: rate.NewLimiter(rate.Limit(float64(r.perMinute)/60), r.perMinute)}
		r.callers[name] = c
	}
	c.seen = now
	return c
}

// take counts a request and says in the headers of draft-ietf-httpapi-ratelimit-headers
// what is left of the caller's minute.
func (r *rates) take(c echo.Context, name string) error {
	if r.perMinute < 0 {
		return nil
	}
	now := time.Now()
	bucket := r.of(name, now)
	allowed := bucket.AllowN(now, 1)
	left := max(0, int(bucket.TokensAt(now)))
	full := int(math.Ceil(float64(r.perMinute-left) * 60 / float64(r.perMinute)))
	h := c.Response().Header()
	h.Set("RateLimit-Policy", fmt.Sprintf(`"caller";q=%d;w=60`, r.perMinute))
	h.Set("RateLimit", fmt.Sprintf(`"caller";r=%d;t=%d`, left, full))
	if allowed {
		return nil
	}
	err := slipway.Errorf(slipway.Limited, "more than %s requests in a minute; go on in a second, and more slowly", strconv.Itoa(r.perMinute))
	err.After = time.Second
	return err
}

// limited bounds what one address asks, known or not: guessing tokens costs us
// a query each. Accounts have their own bound, in authenticated.
func (s *Server) limited(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if operator, _ := r.Context().Value(operatorKey{}).(bool); operator {
			return next(c)
		}
		if err := s.addresses.take(c, identity.Network(callerOf(r).Address)); err != nil {
			return err
		}
		return next(c)
	}
}
