package python

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	slipway "github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python/stated"
	"github.com/slipway-dev/slipway/python/syntax"
	"github.com/slipway-dev/slipway/python/tree"
)

// maxData bounds how many files and directories are found to be data.
const maxData = 20

var (
	// sqliteURL is a database URL as SQLAlchemy, dj-database-url, Tortoise and
	// peewee write it: three slashes before a relative file, four before an
	// absolute one (Tortoise: two and three, which reads alike here).
	sqliteURL = regexp.MustCompile(`^sqlite(?:\+[a-z0-9_]+)?:///?(.*)$`)
	// databaseFile is what people call the file of an SQLite database.
	databaseFile = regexp.MustCompile(`^[\w@][\w.@ -]*\.(?:sqlite3?|db3?)$`)
	// moduleOf is a dotted name of code that ends like one.
	moduleOf = regexp.MustCompile(`\bbackends?\.\w+$`)
	// uploads are the settings of Django and Flask that name a directory for what
	// users send.
	uploads = map[string]bool{"MEDIA_ROOT": true, "UPLOAD_FOLDER": true}
)

// planData settles which files and directories of the project's own tree, and of its
// /tmp, a service writes to and wants to find again: SQLite databases, uploads, Flask's
// instance directory. Slipway keeps them across deploys.
func (d *detection) planData() {
	if d.config != nil && d.config.Data != nil {
		at := d.stated("data")
		for _, name := range d.config.Data {
			d.data(name, at.Evidence, "data."+at.rule)
		}
		return
	}
	d.eachData(func(name string, at tree.Evidence) { d.data(name, at, "data.found") })
	if d.config != nil { // what code is given, as by what an example of variables says
		for _, variable := range slices.Sorted(maps.Keys(d.config.Env)) {
			if name, ok := d.databaseURL(d.config.Env[variable]); ok {
				at := d.stated("env", variable)
				d.data(name, at.Evidence, "data."+at.rule)
			}
		}
	}
	var all []string
	for _, at := range d.project.Data {
		name := d.nameOf(at)
		if at.Directory {
			name += "/"
		}
		all = append(all, name)
	}
	for _, at := range d.project.Data {
		where := "inside the project"
		if at.Tmp {
			where = "to a /tmp, which is each release's own"
		}
		d.warn(Problem{
			Code: "data.inside", Message: at.String() + " is written " + where + "; Slipway keeps it across deploys, on one machine, and old and new release share it while one takes over",
			Remedy: "use a database server for what matters; if other files stay, say which: " + d.stating("data", "["+strings.Join(all, ", ")+"]"),
		})
		break // one sentence is enough
	}
}

// eachData tells of every place inside the tree, or below /tmp, that the code writes data to.
func (d *detection) eachData(tell func(name string, at tree.Evidence)) {
	for _, file := range d.sources() {
		text, ok := d.tree.Read(file)
		if !ok || !strings.Contains(strings.ToLower(text), "sqlite") && !strings.Contains(text, "MEDIA_ROOT") && !strings.Contains(text, "UPLOAD_FOLDER") && !strings.Contains(text, "instance_path") {
			continue
		}
		m := d.module(file)
		if m == nil {
			continue
		}
		bases := moduleBases(m)
		for _, s := range m.All {
			for _, name := range d.dataIn(file, s, bases) {
				tell(name, tree.Evidence{File: file, Line: s.Line})
			}
		}
	}
}

// data adds a file, or a directory when its name ends with a slash.
func (d *detection) data(name string, at tree.Evidence, rule string) {
	kept, ok := d.dataPath(name)
	if with, added := withData(d.project.Data, kept); ok && added {
		d.project.Data = with
		d.find(Finding{What: "data", Value: kept.String(), File: at.File, Line: at.Line, Rule: rule})
	}
}

// nameOf is the path as the service's owners state it.
func (d *detection) nameOf(at slipway.DataPath) string {
	if at.Tmp {
		return at.String()
	}
	return d.tree.Relative(string(at.Path))
}

// dataPath is a place inside the tree, or below /tmp; ok is false for the tree itself, and
// for what lies outside of both.
func (d *detection) dataPath(name string) (kept slipway.DataPath, ok bool) {
	clean := path.Clean(name)
	if below, tmp := stated.InTmp(clean); tmp && !strings.ContainsAny(below, "*?<>|\"\n\x00") {
		return slipway.DataPath{Path: slipway.SourcePath(below), Directory: strings.HasSuffix(name, "/"), Tmp: true}, true
	}
	if clean == "." || path.IsAbs(clean) || strings.HasPrefix(clean, "..") || strings.ContainsAny(clean, "*?<>|\"\n\x00") {
		return kept, false
	}
	return slipway.DataPath{Path: slipway.SourcePath(d.tree.Path(clean)), Directory: strings.HasSuffix(name, "/") || d.tree.IsDir(clean)}, true
}

// withData is the list with one more place, without those that lie in it; added is false
// when the place lies in one of the list, or the list is full.
func withData(list []slipway.DataPath, kept slipway.DataPath) (with []slipway.DataPath, added bool) {
	for _, other := range list {
		switch {
		case other.Tmp != kept.Tmp:
		case other.Path == kept.Path || strings.HasPrefix(string(kept.Path), string(other.Path)+"/"):
			return list, false // it lies there, or can't, where that is a file
		case strings.HasPrefix(string(other.Path), string(kept.Path)+"/"):
			continue
		}
		with = append(with, other)
	}
	if len(with) >= maxData {
		return list, false
	}
	return append(with, kept), true
}

// dataIn are the paths that a statement says data is written to, relative to the
// service's directory.
func (d *detection) dataIn(file string, s syntax.Statement, bases map[string]int) (names []string) {
	for i, t := range s.Tokens {
		switch {
		case uploads[t.Text] && i+1 < len(s.Tokens):
			k := i + 1
			for k < len(s.Tokens) && (s.Tokens[k].Is("]") || s.Tokens[k].Is("=") || s.Tokens[k].Is(":")) {
				k++
			}
			if k == i+1 || s.Tokens[k-1].Is("]") {
				continue // it is read, not set
			}
			if p, ok := d.pathAt(file, s.Tokens[k:], bases); ok {
				names = append(names, p+"/")
			}
		case t.Is("instance_path") && !s.Starts("def"):
			names = append(names, d.instanceDir()+"/")
		case t.Kind == syntax.TokenString && t.Text == "NAME" && i+2 < len(s.Tokens) && s.Tokens[i+1].Is(":"):
			if p, ok := d.djangoName(file, s.Tokens, i, bases); ok {
				names = append(names, p)
			}
		case t.Kind == syntax.TokenString && !t.Bytes:
			if p, ok := d.database(file, s.Tokens, i, bases); ok {
				names = append(names, p)
			}
		}
	}
	return names
}

// database reads the string at i as the place of an SQLite database.
func (d *detection) database(file string, tokens []syntax.Token, i int, bases map[string]int) (string, bool) {
	text := tokens[i].Text
	if m := sqliteURL.FindStringSubmatch(text); m != nil {
		rest, _, _ := strings.Cut(m[1], "?")
		if base, below, ok := strings.Cut(rest, "}/"); ok && strings.HasPrefix(base, "{") { // an f-string
			if up, known := bases[strings.TrimPrefix(base, "{")]; known && !strings.Contains(below, "{") {
				return d.above(file, up, below)
			}
			return "", false
		}
		return d.databaseURL(text)
	}
	base := path.Base(text)
	if _, ok := stated.InTmp(text); ok && tokens[i].Plain && databaseFile.MatchString(base) {
		return text, true
	}
	if !tokens[i].Plain || !databaseFile.MatchString(base) || strings.Contains(text, "://") || moduleOf.MatchString(text) || path.IsAbs(text) || base == text && i > 0 && tokens[i-1].Is("import") {
		return "", false
	}
	return d.pathAt(file, around(tokens, i), bases)
}

// databaseURL is where a URL of an SQLite database puts its file.
func (d *detection) databaseURL(text string) (string, bool) {
	m := sqliteURL.FindStringSubmatch(text)
	if m == nil {
		return "", false
	}
	rest, _, _ := strings.Cut(m[1], "?")
	if _, ok := stated.InTmp(rest); ok && !strings.ContainsAny(rest, "{%") {
		return rest, true
	}
	if rest == "" || strings.HasPrefix(rest, "/") || strings.HasPrefix(rest, ":") || strings.ContainsAny(rest, "{%$") {
		return "", false // in memory, elsewhere, or its name follows
	}
	if _, ok := d.deps.Has("flask-sqlalchemy"); ok {
		return d.instanceDir() + "/", true // Flask-SQLAlchemy 3 resolves it there
	}
	return path.Join(d.workDir(), rest), true
}

// djangoName reads the value of NAME at i, where Django's settings say that it is of
// SQLite: its file is called as anybody likes.
func (d *detection) djangoName(file string, tokens []syntax.Token, i int, bases map[string]int) (string, bool) {
	from, depth := i, 0
	for ; from >= 0 && depth >= 0; from-- {
		switch {
		case tokens[from].Closes():
			depth++
		case tokens[from].Opens():
			depth--
		}
	}
	sqlite, end, depth := false, 0, 0
	for k := from + 2; k < len(tokens) && depth >= 0; k++ {
		switch t := tokens[k]; {
		case t.Opens():
			depth++
		case t.Closes():
			depth--
		case t.Kind == syntax.TokenString && strings.HasSuffix(t.Text, ".sqlite3") && strings.Contains(t.Text, "backends"):
			sqlite = true
		}
		if end == 0 && k > i && (depth == 0 && tokens[k].Is(",") || depth < 0) {
			end = k
		}
	}
	if !sqlite || end <= i+2 {
		return "", false
	}
	value, texts, computed := tokens[i+2:end], 0, false
	for _, t := range value {
		if t.Kind == syntax.TokenString {
			texts++
		}
		computed = computed || t.Is("environ") || t.Is("getenv") || t.Is("env") || t.Is("config")
		if t.Kind == syntax.TokenString && strings.ContainsAny(t.Text, ":/") && !databaseFile.MatchString(path.Base(t.Text)) {
			return "", false // in memory, or elsewhere
		}
	}
	if computed && texts < 2 { // its name is the variable's
		return "", false
	}
	return d.pathAt(file, value, bases)
}

// around is the expression that a string is the end of: back to what can't be
// part of a path. Of a list it is the one item.
func around(tokens []syntax.Token, i int) []syntax.Token {
	from, comma, depth := i, -1, 0
	for from > 0 {
		t := tokens[from-1]
		switch {
		case t.Closes():
			depth++
		case t.Opens() && depth > 0:
			depth--
		case t.Is(",") && depth == 0 && comma < 0:
			comma = from
		case comma >= 0 && (t.Is("[") || t.Is("{") || t.Is("(") && (from == 1 || tokens[from-2].Kind != syntax.TokenName)):
			return tokens[comma : i+1]
		}
		if t.Is("=") || t.Is(":") || t.Is("{") || t.Is("[") || t.Is("return") || t.Is("lambda") || t.Is("+") && from > 1 && tokens[from-2].Kind == syntax.TokenString {
			break
		}
		from--
	}
	return tokens[from : i+1]
}

// pathAt evaluates what code commonly writes for a path: strings joined by /,
// os.path.join or Path, below a name that is made of __file__, or below the
// directory that the process runs in.
func (d *detection) pathAt(file string, tokens []syntax.Token, bases map[string]int) (string, bool) {
	up, based, fromEnv := 0, false, false
	var parts []string
	for _, t := range tokens {
		switch {
		case t.Kind == syntax.TokenString:
			if !t.Plain || strings.Contains(t.Text, "://") {
				return "", false
			}
			parts = append(parts, t.Text)
		case t.Is("instance_path"):
			return path.Join(append([]string{d.instanceDir()}, parts...)...), true
		case t.Is("__file__"):
			based = true
		case t.Is("sep") && len(parts) == 0 && !based:
			return "", false // it begins at the root
		case t.Is("root_path"): // of Flask and Quart: where the application's module lies
			up, based = up+1, true
		case t.Is("parent"), t.Is("dirname"):
			up++
		case t.Is("environ"), t.Is("getenv"), t.Is("env"), t.Is("config"), t.Is("get"):
			fromEnv = true
		case t.Kind == syntax.TokenName:
			if n, ok := bases[t.Text]; ok {
				up, based = up+n, true
			}
		}
	}
	if fromEnv && len(parts) > 0 {
		parts = parts[len(parts)-1:] // the first is the variable's name
	}
	if len(parts) > 0 && !based {
		if whole := path.Join(parts...); strings.HasPrefix(parts[0], "/") && !strings.ContainsAny(whole, "{}%\n\x00") {
			if _, ok := stated.InTmp(whole); ok {
				return whole, true
			}
		}
	}
	for _, p := range parts {
		if p == "" || path.IsAbs(p) || strings.ContainsAny(p, "{}%\n\x00") {
			return "", false
		}
	}
	if len(parts) == 0 {
		return "", false
	}
	below := path.Join(parts...)
	if !based {
		return path.Join(d.workDir(), below), true
	}
	return d.above(file, up, below)
}

// above is a path below the directory that lies up levels above a file; one level
// is the file's own directory.
func (d *detection) above(file string, up int, below string) (string, bool) {
	dir := file
	for range up {
		if dir == "." {
			return "", false
		}
		dir = path.Dir(dir)
	}
	p := path.Join(dir, below)
	return p, !strings.HasPrefix(p, "..")
}

// moduleBases are the names of a module that stand for a directory, with how many
// levels it lies above the file.
func moduleBases(m *syntax.Module) map[string]int {
	bases := map[string]int{}
	for _, s := range m.All {
		if len(s.Tokens) < 3 || s.Tokens[0].Kind != syntax.TokenName || !s.Tokens[1].Is("=") {
			continue
		}
		up, based := 0, false
		for i, t := range s.Tokens[2:] {
			switch {
			case t.Is("__file__"):
				based = true
			case t.Is("parent"), t.Is("dirname"):
				up++
			case t.Is("parents") && i+4 < len(s.Tokens) && s.Tokens[i+4].Kind == syntax.TokenNumber:
				up += int(s.Tokens[i+4].Text[0]-'0') + 1
			case t.Kind == syntax.TokenString && t.Text == "..":
				up++
			case t.Kind == syntax.TokenString:
				based = false
			default:
				if n, ok := bases[t.Text]; ok {
					up, based = up+n, true
				}
			}
		}
		if based {
			bases[s.Tokens[0].Text] = up
		}
	}
	return bases
}

// instanceDir is Flask's instance directory: beside the application's module or
// package.
func (d *detection) instanceDir() string {
	if app := d.project.Application; app != nil {
		return path.Join(d.tree.Below(app.Dir), "instance")
	}
	return "instance"
}
