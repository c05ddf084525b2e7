package python

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	slipway "github.com/slipway-dev/slipway"
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
	d.eachData(func(name string, at Evidence) { d.data(name, at, "data.found") })
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
func (d *detection) eachData(tell func(name string, at Evidence)) {
	for _, file := range d.sources() {
		text, ok := d.tree.read(file)
		if !ok || !strings.Contains(strings.ToLower(text), "sqlite") && !strings.Contains(text, "MEDIA_ROOT") && !strings.Contains(text, "UPLOAD_FOLDER") && !strings.Contains(text, "instance_path") {
			continue
		}
		m := d.module(file)
		if m == nil {
			continue
		}
		bases := moduleBases(m)
		for _, s := range m.all {
			for _, name := range d.dataIn(file, s, bases) {
				tell(name, Evidence{File: file, Line: s.line})
			}
		}
	}
}

// data adds a file, or a directory when its name ends with a slash.
func (d *detection) data(name string, at Evidence, rule string) {
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
	return d.tree.relative(string(at.Path))
}

// inTmp is a path below /tmp, or below /var/tmp, which is the same to a service.
func inTmp(name string) (below string, ok bool) {
	name = strings.TrimPrefix(path.Clean(name), "/var")
	below, ok = strings.CutPrefix(name, "/tmp/")
	return below, ok
}

// dataPath is a place inside the tree, or below /tmp; ok is false for the tree itself, and
// for what lies outside of both.
func (d *detection) dataPath(name string) (kept slipway.DataPath, ok bool) {
	clean := path.Clean(name)
	if below, tmp := inTmp(clean); tmp && !strings.ContainsAny(below, "*?<>|\"\n\x00") {
		return slipway.DataPath{Path: slipway.SourcePath(below), Directory: strings.HasSuffix(name, "/"), Tmp: true}, true
	}
	if clean == "." || path.IsAbs(clean) || strings.HasPrefix(clean, "..") || strings.ContainsAny(clean, "*?<>|\"\n\x00") {
		return kept, false
	}
	return slipway.DataPath{Path: slipway.SourcePath(d.tree.path(clean)), Directory: strings.HasSuffix(name, "/") || d.tree.isDir(clean)}, true
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
func (d *detection) dataIn(file string, s statement, bases map[string]int) (names []string) {
	for i, t := range s.tokens {
		switch {
		case uploads[t.text] && i+1 < len(s.tokens):
			k := i + 1
			for k < len(s.tokens) && (s.tokens[k].is("]") || s.tokens[k].is("=") || s.tokens[k].is(":")) {
				k++
			}
			if k == i+1 || s.tokens[k-1].is("]") {
				continue // it is read, not set
			}
			if p, ok := d.pathAt(file, s.tokens[k:], bases); ok {
				names = append(names, p+"/")
			}
		case t.is("instance_path") && !s.starts("def"):
			names = append(names, d.instanceDir()+"/")
		case t.kind == tokenString && t.text == "NAME" && i+2 < len(s.tokens) && s.tokens[i+1].is(":"):
			if p, ok := d.djangoName(file, s.tokens, i, bases); ok {
				names = append(names, p)
			}
		case t.kind == tokenString && !t.bytes:
			if p, ok := d.database(file, s.tokens, i, bases); ok {
				names = append(names, p)
			}
		}
	}
	return names
}

// database reads the string at i as the place of an SQLite database.
func (d *detection) database(file string, tokens []token, i int, bases map[string]int) (string, bool) {
	text := tokens[i].text
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
	if _, ok := inTmp(text); ok && tokens[i].plain && databaseFile.MatchString(base) {
		return text, true
	}
	if !tokens[i].plain || !databaseFile.MatchString(base) || strings.Contains(text, "://") || moduleOf.MatchString(text) || path.IsAbs(text) || base == text && i > 0 && tokens[i-1].is("import") {
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
	if _, ok := inTmp(rest); ok && !strings.ContainsAny(rest, "{%") {
		return rest, true
	}
	if rest == "" || strings.HasPrefix(rest, "/") || strings.HasPrefix(rest, ":") || strings.ContainsAny(rest, "{%$") {
		return "", false // in memory, elsewhere, or its name follows
	}
	if _, ok := d.deps.has("flask-sqlalchemy"); ok {
		return d.instanceDir() + "/", true // Flask-SQLAlchemy 3 resolves it there
	}
	return path.Join(d.workDir(), rest), true
}

// djangoName reads the value of NAME at i, where Django's settings say that it is of
// SQLite: its file is called as anybody likes.
func (d *detection) djangoName(file string, tokens []token, i int, bases map[string]int) (string, bool) {
	from, depth := i, 0
	for ; from >= 0 && depth >= 0; from-- {
		switch {
		case tokens[from].closes():
			depth++
		case tokens[from].opens():
			depth--
		}
	}
	sqlite, end, depth := false, 0, 0
	for k := from + 2; k < len(tokens) && depth >= 0; k++ {
		switch t := tokens[k]; {
		case t.opens():
			depth++
		case t.closes():
			depth--
		case t.kind == tokenString && strings.HasSuffix(t.text, ".sqlite3") && strings.Contains(t.text, "backends"):
			sqlite = true
		}
		if end == 0 && k > i && (depth == 0 && tokens[k].is(",") || depth < 0) {
			end = k
		}
	}
	if !sqlite || end <= i+2 {
		return "", false
	}
	value, texts, computed := tokens[i+2:end], 0, false
	for _, t := range value {
		if t.kind == tokenString {
			texts++
		}
		computed = computed || t.is("environ") || t.is("getenv") || t.is("env") || t.is("config")
		if t.kind == tokenString && strings.ContainsAny(t.text, ":/") && !databaseFile.MatchString(path.Base(t.text)) {
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
func around(tokens []token, i int) []token {
	from, comma, depth := i, -1, 0
	for from > 0 {
		t := tokens[from-1]
		switch {
		case t.closes():
			depth++
		case t.opens() && depth > 0:
			depth--
		case t.is(",") && depth == 0 && comma < 0:
			comma = from
		case comma >= 0 && (t.is("[") || t.is("{") || t.is("(") && (from == 1 || tokens[from-2].kind != tokenName)):
			return tokens[comma : i+1]
		}
		if t.is("=") || t.is(":") || t.is("{") || t.is("[") || t.is("return") || t.is("lambda") || t.is("+") && from > 1 && tokens[from-2].kind == tokenString {
			break
		}
		from--
	}
	return tokens[from : i+1]
}

// pathAt evaluates what code commonly writes for a path: strings joined by /,
// os.path.join or Path, below a name that is made of __file__, or below the
// directory that the process runs in.
func (d *detection) pathAt(file string, tokens []token, bases map[string]int) (string, bool) {
	up, based, fromEnv := 0, false, false
	var parts []string
	for _, t := range tokens {
		switch {
		case t.kind == tokenString:
			if !t.plain || strings.Contains(t.text, "://") {
				return "", false
			}
			parts = append(parts, t.text)
		case t.is("instance_path"):
			return path.Join(append([]string{d.instanceDir()}, parts...)...), true
		case t.is("__file__"):
			based = true
		case t.is("sep") && len(parts) == 0 && !based:
			return "", false // it begins at the root
		case t.is("root_path"): // of Flask and Quart: where the application's module lies
			up, based = up+1, true
		case t.is("parent"), t.is("dirname"):
			up++
		case t.is("environ"), t.is("getenv"), t.is("env"), t.is("config"), t.is("get"):
			fromEnv = true
		case t.kind == tokenName:
			if n, ok := bases[t.text]; ok {
				up, based = up+n, true
			}
		}
	}
	if fromEnv && len(parts) > 0 {
		parts = parts[len(parts)-1:] // the first is the variable's name
	}
	if len(parts) > 0 && !based {
		if whole := path.Join(parts...); strings.HasPrefix(parts[0], "/") && !strings.ContainsAny(whole, "{}%\n\x00") {
			if _, ok := inTmp(whole); ok {
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
func moduleBases(m *module) map[string]int {
	bases := map[string]int{}
	for _, s := range m.all {
		if len(s.tokens) < 3 || s.tokens[0].kind != tokenName || !s.tokens[1].is("=") {
			continue
		}
		up, based := 0, false
		for i, t := range s.tokens[2:] {
			switch {
			case t.is("__file__"):
				based = true
			case t.is("parent"), t.is("dirname"):
				up++
			case t.is("parents") && i+4 < len(s.tokens) && s.tokens[i+4].kind == tokenNumber:
				up += int(s.tokens[i+4].text[0]-'0') + 1
			case t.kind == tokenString && t.text == "..":
				up++
			case t.kind == tokenString:
				based = false
			default:
				if n, ok := bases[t.text]; ok {
					up, based = up+n, true
				}
			}
		}
		if based {
			bases[s.tokens[0].text] = up
		}
	}
	return bases
}

// instanceDir is Flask's instance directory: beside the application's module or
// package.
func (d *detection) instanceDir() string {
	if app := d.project.Application; app != nil {
		return path.Join(d.tree.below(app.Dir), "instance")
	}
	return "instance"
}
