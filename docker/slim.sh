#!/bin/sh
# Leave out of the virtual environment $1 what nothing reads at run time, let it import from the
# program folder $2, and byte-compile it: a read-only root cannot do that later.
set -eu
venv=$1 program=$2
site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')

# setuptools stays: sagemaker-inference imports pkg_resources, smdebug distutils.
"$venv/bin/python" -m pip --disable-pip-version-check uninstall --quiet --yes pip
# Two packages install their own tests under these names, on top of everybody's import path.
rm -rf "$site/test" "$site/tests"
# The large ones among the packages' own tests (100 MB); numpy.testing reads numpy/_core/tests.
for package in networkx numpy scipy sympy; do
    find "$site/$package" -depth -type d -name tests ! -path '*/numpy/_core/tests' \
        -exec rm -rf {} +
done
rm -rf "$site"/torch/test "$site"/torch/bin/test_* "$site"/torch/bin/*Test
# For compiling against, and there is no compiler.
rm -rf "$site/torch/include" "$site/torch/share/cmake"
find "$site" -name '*.a' -delete

# multi-model-server unpacks its native library into /tmp, where a container often may not execute.
"$venv/bin/python" - "$site/mms/frontend" <<'EOF'
import pathlib, sys, zipfile

frontend = pathlib.Path(sys.argv[1])
(frontend / "native").mkdir()
jar = zipfile.ZipFile(frontend / "model-server.jar")
for name in jar.namelist():
    if name.startswith("META-INF/native/") and name.endswith(".so"):
        (frontend / "native" / pathlib.Path(name).name).write_bytes(jar.read(name))
EOF

echo "$program" >"$site/imageclf.pth"
# torch's test tools hold files in the syntax of newer Pythons; nothing imports them.
"$venv/bin/python" -m compileall -q -j 0 --invalidation-mode unchecked-hash \
    -x '/torch/testing/_internal/' "$site"
