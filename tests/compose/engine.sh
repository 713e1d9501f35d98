# A Docker Engine for the compose test: the one that is running, else one of our own for as long as the test lasts.
# Sourced by `run`. Sets `engine` to found, own or none, and `engine_trouble` to the reason when it is none.

engine=none
engine_trouble=
engine_dir=

find_engine() {
    local complaint
    if ! command -v docker >/dev/null; then
        engine_trouble="there is no docker command (Debian: apt-get install docker.io)"
        return
    fi
    if complaint=$(docker version 2>&1 >/dev/null) && docker info >/dev/null 2>&1; then
        engine=found
        echo "Docker Engine $(docker version --format '{{.Server.Version}}'), already running"
        return
    fi
    engine_trouble=${complaint:-docker info failed}
    [ -z "${DOCKER_HOST:-}" ] || return 0
    if ! command -v dockerd >/dev/null; then return; fi
    if [ "$(id -u)" != 0 ]; then
        engine_trouble="$engine_trouble; only root could start one for the test"
        return
    fi
    start_engine
}

# Its own socket, state and process ids; no firewall rules, no forwarding: the machine's network stays as it is. Containers
# reach one another and the host reaches their ports; what they cannot reach is the world, which only the build needs.
start_engine() {
    local socket=$scratch/engine/socket log=$scratch/engine/log
    engine_dir=$scratch/engine
    # Images outlive the run, so that the next one need not build again.
    mkdir -p "$engine_dir" "$cache/engine"
    # A busy machine can be too slow for the fifteen seconds that dockerd gives its containerd.
    for _ in 1 2 3; do
        launch_engine "$socket" "$log"
        if docker --host "unix://$socket" info >/dev/null 2>&1; then
            export DOCKER_HOST=unix://$socket
            engine=own
            echo "Docker Engine $(docker version --format '{{.Server.Version}}'), started for this test"
            return
        fi
        stop_engine
        grep -q 'timeout waiting for containerd' "$log" || break
    done
    engine_trouble="dockerd did not start: $(grep -v -E 'level=(info|warning|debug)' "$log" | tail -n 1)"
}

# launch_engine SOCKET LOG: returns when the engine answers or is gone.
launch_engine() {
    setsid dockerd --host "unix://$1" --pidfile "$engine_dir/pid" --exec-root "$engine_dir/run" \
        --data-root "$cache/engine" --bridge=none --iptables=false --ip6tables=false --ip-forward=false \
        >"$2" 2>&1 9>&- &
    local process=$!
    for _ in $(seq 120); do
        if docker --host "unix://$1" info >/dev/null 2>&1; then return; fi
        kill -0 "$process" 2>/dev/null || return 0
        sleep 0.5
    done
}

stop_engine() {
    [ -n "$engine_dir" ] && [ -s "$engine_dir/pid" ] || return 0
    local process
    process=$(cat "$engine_dir/pid")
    kill "$process" 2>/dev/null || true
    for _ in $(seq 60); do
        kill -0 "$process" 2>/dev/null || break
        sleep 0.5
    done
}

# What the engine and an interrupted debootstrap leave mounted; only then may the directory below be removed.
unmount_below() {
    local point
    awk -v below="$1/" 'index($2, below) == 1 { print $2 }' /proc/self/mounts | sort -r |
        while read -r point; do umount "$point" 2>/dev/null || umount --lazy "$point" || true; done
}
