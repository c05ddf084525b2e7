package build

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestRequirementClosure: an environment of tests is named by all files that its
// requirements name, however they write that. What is left out could be changed by
// whoever has the rest in common with somebody.
func TestRequirementClosure(t *testing.T) {
	dir := t.TempDir()
	text := "-r a.txt\n--requirement=b.txt\n--requirement c.txt\n-rd.txt\n -r \"e.txt\"\n-r 'f.txt' # here\n-r \\\n  g.txt\n-c h.txt\n--constraint=\"i.txt\"\n-r\tj.txt\n-r=k.txt\nflask==3.1.2\n-r ../../outside.txt\n"
	want := []string{"all.txt"}
	for c := 'a'; c <= 'k'; c++ {
		want = append(want, string(c)+".txt")
	}
	for _, name := range want {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := requirementClosure(dir, []string{"all.txt"})
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
