package slipway

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Window is a stretch of time that comes again: on some days of the week, from
// one time of day to another, in a time zone. A window whose end is not after
// its beginning goes on into the next day. Where clocks are put forward, a time
// that doesn't exist is the moment of the change; where they are put back, the
// first of the two is meant.
type Window struct {
	Days []string `json:"days,omitempty"` // mon, tue, wed, thu, fri, sat, sun; none means every day
	From string   `json:"from"`           // 09:00
	To   string   `json:"to"`             // 17:00; 24:00 is the end of the day
	Zone string   `json:"zone,omitempty"` // an IANA name, such as Europe/Berlin; UTC when empty
}

// Weekdays are the short names of the days, Monday first.
var Weekdays = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// Validate names the field at fault, below at.
func (w Window) Validate(at string) error {
	for _, d := range w.Days {
		if !slices.Contains(Weekdays, d) {
			return Errorf(Invalid, "%q is not a day; there are %s", printable(d), strings.Join(Weekdays, ", ")).At(at + ".days")
		}
	}
	if _, err := minutes(w.From); err != nil || w.From == "24:00" {
		return Errorf(Invalid, "%q is not a time of day such as 09:00", printable(w.From)).At(at + ".from")
	}
	if _, err := minutes(w.To); err != nil {
		return Errorf(Invalid, "%q is not a time of day such as 17:00", printable(w.To)).At(at + ".to")
	}
	// "Local" would mean something else on every machine.
	if _, err := time.LoadLocation(w.Zone); err != nil || w.Zone == "Local" {
		return Errorf(Invalid, "%q is not a time zone; give an IANA name such as Europe/Berlin", printable(w.Zone)).At(at + ".zone")
	}
	return nil
}

// String says a window in a few words.
func (w Window) String() string {
	days := "every day"
	if len(w.Days) > 0 {
		days = strings.Join(w.Days, ", ")
	}
	zone := w.Zone
	if zone == "" {
		zone = "UTC"
	}
	return days + " " + w.From + "-" + w.To + " " + zone
}

var clockTime = regexp.MustCompile(`^[0-9]{2}:[0-9]{2}$`)

func minutes(clock string) (int, error) {
	if clockTime.MatchString(clock) {
		h, _ := strconv.Atoi(clock[:2])
		m, _ := strconv.Atoi(clock[3:])
		if m < 60 && h*60+m <= 24*60 {
			return h*60 + m, nil
		}
	}
	return 0, Errorf(Invalid, "%q is not a time of day", clock)
}

// At tells whether t is inside, and when that changes next. A window that was
// not validated is never open, and then the time is zero.
func (w Window) At(t time.Time) (inside bool, until time.Time) {
	from, errFrom := minutes(w.From)
	to, errTo := minutes(w.To)
	zone, errZone := time.LoadLocation(w.Zone)
	if errFrom != nil || errTo != nil || errZone != nil {
		return false, time.Time{}
	}
	if to <= from {
		to += 24 * 60
	}
	y, m, d := t.In(zone).Date()
	// One that began yesterday may last until today, and the next may begin in
	// seven days at the latest. Windows that touch are one.
	for day := -1; day <= 8; day++ {
		if noon := time.Date(y, m, d+day, 12, 0, 0, 0, zone); len(w.Days) > 0 && !slices.Contains(w.Days, Weekdays[(int(noon.Weekday())+6)%7]) {
			continue
		}
		begin, end := clock(y, m, d+day, from, zone), clock(y, m, d+day, to, zone)
		switch {
		case inside && begin.After(until):
			return true, until.UTC()
		case inside:
			until = later(until, end)
		case !end.After(t):
		case begin.After(t):
			return false, begin.UTC()
		default:
			inside, until = true, end
		}
	}
	return inside, until.UTC()
}

// clock is a time of day in minutes. What a change of clocks left out is the
// moment of the change.
func clock(y int, m time.Month, d, minute int, zone *time.Location) time.Time {
	t := time.Date(y, m, d, 0, minute, 0, 0, zone)
	if got := t.Hour()*60 + t.Minute(); got != minute%(24*60) {
		_, end := t.Add(-3 * time.Hour).ZoneBounds()
		if !end.IsZero() && end.Sub(t).Abs() < 3*time.Hour {
			return end
		}
	}
	return t
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// ParseWindows reads windows as people write them: days, one or several spans, and
// a zone, such as "mon,tue 09:00-12:00 13:00-17:00 Europe/Berlin". Days and zone
// may be left out; each span is a window of its own on the same days. What would
// leave a part of the text without effect is Invalid.
func ParseWindows(text string) ([]Window, error) {
	refused := func(format string, args ...any) ([]Window, error) {
		return nil, Errorf(Invalid, "%q is not a window; "+format, append([]any{printable(text)}, args...)...).At("windows")
	}
	var days, zone []string
	var spans [][2]string
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || unicode.IsSpace(r) }) {
		switch from, to, span := strings.Cut(part, "-"); {
		case span && strings.Contains(from, ":") && len(zone) > 0:
			return refused("%s comes after the time zone; write the times before it, or a window for each zone", printable(part))
		case span && strings.Contains(from, ":"):
			spans = append(spans, [2]string{from, to})
		case len(spans) == 0:
			days = append(days, part)
		case slices.Contains(Weekdays, part):
			return refused("%s comes after the times; days come first, and other days with other times are a window of their own", part)
		default:
			zone = append(zone, part)
		}
	}
	switch {
	case len(spans) == 0:
		return refused("write it as: mon,tue 09:00-17:00 Europe/Berlin")
	case len(zone) > 1:
		return refused("it has more than one time zone: %s; write a window for each", printable(strings.Join(zone, " ")))
	case len(days) == 2 && days[0] == "every" && days[1] == "day":
		days = nil
	}
	var windows []Window
	for _, span := range spans {
		w := Window{Days: slices.Clone(days), From: span[0], To: span[1], Zone: strings.Join(zone, "")}
		if err := w.Validate("windows"); err != nil {
			return nil, err
		}
		windows = append(windows, w)
	}
	return windows, nil
}

// ParseWindow reads one window, where there is room for one only; it reads what
// String writes.
func ParseWindow(text string) (Window, error) {
	windows, err := ParseWindows(text)
	if err != nil {
		return Window{}, err
	}
	if len(windows) > 1 {
		return Window{}, Errorf(Invalid, "%q is %d windows, and there is room for one; say it once for each: %s, then %s", printable(text), len(windows), windows[0], windows[1]).At("windows")
	}
	return windows[0], nil
}
