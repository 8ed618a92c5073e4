# The laboratory's program in a container: one file and the C library, no shell, no package manager, not root.
#
#   docker build --tag spectra-lab:local .
#
# Every version comes from a lock file. What is downloaded or compiled once is kept between builds in cache mounts, and
# no layer but the last one reaches the image. Other base images: --build-arg RUNTIME=registry.example/cc-debian12:nonroot
ARG RUST=rust:1.95-slim-bookworm
ARG NODE=node:20-bookworm-slim
# Of the same Debian as RUST, so that the C library is not older than the one that was linked with.
ARG RUNTIME=gcr.io/distroless/cc-debian12:nonroot

FROM ${RUST} AS rust
# Only to build with, and never in the image: the distribution's own version will do.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --no-install-recommends -y libprotobuf-dev protobuf-compiler python3 \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src

# The .proto files that ours import, out of the crate that carries them.
FROM rust AS proto-deps
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    cargo fetch --locked && scripts/proto_deps.sh

# The web app's files, which become part of the program.
FROM ${NODE} AS web
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --no-install-recommends -y libprotobuf-dev protobuf-compiler \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund --ignore-scripts
COPY proto /src/proto
COPY --from=proto-deps /src/target/proto-deps /src/target/proto-deps
COPY web ./
RUN npm run generate && npm run build

FROM rust AS build
COPY . .
COPY --from=web /src/web/dist web/dist
# The lines of backtraces would make the program ten times as large; the names of functions stay.
ENV CARGO_PROFILE_RELEASE_DEBUG=0
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --release --locked --bin spectra \
    && install -D target/release/spectra /out/spectra

# The tag is in RUNTIME, where these do not look.
# checkov:skip=CKV_DOCKER_7: see above
# hadolint ignore=DL3006
FROM ${RUNTIME}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="SPECTRA-Lab" \
    org.opencontainers.image.description="Samples, instruments, calibrations and runs of a laboratory, over gRPC" \
    org.opencontainers.image.licenses="MIT" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
COPY --from=build /out/spectra /usr/local/bin/spectra
# In a container, a process is reached from outside of it; its ports are those that it has anywhere.
ENV SPECTRA_LISTEN=0.0.0.0:3012 \
    SPECTRA_AUTH_LISTEN=0.0.0.0:3021 \
    SPECTRA_SAMPLES_LISTEN=0.0.0.0:3022 \
    SPECTRA_CALIBRATION_LISTEN=0.0.0.0:3023 \
    SPECTRA_RUNS_LISTEN=0.0.0.0:3024 \
    SPECTRA_ADMIN_LISTEN=0.0.0.0:4012 \
    SPECTRA_LOG_JSON=true
# By number, so that Kubernetes can see that it is not root.
USER 65532:65532
EXPOSE 3012 8001 8002
# For a container with the edge in it; one with another service asks at that one's port.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["/usr/local/bin/spectra", "healthcheck", "127.0.0.1:3012"]
ENTRYPOINT ["/usr/local/bin/spectra"]
CMD ["serve"]
