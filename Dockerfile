# Heirloom in a container. One image for all three profiles; the command chooses: laptop, cloud or pi.
#
#   docker build -t heirloom . && docker run heirloom help
#
# Nothing here needs BuildKit, so that the Docker Engine of Debian's own packages builds it too.

# The manifests alone, over empty sources. The next stage copies this stage's result, and a copy is cached by content:
# as long as no manifest changes, the dependencies below stay compiled, whatever happens to the sources.
FROM debian:bookworm-slim AS manifests
COPY . /src
RUN find /src -type f ! -name Cargo.toml ! -name Cargo.lock ! -path '*/.cargo/*' -delete \
 && for manifest in /src/crates/*/Cargo.toml; do \
        crate=${manifest%/Cargo.toml}; mkdir -p "$crate/src"; \
        : > "$crate/src/lib.rs"; \
    done \
 && rm /src/crates/heirloom/src/lib.rs \
 && echo 'fn main() {}' > /src/crates/heirloom/src/main.rs

FROM rust:1.95-bookworm AS dependencies
# `quick` saves most of the build for a test of the image; see the root Cargo.toml.
ARG CARGO_PROFILE=release
WORKDIR /src
COPY --from=manifests /src .
RUN cargo build --locked --profile "$CARGO_PROFILE" -p heirloom

FROM dependencies AS build
ARG CARGO_PROFILE=release
COPY . .
# The placeholders are newer than the copied sources, and cargo goes by time.
RUN find crates -type f -exec touch {} + \
 && cargo build --locked --profile "$CARGO_PROFILE" -p heirloom \
 && install -D --strip "target/$CARGO_PROFILE/heirloom" /out/heirloom

FROM debian:bookworm-slim
LABEL org.opencontainers.image.title="Heirloom" \
      org.opencontainers.image.description="Keeps a person's files alive: past a lost laptop, a forgotten password, and the person's own death." \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
# git serves and maintains the archives; the certificates are for an S3 or a cloud behind https. The library of Perl, a
# quarter of it all, is there for parts of git that send e-mail or speak Subversion; Debian's own scripts use perl-base.
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ca-certificates git \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/log/apt /var/log/dpkg.log \
           /usr/share/doc/* /usr/share/man/* /usr/share/locale/* \
           /usr/share/perl /usr/share/perl5/Git* /usr/lib/*/perl
# A fresh named volume takes the mode of the directory it covers. These are open to any user so that `user:` may name
# somebody else than 1000; a volume is reachable from this container and for the host's root only.
RUN groupadd --gid 1000 heirloom \
 && useradd --uid 1000 --gid 1000 --home-dir /var/lib/heirloom --no-create-home --shell /usr/sbin/nologin heirloom \
 && install -d -o heirloom -g heirloom -m 1777 /var/lib/heirloom /srv/heirloom /run/heirloom /data /mnt/drive
COPY --from=build /out/heirloom /usr/local/bin/heirloom
COPY LICENSE-* /usr/share/doc/heirloom/
ENV HOME=/var/lib/heirloom
USER heirloom
VOLUME ["/var/lib/heirloom", "/srv/heirloom", "/run/heirloom"]
# S3 and the web view, of the cloud.
EXPOSE 9000 8080
STOPSIGNAL SIGTERM
# The first scan of a large folder must not look like an illness.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["heirloom", "health"]
ENTRYPOINT ["heirloom"]
CMD ["help"]
