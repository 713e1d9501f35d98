# The base images that the Dockerfile names: those that are there, else pulled, else made from Debian's own packages, because a
# registry of images is not reachable from everywhere. Sourced by `run`.

made_images=()

base_images() {
    local tag
    while read -r tag; do
        if docker image inspect "$tag" >/dev/null 2>&1; then
            echo "$tag: there"
        elif [ "$engine" = found ] && docker pull --quiet "$tag" >/dev/null 2>&1; then
            echo "$tag: pulled"
        else
            echo "$tag: made with debootstrap"
            make_image "$tag"
            made_images+=("$tag")
        fi
    done < <(sed -n 's/^FROM \([^ ]*:[^ ]*\).*/\1/p' Dockerfile | sort -u)
}

make_image() {
    case $1 in
        rust:*) make_rust "$1" "${1##*-}" ;;
        debian:*) suite=${1#debian:}; make_debian "$1" "${suite%-slim}" ;;
        *) echo "no recipe for the base image $1" >&2; return 1 ;;
    esac
}

# make_debian TAG SUITE
make_debian() {
    local root=$scratch/debian
    bootstrap "$root" "$2" ca-certificates
    tar -C "$root" -c . | docker import --change 'CMD ["bash"]' - "$1" >/dev/null
    rm -rf --one-file-system "$root"
}

# make_rust TAG SUITE: this machine's toolchain and its downloaded crates on a Debian that can link.
make_rust() {
    local root=$scratch/rust toolchain
    toolchain=$(rustc --print sysroot)
    bootstrap "$root" "$2" ca-certificates,gcc,libc6-dev
    mkdir -p "$root/opt/rust" "$root/usr/local/cargo/registry"
    tar -C "$toolchain" --exclude=./share --exclude=./lib/rustlib/src -c bin lib | tar -C "$root/opt/rust" -x
    local crates=${CARGO_HOME:-$HOME/.cargo} part
    for part in registry/index registry/cache config.toml; do
        if [ -e "$crates/$part" ]; then cp -a "$crates/$part" "$root/usr/local/cargo/$part"; fi
    done
    tar -C "$root" -c . | docker import --change 'CMD ["bash"]' --change 'ENV CARGO_HOME=/usr/local/cargo' \
        --change 'ENV PATH=/opt/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' - "$1" >/dev/null
    rm -rf --one-file-system "$root"
}

# bootstrap ROOT SUITE PACKAGES
bootstrap() {
    local log=$scratch/debootstrap.log
    if ! debootstrap --variant=minbase --include="$3" "$2" "$1" >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        return 1
    fi
    rm -rf "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/* "$1"/var/log/*.log \
        "$1"/usr/share/doc/* "$1"/usr/share/man/* "$1"/usr/share/locale/*
    # The build trusts whom this machine trusts: there may be a proxy with a certificate of its own in between.
    cp -L /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/ca-certificates.crt"
}

# Of an engine of our own only layers that no run will use again; a running engine of somebody else is left without our
# look-alikes of well-known tags.
remove_images() {
    case $engine in
        own) docker image prune --force ;;
        found) docker image rm --force "$image" "$image-dependencies" ${made_images[@]+"${made_images[@]}"} ;;
    esac >/dev/null 2>&1 || true
}
