# Which compose: docker-compose 1.29 and `docker compose` v2, whichever are there. Sourced by `run`.

tools=()

find_tools() {
    if command -v docker-compose >/dev/null && docker-compose version --short 2>/dev/null | grep -q '^1\.'; then
        tools+=(docker-compose)
    fi
    if docker compose version >/dev/null 2>&1; then
        tools+=("docker compose")
    elif unpack_v2; then
        tools+=("$cache/v2/usr/libexec/docker/cli-plugins/docker-compose")
    fi
}

# Debian 12 packages only 1.29. Its successor packages v2, which runs here too: unpacked under target/, not installed.
unpack_v2() {
    local apt=$cache/apt
    if [ -x "$cache/v2/usr/libexec/docker/cli-plugins/docker-compose" ]; then return; fi
    if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then return 1; fi
    local mirror
    mirror=$(debian_mirror) || return 1
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >"$apt/sources.list"
    local options=(-qq -o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=root)
    apt-get "${options[@]}" update >/dev/null || return 1
    (cd "$apt" && apt-get "${options[@]}" download docker-compose >/dev/null) || return 1
    dpkg-deb --extract "$apt"/docker-compose_2*.deb "$cache/v2" || return 1
    rm -rf "$apt"
}

# The mirror that this machine's apt uses; a machine without one has no way to the package either.
debian_mirror() {
    apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Codename: bookworm' 2>/dev/null | head -n 1 | grep .
}

use_tool() {
    read -ra tool <<<"$1"
    echo "== $1: $("${tool[@]}" version --short)"
}

# compose, with the test's own additions; all profiles unless the caller names one.
compose() {
    COMPOSE_PROFILES=${COMPOSE_PROFILES:-laptop,cloud,pi} COMPOSE_PROJECT_NAME=$project \
        "${tool[@]}" --ansi never --file compose.yml --file tests/compose/override.yml "$@"
}

# The file as a person has it: valid for each choice of profiles, and nothing to complain about.
check_file() {
    local profiles complaint
    for profiles in laptop cloud pi cloud,pi laptop,cloud,pi; do
        complaint=$(COMPOSE_PROFILES=$profiles "${tool[@]}" --file compose.yml config --quiet 2>&1) || {
            printf '%s\n' "$complaint" >&2
            return 1
        }
        if [ -n "$complaint" ]; then
            printf 'compose.yml with %s: %s\n' "$profiles" "$complaint" >&2
            return 1
        fi
    done
    echo "compose.yml is valid, each profile alone and all together"
}
