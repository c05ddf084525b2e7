package web_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
)

var lineNumber = regexp.MustCompile(`>(\d+)</a><span>`)

// TestSearchInALog finds lines in any chunk, whatever they are coloured with,
// and gives them the numbers that they have in the whole log.
func TestSearchInALog(t *testing.T) {
	s := newSite(t)
	s.service("payments", "billing", "main")
	b := s.person("alice", true, nil)
	before := len(lineNumber.FindAllString(b.get("/promotions/1?step=build&part=log", "HX-Request", "true").body, -1))
	for i, text := range []string{"nothing\nhere\n", "one \x1b[32mGreen\x1b[0mhouse\nother\nGREENHOUSE\n", "no end of ÄPFEL\n"} {
		if err := s.Ledger.Log(as(), "1", slipway.StepBuild, 1, 1000+i, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Ledger.Log(as(), "1", slipway.StepBuild, 1, 2000, strings.Repeat("many of these\n", 600)); err != nil {
		t.Fatal(err)
	}
	for find, want := range map[string][]int{"greenhouse": {3, 5}, "äpfel": {6}, "HERE": {2}, "green\nhouse": nil} {
		var got []string
		for _, m := range lineNumber.FindAllStringSubmatch(b.get("/promotions/1?step=build&part=log&find="+strings.ReplaceAll(find, "\n", "%0A"), "HX-Request", "true").body, -1) {
			got = append(got, m[1])
		}
		var lines []string
		for _, n := range want {
			lines = append(lines, fmt.Sprint(before+n))
		}
		if strings.Join(got, " ") != strings.Join(lines, " ") {
			t.Errorf("%q is found in lines %v, not %v", find, got, lines)
		}
	}
	if body := b.get("/promotions/1?step=build&part=log&find=many", "HX-Request", "true").body; strings.Count(body, "many of these") != 500 || !strings.Contains(body, "first") {
		t.Errorf("600 lines are shown as %d", strings.Count(body, "many of these"))
	}
}
