package slipway_test

import (
	"cmp"
	"go/ast"
	"go/types"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// roomFiles is how many hand-written files a room holds at most: as many as somebody
// who joins can keep in mind.
const roomFiles = 25

// larger are the rooms that hold more. They may lose files and gain none.
var larger = map[string]int{
	".": 52, "adapters/build": 31, "node": 38, "platform": 39, "python": 74,
}

// TestRooms prints how large each room is, on how many floors its files stand, and how
// often one uses what stands above it; and holds the sizes. A file stands above those
// that it uses. Where files use each other, the fewest uses are taken for upward ones.
func TestRooms(t *testing.T) {
	loaded, err := packages.Load(&packages.Config{Mode: packages.NeedName | packages.NeedFiles | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedImports}, "./...")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%-28s %5s %6s %6s", "room", "files", "floors", "upward")
	for _, p := range loaded {
		name := cmp.Or(strings.TrimPrefix(strings.TrimPrefix(p.PkgPath, module), "/"), ".")
		if name == "ent" || strings.HasPrefix(name, "ent/") {
			continue // generated
		}
		uses, files := usesOf(p)
		floors, upward := stand(uses)
		t.Logf("%-28s %5d %6d %6d", name, files, floors, upward)
		if most := cmp.Or(larger[name], roomFiles); files > most {
			t.Errorf("%s has %d files, and may have %d; split it by what it tells", name, files, most)
		}
	}
}

// usesOf counts how often each hand-written file of a package uses what another one of it declares.
func usesOf(p *packages.Package) (uses map[string]map[string]int, files int) {
	uses = map[string]map[string]int{}
	for _, f := range p.Syntax {
		if !ast.IsGenerated(f) {
			uses[p.Fset.Position(f.FileStart).Filename] = map[string]int{}
		}
	}
	for id, o := range p.TypesInfo.Uses {
		if o.Pkg() != p.Types || o.Parent() != p.Types.Scope() && !isMethod(o) {
			continue
		}
		from, to := p.Fset.Position(id.Pos()).Filename, p.Fset.Position(o.Pos()).Filename
		if uses[from] != nil && uses[to] != nil && from != to {
			uses[from][to]++
		}
	}
	return uses, len(uses)
}

func isMethod(o types.Object) bool {
	f, ok := o.(*types.Func)
	return ok && f.Signature().Recv() != nil
}

// stand puts files above those that they use: again and again the one that is used least
// in comparison with what it uses comes next, from above.
func stand(uses map[string]map[string]int) (floors, upward int) {
	left := slices.Sorted(maps.Keys(uses))
	level := map[string]int{}
	var order []string
	for len(left) > 0 {
		next := slices.MinFunc(left, func(a, b string) int {
			return cmp.Or(cmp.Compare(weight(uses, left, a), weight(uses, left, b)), cmp.Compare(filepath.Base(a), filepath.Base(b)))
		})
		order = append(order, next)
		left = slices.DeleteFunc(left, func(f string) bool { return f == next })
	}
	for i, file := range slices.Backward(order) {
		for to, n := range uses[file] {
			if slices.Index(order, to) < i {
				upward += n
			} else {
				level[file] = max(level[file], level[to]+1)
			}
		}
		floors = max(floors, level[file]+1)
	}
	return floors, upward
}

// weight is how often a file is used by those that are left, less how often it uses them.
func weight(uses map[string]map[string]int, left []string, file string) int {
	n := 0
	for _, other := range left {
		n += uses[other][file] - uses[file][other]
	}
	return n
}
