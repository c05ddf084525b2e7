package web_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// TestSessionsAreEnded ends another session of one's own on the page.
func TestSessionsAreEnded(t *testing.T) {
	s := newSite(t)
	b := s.person("bob", false, nil)
	other := s.browser()
	other.signIn("bob")
	list := b.get("/account").body
	ends := regexp.MustCompile(`action="(/account/sessions/[0-9a-f]{24}/end)"`).FindAllStringSubmatch(list, -1)
	if len(ends) != 1 || strings.Count(list, ">this one<") != 1 {
		t.Fatalf("%v", ends)
	}
	if a := s.person("eve", false, nil).post("/account", ends[0][1], nil); a.status != http.StatusNotFound {
		t.Errorf("another ends it: %d", a.status)
	}
	if a := b.post("/account", ends[0][1], nil); a.status != http.StatusSeeOther {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := other.get("/account"); a.status != http.StatusSeeOther {
		t.Errorf("the ended one still reads: %d", a.status)
	}
	if a := b.get("/account/sessions"); a.status != http.StatusOK || !strings.Contains(a.body, "Ended from the list of sessions") {
		t.Errorf("%d %s", a.status, a.body)
	}
}
