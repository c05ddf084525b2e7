package python

import (
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/python/lock"
	"github.com/slipway-dev/slipway/python/manifest"
)

// systemNeeds are libraries and headers that a distribution wants from the
// machine when no wheel fits. The Debian packages are what to install.
var systemNeeds = map[string]string{
	"mysqlclient":   "MySQL client headers (Debian: default-libmysqlclient-dev)",
	"python-ldap":   "OpenLDAP and SASL headers (Debian: libldap2-dev libsasl2-dev)",
	"uwsgi":         "a C compiler and Python headers (Debian: build-essential python3-dev)",
	"gdal":          "the GDAL library and gdal-config (Debian: libgdal-dev)",
	"fiona":         "the GDAL library when no wheel fits (Debian: libgdal-dev)",
	"pysqlite3":     "SQLite headers (Debian: libsqlite3-dev)",
	"psycopg2":      "PostgreSQL client headers and pg_config (Debian: libpq-dev); psycopg2-binary needs none",
	"psycopg-c":     "PostgreSQL client headers and pg_config (Debian: libpq-dev)",
	"pyodbc":        "an ODBC driver manager (Debian: unixodbc)",
	"xmlsec":        "XML Security Library headers (Debian: libxmlsec1-dev pkg-config)",
	"python3-saml":  "XML Security Library, through xmlsec (Debian: libxmlsec1-dev pkg-config)",
	"pycairo":       "Cairo headers (Debian: libcairo2-dev pkg-config)",
	"weasyprint":    "Pango at run time (Debian: libpango-1.0-0 libpangoft2-1.0-0)",
	"python-magic":  "libmagic at run time (Debian: libmagic1)",
	"pygraphviz":    "Graphviz headers (Debian: libgraphviz-dev)",
	"graphviz":      "the dot program at run time (Debian: graphviz)",
	"pdf2image":     "Poppler's programs at run time (Debian: poppler-utils)",
	"pytesseract":   "the tesseract program at run time (Debian: tesseract-ocr)",
	"pydub":         "the ffmpeg program at run time (Debian: ffmpeg)",
	"ffmpeg-python": "the ffmpeg program at run time (Debian: ffmpeg)",
	"pyaudio":       "PortAudio headers (Debian: portaudio19-dev)",
	"pycurl":        "libcurl headers (Debian: libcurl4-openssl-dev libssl-dev)",
	"gssapi":        "Kerberos headers (Debian: libkrb5-dev)",
	"kerberos":      "Kerberos headers (Debian: libkrb5-dev)",
	"dbus-python":   "D-Bus headers (Debian: libdbus-1-dev)",
	"python-snappy": "Snappy headers (Debian: libsnappy-dev)",
	"pygobject":     "GObject introspection headers (Debian: libgirepository1.0-dev)",
	"cx-oracle":     "Oracle Instant Client at run time",
	"wand":          "ImageMagick at run time (Debian: libmagickwand-dev)",
	"pyzbar":        "zbar at run time (Debian: libzbar0)",
	"opencv-python": "OpenGL at run time (Debian: libgl1); opencv-python-headless needs none",
	"playwright":    "a browser (playwright install --with-deps)",
	"pyrasterio":    "the GDAL library (Debian: libgdal-dev)",
	"m2crypto":      "OpenSSL headers and SWIG (Debian: libssl-dev swig)",
	"pymssql":       "FreeTDS headers when no wheel fits (Debian: freetds-dev)",
}

// detectSystem lists what the declared and the locked production packages
// want of the machine.
func (d *detection) detectSystem() {
	names := []string{}
	for _, dep := range d.deps.Production {
		names = append(names, dep.Name)
		if dep.Name == "psycopg" && slices.Contains(dep.Extras, "c") {
			names = append(names, "psycopg-c")
		}
	}
	for _, n := range manifest.SortedUnique(names) {
		needs, ok := systemNeeds[n]
		if !ok || d.hasWheel(n) {
			continue
		}
		d.project.System = append(d.project.System, SystemNeed{Package: n, Needs: needs})
	}
}

// hasWheel says that the lock holds a Linux wheel for n on the chosen Python
// and that n only needs the machine when it is compiled.
func (d *detection) hasWheel(n string) bool {
	if strings.Contains(systemNeeds[n], "run time") {
		return false
	}
	v, ok := manifest.ParseVersion(d.project.Python.Version)
	if !ok {
		return false
	}
	for _, p := range d.locked {
		for _, w := range p.Wheels {
			if p.Name == n && lock.WheelFits(w, v.At(1)) {
				return true
			}
		}
	}
	return false
}
