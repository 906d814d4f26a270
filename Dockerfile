# One image for every role and for CPU and CUDA alike: the locked torch brings its CUDA libraries along.

FROM node:24-trixie-slim AS page
WORKDIR /src/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci --ignore-scripts
COPY web ./
RUN npm run build

FROM python:3.11-slim-trixie AS build
WORKDIR /src
COPY requirements/uv.txt requirements/run.txt requirements/
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/uv.txt \
    && python -m venv --without-pip /opt/labelaudit \
    && uv pip install --python /opt/labelaudit/bin/python --no-cache --compile-bytecode --require-hashes -r requirements/run.txt
COPY pyproject.toml README.md ./
COPY api api
COPY bench bench
COPY core core
COPY labelaudit labelaudit
COPY migrations migrations
COPY worker worker
RUN uv pip install --python /opt/labelaudit/bin/python --no-cache --compile-bytecode --no-deps --no-build-isolation .

FROM python:3.11-slim-trixie
# A Dockerfile cannot set the umask of the program, so a script of three lines does.
RUN groupadd --gid 10001 labelaudit \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin labelaudit \
    && install --directory --owner 10001 --group 10001 --mode 0700 /data \
    && printf '#!/bin/sh\numask 077\nexec /opt/labelaudit/bin/labelaudit "$@"\n' > /usr/local/bin/labelaudit \
    && chmod 0755 /usr/local/bin/labelaudit
COPY --from=build /opt/labelaudit /opt/labelaudit
COPY --from=page /src/web/dist /opt/labelaudit/page
ENV LABELAUDIT_HOME=/data \
    LABELAUDIT_PAGE=/opt/labelaudit/page \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8484
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
    CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8484, timeout=4); c.request('GET', '/readyz'); exit(c.getresponse().status != 200)"]
ENTRYPOINT ["labelaudit"]
CMD ["serve", "--host", "0.0.0.0"]
