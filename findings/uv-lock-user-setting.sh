#!/bin/sh
# A setting of one person's own uv makes a project's uv.lock stale for everybody else.
#
# exclude-newer in ~/.config/uv/uv.toml, which is for resolving, is written into the uv.lock
# of each project that is locked there. Where that setting isn't, as in CI, "uv sync
# --locked" refuses the lock, although "uv lock" then changes nothing but those lines: no
# package is another. It is refused the other way round as well: whoever has the setting
# can't install a lock that was made without it. --frozen installs both. A span ("2 days")
# stands in the lock as exclude-newer-span, beside an exclude-newer of the year 1.
# Seen with uv 0.13.9.
set -eu
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
python3 -m venv v && v/bin/pip install -q uv==0.13.9
mkdir -p shop hers/uv none && cd shop
printf '[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.9"\ndependencies = ["idna==3.10"]\n' >pyproject.toml
echo 'exclude-newer = "2 days"' >../hers/uv/uv.toml
as() { who=$1 && shift && env XDG_CONFIG_HOME="$dir/$who" "$dir/v/bin/uv" "$@" 2>&1; }

as hers lock >/dev/null
sed -n '/^\[options\]/,/^$/p' uv.lock
cp uv.lock locked-by-her
if as none sync --locked >said; then echo "it is taken now" && exit 1; fi
cat said
grep -q "removal of global exclude newer" said
as none sync --frozen >/dev/null && echo "--frozen installs it"

as none lock >/dev/null
sed '/^\[options\]/,/^$/d' locked-by-her | diff - uv.lock && echo "no package is another"
if as hers sync --locked >said; then echo "the other way round it is taken now" && exit 1; fi
cat said
grep -q "addition of global exclude newer" said
