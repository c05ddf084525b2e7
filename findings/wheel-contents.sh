#!/bin/sh
# One package, and three sets of files in the wheel, by the backend that builds it.
#
# A package with a template, and with a script that a front end's build has made and
# .gitignore names. flit, pdm-backend and uv_build pack both. hatchling and poetry-core
# leave out what git ignores, so that a site built just before has no styles. setuptools,
# with no settings of its own, leaves out both: neither is a module.
# Seen with setuptools 80.9.0, hatchling 1.28.0, poetry-core 2.2.1, flit_core 3.12.0,
# pdm-backend 2.4.6, uv_build 0.9.13, build 1.3.0.
set -eu
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
python3 -m venv v && v/bin/pip install -q build==1.3.0
mkdir -p p/shop/templates p/shop/dist && cd p
touch shop/__init__.py && echo '<p>' >shop/templates/page.html && echo 'js' >shop/dist/app.js && echo 'dist/' >.gitignore
git init -q . && git add -A && git -c user.name=a -c user.email=a@example.com commit -qm a
cd .. && status=0
check() { # backend, its requirement, what is in the wheel beside __init__.py
    rm -rf q && cp -r p q
    printf '[build-system]\nrequires = ["%s"]\nbuild-backend = "%s"\n[project]\nname = "shop"\nversion = "1"\ndescription = "a shop"\n[tool.uv.build-backend]\nmodule-root = ""\n' "$2" "$1" >q/pyproject.toml
    v/bin/python -m build -w -o "out-$1" q >log 2>&1 || { cat log; exit 1; }
    seen=$(v/bin/python -m zipfile -l "out-$1"/*.whl | sed -n -E 's,^shop/(templates/page.html|dist/app.js) .*,\1,p' | sort | paste -sd' ' -)
    echo "$2: $seen"
    [ "$seen" = "$3" ] || status=1
}
check flit_core.buildapi flit_core==3.12.0 "dist/app.js templates/page.html"
check pdm.backend pdm-backend==2.4.6 "dist/app.js templates/page.html"
check uv_build uv_build==0.9.13 "dist/app.js templates/page.html"
check hatchling.build hatchling==1.28.0 "templates/page.html"
check poetry.core.masonry.api poetry-core==2.2.1 "templates/page.html"
check setuptools.build_meta setuptools==80.9.0 ""
exit $status
