# The story itself. Sourced by `run`.

tell_story() {
    local began=$SECONDS
    home=$(mktemp -d "$scratch/home.XXXXXX")
    mkdir "$home/documents" "$home/drive"
    # Root may give the folders to the image's user; anybody else runs the containers as themselves.
    if [ "$(id -u)" = 0 ]; then
        chown -R 1000:1000 "$home"
    else
        PUID=$(id -u) PGID=$(id -g)
        export PUID PGID
    fi
    # Nothing of the developer's git, and the drive's repositories belong to the image's user.
    export GIT_CONFIG_GLOBAL=$home/gitconfig GIT_CONFIG_NOSYSTEM=1
    printf '[safe]\n\tdirectory = *\n' >"$GIT_CONFIG_GLOBAL"
    export HEIRLOOM_IMAGE=$image HEIRLOOM_DOCUMENTS=$home/documents HEIRLOOM_DRIVE=$home/drive
    # Any free port, on loopback only; and no drive is plugged in during the test.
    export HEIRLOOM_S3_PORT=127.0.0.1: HEIRLOOM_WEB_PORT=127.0.0.1: HEIRLOOM_DRIVE_PROPAGATION=rprivate
    export HEIRLOOM_MIRROR_INTERVAL=5s HEIRLOOM_ARCHIVE_INTERVAL=5s
    build
    say "the laptop alone waits for its cloud"
    start laptop
    stays_up laptop
    say "the drive is prepared, cloud and pi start"
    compose run --rm -T pi drive init /mnt/drive 2>>"$scratch/up.log" || {
        cat "$scratch/up.log" >&2
        fail "the drive cannot be prepared"
    }
    start cloud
    start pi
    say "a letter is written on the laptop"
    write_letter
    until_ok "the letter arrives in the cloud" \
        compose exec -T cloud test -e "/srv/heirloom/live/alice/documents/letters/für Anna.md"
    compose exec -T cloud heirloom snapshot
    find_on_page
    find_in_clone
    find_on_drive
    local machine
    for machine in laptop cloud pi; do
        until_ok "$machine is healthy" healthy "$machine"
    done
    tear_down
    rm -rf "$home"
    say "told in $((SECONDS - began)) s"
}

say() { echo "   $*"; }

fail() {
    echo "   FAILED: $*" >&2
    exit 1
}

# The tagged stage keeps the compiled dependencies for the next run; both composes must then find them in one cache.
build() {
    export DOCKER_BUILDKIT=0 COMPOSE_DOCKER_CLI_BUILD=0
    local log=$scratch/build.log began=$SECONDS
    say "building the image"
    if ! {
        docker build --network host --target dependencies --tag "$image-dependencies" \
            --build-arg "CARGO_PROFILE=${HEIRLOOM_IMAGE_PROFILE:-release}" \
            --build-arg "http_proxy=${http_proxy:-}" --build-arg "https_proxy=${https_proxy:-}" \
            --build-arg "no_proxy=${no_proxy:-}" . && compose build
    } >"$log" 2>&1; then
        tail -n 60 "$log" >&2
        fail "the image does not build"
    fi
    say "built in $((SECONDS - began)) s, $(($(docker image inspect --format '{{.Size}}' "$image") / 1000000)) MB"
}

# With this machine's profile alone, as on a host of its own.
start() {
    COMPOSE_PROFILES=$1 compose up --detach --no-build >>"$scratch/up.log" 2>&1 || {
        cat "$scratch/up.log" >&2
        fail "$1 does not start"
    }
}

inspect() { docker inspect --format "$2" "$(compose ps --quiet "$1")"; }

stays_up() {
    sleep 5
    [ "$(inspect "$1" '{{.State.Status}} {{.RestartCount}}')" = "running 0" ] || fail "$1 does not stay up"
}

healthy() { [ "$(inspect "$1" '{{.State.Health.Status}}')" = healthy ]; }

# until_ok WHAT COMMAND…
until_ok() {
    local what=$1
    shift
    for _ in $(seq 90); do
        if "$@" >/dev/null 2>&1; then
            say "$what"
            return
        fi
        sleep 1
    done
    fail "not within 90 s: $what"
}

write_letter() {
    local letters=$home/documents/letters
    mkdir "$letters"
    printf '# Dear Anna\n\nwritten with %s\n' "$project" >"$letters/für Anna.md"
    ln -s 'für Anna.md' "$letters/latest"
    if [ "$(id -u)" = 0 ]; then chown -R -h 1000:1000 "$letters"; fi
}

# A value of the laptop's join file.
joined() {
    compose exec -T cloud cat /run/heirloom/laptop.join | sed -n "s/^$1: *[\"']\{0,1\}\([^\"']*\)[\"']\{0,1\}\r\{0,1\}$/\1/p"
}

find_on_page() {
    local web jar=$scratch/cookies page=$scratch/page
    web=http://$(compose port cloud 8080)
    curl --silent --show-error --fail --cookie-jar "$jar" --output /dev/null "$web/sign-in" \
        --data-urlencode "access_key_id=$(joined access_key_id)" \
        --data-urlencode "secret_access_key=$(joined secret_access_key)"
    curl --silent --show-error --fail --cookie "$jar" --output "$page" \
        "$web/alice/file/latest/documents/letters/f%C3%BCr%20Anna.md"
    grep -q "written with $project" "$page" || fail "the letter is not on its web page"
    # Without the cookie there is nothing to see.
    if curl --silent "$web/alice/file/latest/documents/letters/f%C3%BCr%20Anna.md" | grep -q "$project"; then
        fail "the letter is on the web page of a stranger"
    fi
    say "the letter is on the web page"
}

find_in_clone() {
    local clone=$home/clone web
    web=$(compose port cloud 8080)
    git clone --quiet \
        "http://$(joined access_key_id):$(joined secret_access_key)@$web/alice.git" "$clone"
    diff -r --no-dereference "$home/documents" "$clone/documents"
    say "a clone holds the same"
}

find_on_drive() {
    until_ok "the drive holds the same files" diff -r --no-dereference "$home/documents" "$home/drive/files/alice/documents"
    until_ok "the drive holds the same history" same_history "$home/clone" "$home/drive/archives/alice.git"
    local clone=$home/clone-of-drive
    git clone --quiet "$home/drive/archives/alice.git" "$clone"
    diff -r --no-dereference "$home/documents" "$clone/documents"
}

same_history() {
    [ "$(git -C "$1" rev-parse HEAD)" = "$(git --git-dir "$2" rev-parse main)" ]
}

show_logs() { [ ${#tool[@]} = 0 ] || compose logs --tail 40 2>&1 || true; }

tear_down() {
    [ ${#tool[@]} = 0 ] || compose down --volumes --remove-orphans --timeout 20 >/dev/null 2>&1 || true
}
