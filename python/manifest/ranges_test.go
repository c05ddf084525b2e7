package manifest

import "testing"

// TestSpecifiersThatAdmitTheSame: uv compares versions as sets, and of
// requires-python only the ends.
func TestSpecifiersThatAdmitTheSame(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"~=3.0", ">=3,<4", true}, {">=3.0,==3.*", ">=3,<4", true}, {"==3.4", "==3.4.0", true}, {">=3,>=3.4", ">=3.4", true}, {">=1,<3", "<3.0,>=1.0", true},
		{">=3,!=3.5", ">=3,!=3.5.0", true}, {"~=3.0.0", "~=3.0", false}, {">=3,<4.0a1", ">=3,<4", false}, {"==3.*", "==3.4.*", false}, {">=3", ">3", false}, {"===3.4", "==3.4", false},
	} {
		if got := VersionsKey(c.a) == VersionsKey(c.b); got != c.same {
			t.Errorf("%s and %s: same is %v, want %v", c.a, c.b, got, c.same)
		}
	}
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{">=3.12,<3.13", "==3.12.*", true}, {"~=3.12.0", "==3.12.*", true}, {"~=3.12", ">=3.12,<4", true}, {">=3.11,!=3.11.*", ">=3.12", true}, {">=3.11,!=3.12.*", ">=3.11", true},
		{">=3.11.0rc1", ">=3.11", true}, {">=3.11,<3.14,!=3.13.*", ">=3.11,<3.13", true}, {">=3.11,<4", ">=3.11", false}, {"~=3.11.2", ">=3.11,<3.12", false},
	} {
		a, _ := ReleasesOnly(c.a)
		b, _ := ReleasesOnly(c.b)
		left, right := VersionSet{a.Bounds()}, VersionSet{b.Bounds()}
		if got := left.String() == right.String(); got != c.same {
			t.Errorf("requires-python %s and %s: same is %v, want %v (%s, %s)", c.a, c.b, got, c.same, left, right)
		}
	}
}

// TestMarkersThatHoldInTheSamePlaces compares markers as uv does: by what they
// mean on the Pythons that the project is for.
func TestMarkersThatHoldInTheSamePlaces(t *testing.T) {
	pythons, _ := ParseSpecifiers(">=3.11")
	for _, c := range []struct {
		a, b        string
		same, known bool
	}{
		{"python_version < '3.13'", `python_full_version < "3.13"`, true, true},
		{"python_version >= '3.8'", "", true, true},
		{"python_version >= '3.12'", "", false, true},
		{"'3.13' > python_version", "python_version < '3.13'", true, true},
		{"python_version in '3.11 3.12'", "python_full_version >= '3.11' and python_full_version < '3.13'", true, true},
		{"platform_system == 'Linux'", "sys_platform == 'linux'", true, true},
		{"sys_platform == 'linux' or sys_platform == 'darwin'", "sys_platform == 'darwin' or sys_platform == 'linux'", true, true},
		{"os_name != 'nt' or sys_platform == 'linux'", "os_name != 'nt'", true, true},
		{"extra == 'A_b'", "extra == 'a-b'", true, true},
		{"(sys_platform == 'linux' or python_version < '3.12') and extra == 'x'", "(python_full_version < '3.12' or sys_platform == 'linux') and extra == 'x'", true, true},
		{"sys_platform == 'linux'", "sys_platform != 'win32'", false, true},
		{"platform_release >= '6'", "platform_release < '6'", false, false},
		{"nonsense", "", false, false},
	} {
		if same, known := SameMarker(c.a, c.b, pythons); same != c.same || known != c.known {
			t.Errorf("%q and %q: %v %v, want %v %v", c.a, c.b, same, known, c.same, c.known)
		}
	}
}
