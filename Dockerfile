# Every image of S4 but the node's own, which is under another licence (libs/node/Containerfile). In this directory:
#
#     podman build --build-arg SERVICE=web --tag s4-web .
#
# `s4 images build` does that for all of them, so that the same sources give the same digest (docs/operations/images.md).
# SERVICE names a file of pins, requirements/SERVICE.txt, and one of the last stages. No image holds configuration or a
# secret; each runs as nobody's user, needs no capability, and writes to /tmp and mounted folders only.
ARG BASE=docker.io/library/python:3.11-slim-bookworm
ARG SERVICE=web

# What builds our packages; nothing of it leaves this stage.
FROM ${BASE} AS tools
COPY requirements/build.txt /requirements/
RUN python -m venv --without-pip /opt/tools \
    && python -m pip --python /opt/tools/bin/python install --no-cache-dir --root-user-action=ignore \
        --require-hashes --requirement /requirements/build.txt

# All of our packages: the same for every image, so they are built once.
FROM tools AS wheels
COPY libs /source/libs
COPY services /source/services
RUN rm -r /source/libs/node \
    && python -m pip --python /opt/tools/bin/python wheel --no-cache-dir --no-deps --no-build-isolation \
        --wheel-dir /wheels /source/libs/* /source/services/*

# What others have written, without their tests, some of which bring private keys. Compiled with hashes of the sources
# instead of their times, unchecked: they cannot change where they run. -S: nothing of it is imported meanwhile, which
# would leave a file with a time.
FROM ${BASE} AS theirs
ARG SERVICE
COPY requirements/${SERVICE}.txt /requirements/
RUN python -m venv --without-pip /opt/s4 \
    && python -m pip --python /opt/s4/bin/python install --no-cache-dir --no-compile --root-user-action=ignore \
        --only-binary=:all: --require-hashes --requirement /requirements/${SERVICE}.txt \
    && find /opt/s4/lib -type d "(" -name test -o -name tests ")" -prune -exec rm -r {} + \
    && PYTHONHASHSEED=0 /opt/s4/bin/python -S -W ignore -m compileall -fq --invalidation-mode unchecked-hash /opt/s4/lib

# What this image needs of ours, in a tree of its own: a layer that is small, and the only one that most releases change.
# Whatever the pins lack cannot be found here, and ends the build.
FROM theirs AS ours
ARG SERVICE
COPY --from=wheels /wheels /wheels
RUN python -m pip --python /opt/s4/bin/python install --no-compile --root-user-action=ignore --root /ours \
        --no-index --find-links /wheels s4-${SERVICE} \
    && PYTHONHASHSEED=0 /opt/s4/bin/python -S -W ignore -m compileall -fq --invalidation-mode unchecked-hash -s /ours /ours

FROM ${BASE} AS bare
RUN printf 's4:x:10001:\n' >>/etc/group \
    && printf 's4:x:10001:10001::/tmp:/usr/sbin/nologin\n' >>/etc/passwd
ENV PATH=/opt/s4/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
LABEL org.opencontainers.image.licenses="MIT"
COPY --from=theirs /opt/s4 /opt/s4

FROM bare AS service
COPY --from=ours /ours/opt/s4 /opt/s4
USER 10001:10001

FROM service AS web
ENTRYPOINT ["python", "-m", "s4_web"]
CMD ["serve"]

FROM service AS billing
ENTRYPOINT ["python", "-m", "s4_billing"]
CMD ["serve"]

# The provisioner proves each grid with a real client: a program of its own under another licence, in an environment of
# its own, as in the node's image. Here are its packages, of which one has no wheel for this Python, ...
FROM ${BASE} AS their-node
# The compiler stays in this stage, so its version is nobody's concern.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
COPY libs/node/requirements.txt /requirements/
RUN python -m venv --without-pip /opt/s4/node \
    && CFLAGS=-g0 python -m pip --python /opt/s4/node/bin/python install --no-cache-dir --no-compile \
        --root-user-action=ignore --require-hashes --requirement /requirements/requirements.txt \
    && find /opt/s4/node/lib -type d "(" -name test -o -name tests ")" -prune -exec rm -r {} + \
    && PYTHONHASHSEED=0 /opt/s4/node/bin/python -S -W ignore -m compileall -fq --invalidation-mode unchecked-hash /opt/s4/node/lib

# ... and here is the node.
FROM tools AS our-node
COPY libs/node /source
RUN python -m pip --python /opt/tools/bin/python wheel --no-cache-dir --no-deps --no-build-isolation \
        --wheel-dir /wheels /source
COPY --from=their-node /opt/s4/node /opt/s4/node
RUN python -m pip --python /opt/s4/node/bin/python install --no-compile --root-user-action=ignore --root /ours \
        --no-index --find-links /wheels s4-node \
    && PYTHONHASHSEED=0 /opt/s4/node/bin/python -S -W ignore -m compileall -fq --invalidation-mode unchecked-hash -s /ours /ours

FROM bare AS beside-node
ENV PATH=/opt/s4/bin:/opt/s4/node/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LABEL org.opencontainers.image.licenses="MIT AND GPL-2.0-or-later"
COPY --from=their-node /opt/s4/node /opt/s4/node
COPY --from=our-node /ours/opt/s4/node /opt/s4/node
COPY --from=ours /ours/opt/s4 /opt/s4

FROM beside-node AS provisioner
USER 10001:10001
ENTRYPOINT ["python", "-m", "s4_provisioner"]
CMD ["serve"]

FROM service AS notifier
ENTRYPOINT ["python", "-m", "s4_notifier"]
CMD ["serve"]

FROM service AS invites
ENTRYPOINT ["python", "-m", "s4_invites"]
CMD ["serve"]

FROM service AS support
ENTRYPOINT ["python", "-m", "s4_support"]
CMD ["serve"]

# What operators type, and what the hourly backup runs: PostgreSQL's own programs write dumps and read them, of servers
# of their own release and older ones. kubectl is not in it.
FROM bare AS cli
# Of the client there is one in each Debian release.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-client \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old \
        /var/cache/ldconfig/aux-cache /var/log/*
COPY --from=ours /ours/opt/s4 /opt/s4
USER 10001:10001
ENTRYPOINT ["s4"]
CMD ["--help"]

# The mailbox server of magic-wormhole, for invites; what it keeps is in the mounted /var/lib/mailbox.
FROM bare AS mailbox
RUN install --directory --owner 10001 --group 10001 --mode 0700 /var/lib/mailbox
USER 10001:10001
WORKDIR /var/lib/mailbox
ENTRYPOINT ["python", "-m", "twisted", "wormhole-mailbox"]
CMD ["--port=tcp:4000:interface=0.0.0.0", "--disallow-list", "--blur-usage=3600", \
     "--channel-db=/var/lib/mailbox/channels.sqlite", "--usage-db=/var/lib/mailbox/usage.sqlite"]

# What the emulated machines of the local cloud have on them: the node. One package of it has to be compiled.
FROM theirs AS machines
# The compiler stays in this stage, so its version is nobody's concern.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
COPY libs/devcloud/src /opt/devcloud
COPY libs/node /opt/node
RUN PYTHONPATH=/opt/devcloud CFLAGS=-g0 /opt/s4/bin/python -m s4_devcloud image --kind sshd \
        --output /opt/machines --node /opt/node \
    && rm -r /opt/machines/plain-packages-* \
    && find /opt/machines -name direct_url.json -delete \
    && find /opt/machines -name RECORD -exec sed -i /direct_url.json/d {} + \
    && find /opt/machines -type d "(" -name __pycache__ -o -name test -o -name tests ")" -prune -exec rm -r {} + \
    && PYTHONHASHSEED=0 /opt/s4/bin/python -S -W ignore -m compileall -fq --invalidation-mode unchecked-hash /opt/machines

# The local cloud, for development only: the one image with a shell to log in to, for its machines are sshd processes.
FROM bare AS devcloud
LABEL org.opencontainers.image.licenses="MIT AND GPL-2.0-or-later"
# A local cloud has whatever sshd its Debian release has now.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends openssh-server \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old \
        /var/cache/ldconfig/aux-cache /var/log/* /etc/ssh/ssh_host_* \
    && sed -i 's|^s4:.*|s4:x:10001:10001::/var/lib/devcloud:/bin/sh|' /etc/passwd \
    && install --directory --owner 10001 --group 10001 --mode 0700 /var/lib/devcloud
COPY --from=machines /opt/machines /opt/machines
COPY --from=ours /ours/opt/s4 /opt/s4
USER 10001:10001
WORKDIR /var/lib/devcloud
ENTRYPOINT ["python", "-m", "s4_devcloud"]
CMD ["--help"]

# What compose.yaml runs once before the services, a customer who tries them, and a customer's client: for development.
FROM beside-node AS shop
RUN install --directory --owner 10001 --group 10001 --mode 0700 /minted /var/lib/client
USER 10001:10001
RUN ["python", "-m", "s4_shop.compose", "folders", "/minted"]
ENTRYPOINT ["python", "-m", "s4_shop.compose"]
CMD ["--help"]

# What starts a service again when its sources change.
FROM tools AS watching
COPY requirements/watch.txt /requirements/
RUN python -m venv --without-pip /opt/watch \
    && python -m pip --python /opt/watch/bin/python install --no-cache-dir --root-user-action=ignore \
        --only-binary=:all: --require-hashes --requirement /requirements/watch.txt

# A service's image for who works on it (compose.develop.yaml): it runs what is mounted below /source.
FROM ${SERVICE} AS develop
ARG SERVICE
COPY --from=watching /opt/watch /opt/watch
ENV SERVICE=${SERVICE} \
    PYTHONPATH=/source/own:/source/libs/aws/src:/source/libs/bus/src:/source/libs/contracts/src:/source/libs/runtime/src:/source/libs/store/src:/source/libs/stripe/src
ENTRYPOINT ["sh", "-c", "exec /opt/watch/bin/watchfiles \"python -m s4_$SERVICE $0\" /source"]
CMD ["serve"]

FROM ${SERVICE}
ARG SERVICE
ARG REVISION=unknown
ARG VERSION=0
LABEL org.opencontainers.image.title="s4-${SERVICE}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.version="${VERSION}"
